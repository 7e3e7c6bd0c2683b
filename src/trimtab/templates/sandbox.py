"""The sandbox templates run in: no way out of the values given, and no way to eat the machine.

Jinja's sandbox keeps a template away from Python. The bounds here keep what is left small: results
of arithmetic, turns of `range`, what is written, and how long it takes. They make a runaway
template an error; they are no defence against somebody who may write prompts and means harm all the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.environment import TemplateExpression
from jinja2.runtime import BlockReference, LoopContext, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment

from trimtab.templates.allowance import bounded, counted, counted_range, current_allowance

MOST_CHARACTERS = 4_000_000
"""Of what a message of a prompt may become."""

_MOST_ITEMS = 1_000_000
_MOST_BITS = 4_096
_PADDING = frozenset({"center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill"})
_PADDING_FILTERS = ("batch", "center", "format", "indent", "replace", "slice", "wordwrap")
_COUNTED = "what a loop goes through"  # no name that a template could write


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without what can make much out of little."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            finalize=_writable,
            keep_trailing_newline=True,
            # Constants are folded when a template is compiled, where no bound would hold.
            optimized=False,
        )
        self.globals = {"range": counted_range, "dict": dict}
        for name in _PADDING_FILTERS:
            del self.filters[name]
        self.filters = {name: _of_small(each) for name, each in self.filters.items()}
        self.filters[_COUNTED] = counted
        tests: dict[str, Any] = self.tests
        self.tests = {name: _a_step(each) for name, each in tests.items()}

    def call_binop(
        self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any
    ) -> Any:
        _require_small(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in (*_PADDING, "replace", "join"):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Jinja lets `format` through this way, and "{:>999999999}" makes much out of little."""
        del value
        return None

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        """Have every loop count its turns; Jinja calls this before it compiles."""
        for loop in source.find_all(nodes.For):
            loop.iter = nodes.Filter(
                loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno, environment=self
            )
        return super()._generate(source, name, filename, defer_init)

    def is_safe_callable(self, obj: Any) -> bool:
        """Asked before each call, so that a macro which calls itself twice ends."""
        current_allowance().step()
        return super().is_safe_callable(obj)

    def write(self, template: jinja2.Template, variables: Mapping[str, Any]) -> str:
        """Render a template.

        Raises:
            OverflowError: it writes or counts too much.
            UnicodeEncodeError: half a surrogate pair, which no request can carry.
        """
        pieces, size = [], 0
        with bounded():
            for piece in template.generate(variables):
                size += len(piece)
                if size > MOST_CHARACTERS:
                    raise OverflowError(f"it writes more than {MOST_CHARACTERS} characters")
                pieces.append(piece)
        text = "".join(pieces)
        text.encode()
        return text

    def value(self, expression: TemplateExpression, variables: Mapping[str, Any]) -> Any:
        """What an expression comes to, as it is. Raises OverflowError where it counts too much."""
        with bounded():
            return expression(variables)


def joins(tree: nodes.Template) -> bool:
    """Whether a template joins with `~`, which no bound can be put on."""
    return tree.find(nodes.Concat) is not None


def _writable(value: Any) -> Any:
    """What a template writes. A method or a generator says only where it is in memory."""
    if isinstance(value, str):
        return value
    if (callable(value) or hasattr(value, "__next__")) and not isinstance(value, jinja2.Undefined):
        raise jinja2.TemplateRuntimeError(f"a {type(value).__name__} cannot be written")
    for inside in _leaves(value):
        if isinstance(inside, jinja2.Undefined) and inside is not value:
            str(inside)  # raises UndefinedError, as it does by itself
    return value


def _of_small(wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is given nothing which would be huge when it is spelt out."""

    @wraps(wrapped)
    def small(*given: Any, **named: Any) -> Any:
        current_allowance().step()
        for value in (*given, *named.values()):
            if not isinstance(value, str):
                _require_few(value)
        return wrapped(*given, **named)

    return small


def _a_step(wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """A test, which may be made of every item of a list."""

    @wraps(wrapped)
    def tested(*given: Any, **named: Any) -> Any:
        current_allowance().step()
        return wrapped(*given, **named)

    return tested


def _require_few(value: Any, times: int = 1) -> None:
    """Raises OverflowError, TemplateRuntimeError: as `_leaves`."""
    for _ in _leaves(value, times):
        pass


def _leaves(value: Any, times: int = 1) -> Iterator[Any]:
    """What is in lists and objects, or the value itself.

    A list that holds another a thousand times is short, and long when it is spelt out.

    Raises:
        OverflowError: with what lists hold, and hold again, there are too many items.
        TemplateRuntimeError: something of it is a part of the template.
    """
    left = _MOST_ITEMS
    open_ = [value]
    while open_:
        one = open_.pop()
        if isinstance(one, list | tuple):
            inside: Iterable[Any] = one
        elif isinstance(one, dict):
            inside = one.values()
        else:
            if isinstance(one, TemplateReference | LoopContext | BlockReference):
                raise jinja2.TemplateRuntimeError(f"a {type(one).__name__} cannot be written")
            if one is not value and isinstance(one, str):
                left -= len(one) // 8 * times
            yield one
            continue
        left -= (len(one) + 1) * times
        if left < 0:
            raise OverflowError("a value is too long to be written")
        open_ += inside


def _require_small(operator: str, left: Any, right: Any) -> None:
    sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
    if operator == "%" and isinstance(left, str):
        raise OverflowError("text cannot be formatted with %")
    if operator == "+" and sum(sizes) > _MOST_ITEMS:
        raise OverflowError("a sum is too long")
    if operator == "*" and sizes:
        count = right if isinstance(right, int) else left
        if isinstance(count, int) and sizes[0] * count > _MOST_ITEMS:
            raise OverflowError("a product is too long")
        if isinstance(count, int) and count > 0:
            _require_few(left if count is right else right, count)
    bits = [abs(side).bit_length() for side in (left, right) if isinstance(side, int)]
    if len(bits) == 2 and operator in ("*", "**"):
        needed = sum(bits) if operator == "*" else bits[0] * min(abs(right), _MOST_BITS + 1)
        if needed > _MOST_BITS:
            raise OverflowError("a number is too large")
