"""Mustache, the part of it that prompts use.

After the specification's interpolation, sections, inverted, partials and comments
(https://mustache.github.io/mustache.5.html), with two differences: nothing is escaped, for a prompt
is no HTML, and a variable that nobody gave is an error instead of nothing. Delimiters stay as they
are, and lambdas do not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jinja2

from trimtab.errors import InvalidRequest
from trimtab.templates.allowance import bounded, current_allowance
from trimtab.templates.sandbox import MOST_CHARACTERS
from trimtab.templates.size import Size

# Nothing in it may match the same text in two ways: it would take for ever on many blanks.
_TAG = re.compile(r"\{\{\{([^{}]+)\}\}\}|\{\{([^{}]*)\}\}")
_SIGNS = tuple("#^/>!&=")
_REST_OF_LINE = re.compile(r"[ \t\r]*(?:\n|\Z)")
_NAME = re.compile(r"\.|[\w-]+(\.[\w-]+)*")
_DEEPEST = 20
_MOST_TURNS = 10_000


class Node(NamedTuple):
    """`kind` is `text`, or the sign of a tag: ` ` for a variable, `#`, `^` or `>`."""

    kind: str
    value: str
    inside: Sequence[Node] = ()


def parse(text: str, where: str, size: Size | None = None) -> Sequence[Node]:
    """The nodes of a template.

    Args:
        size: of the templates before it; None counts this one alone.
    Raises:
        InvalidRequest: a section is not closed or not open, a name is none, or it is too large.
    """
    (size or Size()).add(text, _TAG.finditer(text), where)
    stack: list[tuple[str, str, list[Node]]] = [("", "", [])]
    at = 0
    for tag in _TAG.finditer(text):
        start, end = tag.span()
        sign, name = ("&", tag[1].strip()) if tag[1] is not None else _signed(tag[2].strip())
        if sign in ("#", "^", "/", "!") and (alone := _alone(text, start, end)):
            start, end = alone
        if text[at:start]:
            stack[-1][2].append(Node("text", text[at:start]))
        at = end
        if sign == "!":
            continue
        _take(stack, sign, name, where)
    if text[at:]:
        stack[-1][2].append(Node("text", text[at:]))
    if len(stack) > 1:
        raise _wrong(f"the section {stack[-1][1]!r} is not closed", where)
    return stack[0][2]


def _signed(inside: str) -> tuple[str, str]:
    """The sign of a tag, if it has one, and its name."""
    return (inside[0], inside[1:].strip()) if inside.startswith(_SIGNS) else ("", inside)


def _take(stack: list[tuple[str, str, list[Node]]], sign: str, name: str, where: str) -> None:
    if sign == "=":
        raise _wrong("delimiters cannot be changed", where)
    if not (_NAME.fullmatch(name) or (sign == ">" and name)):
        raise _wrong(f"{name[:40]!r} is no name", where)
    if sign in ("#", "^"):
        if len(stack) > _DEEPEST:
            raise _wrong("sections are nested too deep", where)
        stack.append((sign, name, []))
    elif sign == "/":
        kind, opened, inside = stack[-1]
        if opened != name or len(stack) == 1:
            raise _wrong(f"{{{{/{name}}}}} closes a section that is not open", where)
        stack.pop()
        stack[-1][2].append(Node(kind, name, inside))
    else:
        stack[-1][2].append(Node(">" if sign == ">" else " ", name))


def _alone(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the line of a tag begins and ends, if there is nothing else in it."""
    begin = start
    while begin and text[begin - 1] in " \t":
        begin -= 1
    rest = _REST_OF_LINE.match(text, end)
    if rest is None or (begin and text[begin - 1] != "\n"):
        return None
    return begin, rest.end()


def names(nodes: Sequence[Node], bound: bool = False) -> Iterator[str]:
    """Variables that a template takes from outside; those in a section may be of its items."""
    for node in nodes:
        if node.kind == " " and node.value != "." and not bound:
            yield node.value.partition(".")[0]
        elif node.kind in ("#", "^"):
            if node.value != "." and not bound:
                yield node.value.partition(".")[0]
            yield from names(node.inside, bound or node.kind == "#")


def partials(nodes: Sequence[Node]) -> Iterator[str]:
    """The prompts that a template takes in."""
    for node in nodes:
        if node.kind == ">":
            yield node.value
        yield from partials(node.inside)


class MustacheText:
    """A template ready to be written.

    Args:
        partial: the text of another prompt, by the name in this one.
    """

    def __init__(
        self, nodes: Sequence[Node], partial: Callable[[str], MustacheText] | None = None
    ) -> None:
        self.nodes = nodes
        self.partial = partial

    def write(self, variables: Mapping[str, Any]) -> str:
        """The text with its variables filled in.

        Raises:
            jinja2.UndefinedError: a variable is missing.
            OverflowError: it writes too much.
        """
        with bounded():
            text = "".join(_Writing().pieces(self, [variables]))
        text.encode()
        return text


class _Writing:
    """One rendering, partials included, and how much of its allowance is left."""

    def __init__(self) -> None:
        self._left = MOST_CHARACTERS
        self._turns = _MOST_TURNS

    def pieces(self, text: MustacheText, stack: list[Any]) -> Iterator[str]:
        for piece in self._nodes(text, text.nodes, stack):
            self._left -= len(piece)
            if self._left < 0:
                raise OverflowError(f"it writes more than {MOST_CHARACTERS} characters")
            yield piece

    def _nodes(self, text: MustacheText, nodes: Sequence[Node], stack: list[Any]) -> Iterator[str]:
        allowance = current_allowance()
        for node in nodes:
            allowance.step()
            if node.kind == "text":
                yield node.value
            elif node.kind == " ":
                yield str(_found(node.value, stack))
            elif node.kind == ">":
                if text.partial is not None:
                    inner = text.partial(node.value)
                    yield from self._nodes(inner, inner.nodes, stack)
            else:
                yield from self._section(text, node, stack)

    def _section(self, text: MustacheText, node: Node, stack: list[Any]) -> Iterator[str]:
        value = _found(node.value, stack, missing=None)
        if node.kind == "^":
            if not value:
                yield from self._nodes(text, node.inside, stack)
            return
        items = value if isinstance(value, list | tuple) else [value] if value else []
        for item in items:
            self._turns -= 1
            if self._turns < 0:
                raise OverflowError(f"its sections turn more than {_MOST_TURNS} times in all")
            yield from self._nodes(text, node.inside, [*stack, item])


_REQUIRED = object()


def _found(name: str, stack: Sequence[Any], missing: Any = _REQUIRED) -> Any:
    """The value of a name, from the innermost context that has its first part."""
    if name == ".":
        return stack[-1]
    first, *rest = name.split(".")
    for context in reversed(stack):
        if isinstance(context, Mapping) and first in context:
            value = context[first]
            for part in rest:
                if not (isinstance(value, Mapping) and part in value):
                    break
                value = value[part]
            else:
                return value
            break
    if missing is _REQUIRED:
        raise jinja2.UndefinedError(f"{name!r} is undefined")
    return missing


def _wrong(what: str, where: str) -> InvalidRequest:
    return InvalidRequest(
        f"the template has a syntax error: {what}",
        where=where,
        fix="write {{name}}, {{#list}}...{{/list}}, {{^list}}...{{/list}} or {{> partial}}",
    )
