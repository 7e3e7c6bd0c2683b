"""The sandbox prompts run in: no way out of the values given, and no way to eat the machine.

Jinja's sandbox keeps a template away from Python. The bounds here keep what is left small: results
of arithmetic, turns of `range`, what is written. They make a runaway template an error; they are no
defence against somebody who may write prompts and means harm all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_CHARACTERS = 4_000_000
"""Of what a message of a prompt may become."""

_MOST_ITEMS = 1_000_000
_MOST_BITS = 4_096
_MOST_TURNS = 10_000
_PADDING = frozenset({"center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill"})
_PADDING_FILTERS = ("batch", "center", "format", "indent", "replace", "slice", "wordwrap")


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without what can make much out of little."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            # Constants are folded when a template is compiled, where no bound would hold.
            optimized=False,
        )
        self.globals = {"range": range, "dict": dict}
        for name in _PADDING_FILTERS:
            del self.filters[name]

    def call_binop(
        self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any
    ) -> Any:
        _require_small(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in (*_PADDING, "replace", "join"):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def write(self, template: jinja2.Template, variables: Mapping[str, Any]) -> str:
        """Render a template.

        Raises:
            OverflowError: it writes or counts too much.
            UnicodeEncodeError: half a surrogate pair, which no request can carry.
        """
        pieces, size = [], 0
        for piece in template.generate({**variables, "range": _Turns().range}):
            size += len(piece)
            if size > MOST_CHARACTERS:
                raise OverflowError(f"it writes more than {MOST_CHARACTERS} characters")
            pieces.append(piece)
        text = "".join(pieces)
        text.encode()
        return text


def joins(tree: nodes.Template) -> bool:
    """Whether a template joins with `~`, which no bound can be put on."""
    return tree.find(nodes.Concat) is not None


class _Turns:
    """One allowance for all the ranges of a rendering, nested ones included."""

    def __init__(self) -> None:
        self._left = _MOST_TURNS

    def range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        self._left -= len(numbers) + 1
        if self._left < 0:
            raise OverflowError(f"range() counts to more than {_MOST_TURNS} in all")
        return numbers


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
    bits = [abs(side).bit_length() for side in (left, right) if isinstance(side, int)]
    if len(bits) == 2 and operator in ("*", "**"):
        needed = sum(bits) if operator == "*" else bits[0] * min(abs(right), _MOST_BITS + 1)
        if needed > _MOST_BITS:
            raise OverflowError("a number is too large")
