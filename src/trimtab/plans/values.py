"""Templates of plans: over the inputs, the outputs of steps, and the item of a fan-out.

A template that is one expression, `{{ steps.split.output }}`, gives the value itself: a list stays
a list. Any other gives text, in which lists and objects are written as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import jinja2
import msgspec
from jinja2 import meta, nodes

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.templates.jinja import names, parts, syntax_error
from trimtab.templates.sandbox import MOST_CHARACTERS, PromptEnvironment
from trimtab.templates.size import Size

INPUTS, STEPS, ITEM, INDEX = "inputs", "steps", "item", "index"
MOST_ITEMS = 1_000
"""Of one fan-out."""

_OF_A_STEP = ("output", "status")
_FALSE = frozenset({"", "false", "no", "0", "none", "null"})
_ONE = re.compile(r"\{\{[-+]?(.*?)[-+]?\}\}", re.DOTALL)


class _Environment(PromptEnvironment):
    """The sandbox, with values in texts as JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.finalize = _in_text
        self.filters["tojson"] = lambda value: jsonx.encode(value).decode()

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A member of an object goes before a method of Python's: `items` is a common name."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def _in_text(value: Any) -> Any:
    if value is None:
        return ""
    return jsonx.encode(value).decode() if isinstance(value, bool | dict | list | tuple) else value


_ENVIRONMENT = _Environment()


class Names(NamedTuple):
    """What a template takes: inputs by name (`*` for all at once), steps, and whether the item."""

    inputs: frozenset[str]
    steps: frozenset[str]
    item: bool


class Value:
    """A template, compiled.

    Args:
        where: its place in the plan, for errors: `steps[2].message`.
        size: of the templates before it.
    Raises:
        InvalidRequest: it does not compile, takes what no plan has, or is too large.
    """

    def __init__(self, text: str, where: str, size: Size) -> None:
        self.where = where
        size.add(text, parts(text), where)
        self.names = _names(text, where)
        try:
            whole = _whole(text)
            self._expression = (
                None
                if whole is None
                else _ENVIRONMENT.compile_expression(whole, undefined_to_none=False)
            )
            self._template = None if whole is not None else _ENVIRONMENT.from_string(text)
        except jinja2.TemplateSyntaxError as error:
            raise syntax_error(error, where) from None
        except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
            raise InvalidRequest(
                f"the template cannot be compiled: {error}", where=where, fix="nest less"
            ) from None

    def of(self, scope: Mapping[str, Any]) -> Any:
        """The value in a scope, which is plain JSON.

        Raises:
            InvalidRequest: a value that it takes is not there, or it fails on these values.
        """
        try:
            if self._expression is not None:
                return _plain(_ENVIRONMENT.value(self._expression, scope))
            if self._template is not None:
                return _ENVIRONMENT.write(self._template, scope)
        except jinja2.UndefinedError as error:
            raise self._failed(error.message or "a value is missing") from None
        except Exception as error:
            # A template is a program: dividing by zero or calling itself for ever is its business.
            raise self._failed(str(error) or type(error).__name__) from None
        return ""

    def text(self, scope: Mapping[str, Any]) -> str:
        """The value as text. Raises as `of`."""
        value = self.of(scope)
        return value if isinstance(value, str) else str(_in_text(value))

    def holds(self, scope: Mapping[str, Any]) -> bool:
        """Whether a condition holds: its text is none of empty, false, no, 0. Raises as `of`."""
        value = self.of(scope)
        if isinstance(value, dict | list):
            return bool(value)
        return str(_in_text(value)).strip().lower() not in _FALSE

    def items(self, scope: Mapping[str, Any]) -> list[Any]:
        """The items of a fan-out. Raises as `of`, or InvalidRequest where it is no list."""
        value = self.of(scope)
        if not isinstance(value, list):
            raise InvalidRequest(
                f"`each` came to {_kind(value)}, not to a list",
                where=self.where,
                fix="give the step it takes an `output_schema` of the type array, or an object "
                "that has one, and write one expression: {{ steps.NAME.output }}",
            )
        if len(value) > MOST_ITEMS:
            raise InvalidRequest(
                f"`each` came to {len(value)} items, and {MOST_ITEMS} are the most",
                where=self.where,
                fix="take a part of the list: {{ steps.NAME.output[:100] }}",
            )
        return value

    def _failed(self, why: str) -> InvalidRequest:
        return InvalidRequest(
            f"the template cannot be rendered: {why}",
            where=self.where,
            fix="correct the template, or give what it takes",
        )


def _whole(text: str) -> str | None:
    """The expression that a template is, if it is nothing but one."""
    body = _ENVIRONMENT.parse(text.strip()).body
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        return None
    if isinstance(body[0].nodes[0], nodes.TemplateData):
        return None
    found = _ONE.fullmatch(text.strip())
    return None if found is None else found[1].strip()


def _names(text: str, where: str) -> Names:
    needs = names(text, where)
    if needs.partials:
        raise InvalidRequest(
            "a template of a plan cannot take in a prompt",
            where=where,
            fix="ask the prompt in a step: `ask: prompt/NAME`",
        )
    tree = _ENVIRONMENT.parse(text)
    unknown = meta.find_undeclared_variables(tree) - {INPUTS, STEPS, ITEM, INDEX, "range", "dict"}
    if unknown:
        raise InvalidRequest(
            f"a template of a plan knows no {', '.join(sorted(unknown)[:10])}",
            where=where,
            fix="write inputs.NAME, steps.NAME.output, or in a step with `each` item and index",
        )
    bare = [one.name for one in tree.find_all(nodes.Name) if one.ctx == "load"]
    inputs, of_inputs = _members(tree, INPUTS)
    steps, of_steps = _members(tree, STEPS)
    if bare.count(STEPS) > of_steps:
        raise InvalidRequest(
            "a template names the steps it takes one by one",
            where=where,
            fix="write steps.NAME.output, with the name as it stands",
        )
    _require_fields(tree, where)
    every = {"*"} if bare.count(INPUTS) > of_inputs else set()
    return Names(frozenset({*inputs, *every}), frozenset(steps), bool({ITEM, INDEX} & set(bare)))


def _members(tree: nodes.Node, of: str) -> tuple[set[str], int]:
    """The members of a variable that are named, and how often any is."""
    found = [
        name for node in tree.find_all((nodes.Getattr, nodes.Getitem)) for name in _of(node, of)
    ]
    return set(found), len(found)


def _of(node: nodes.Node, variable: str) -> Iterator[str]:
    inner = getattr(node, "node", None)
    if isinstance(inner, nodes.Name) and inner.name == variable:
        name = _member(node)
        if name is not None:
            yield name


def _member(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return node.arg.value if isinstance(node.arg.value, str) else None
    return None


def _require_fields(tree: nodes.Node, where: str) -> None:
    """Raises InvalidRequest for a field that no step has."""
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        inner = getattr(node, "node", None)
        if inner is None or not list(_of(inner, STEPS)):
            continue
        field = _member(node)
        if field is not None and field not in _OF_A_STEP:
            step = _member(inner)
            raise InvalidRequest(
                f"a step has no {field!r}",
                where=where,
                fix=f"write steps.{step}.output, or steps.{step}.output.{field} for a part of it",
            )


def _plain(value: Any) -> Any:
    """A value as JSON has it; what a filter gives piece by piece is put together."""
    if isinstance(value, jinja2.Undefined):
        value = str(value)  # which raises what is missing
    if isinstance(value, Iterator | range):
        value = list(islice(value, MOST_CHARACTERS))
    encoded = jsonx.encode(value)
    if len(encoded) > MOST_CHARACTERS:
        raise OverflowError(f"it comes to more than {MOST_CHARACTERS} bytes")
    return msgspec.json.decode(encoded)


def _kind(value: Any) -> str:
    kinds = {str: "text", dict: "an object", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), "a number")
