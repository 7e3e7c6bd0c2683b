"""Slots: the places of a template where values are written, and what stands around them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import jinja2
from jinja2 import meta

from trimtab.records.prompt import Syntax
from trimtab.templates.sandbox import PromptEnvironment

_ENVIRONMENT = PromptEnvironment()
_MUSTACHE = re.compile(r"\{\{\{\s*([\w.-]+)\s*\}\}\}|\{\{&?\s*([\w.-]+)\s*\}\}")
_OPENING = re.compile(r"\{[{%#]")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
# What turns any text into something that cannot be read as instructions.
_HARMLESS = ("tojson", "length", "count", "int", "float", "round")


class Slot(NamedTuple):
    """A place where a value is written.

    `name` is that of the first variable in it, `harmless` says that a filter leaves no text of it
    as it came.
    """

    name: str
    start: int
    end: int
    line: int
    harmless: bool = False


def slots(text: str, syntax: Syntax) -> Iterator[Slot]:
    """The slots of a template in order; none of one that cannot be read.

    >>> [(one.name, one.line) for one in slots("Be brief.\\nAsked: {{ q | trim }}", "jinja")]
    [('q', 2)]
    """
    if syntax == "mustache":
        for tag in _MUSTACHE.finditer(text):
            name = (tag[1] or tag[2]).partition(".")[0]
            yield Slot(name, *tag.span(), text.count("\n", 0, tag.start()) + 1)
        return
    try:
        tokens = list(_ENVIRONMENT.lex(text))
    except jinja2.TemplateSyntaxError:
        return
    yield from _written(text, tokens)


def _written(text: str, tokens: Sequence[tuple[int, str, str]]) -> Iterator[Slot]:
    at = begun = line = 0
    words: list[str] = []
    bound: dict[str, str] = {}
    known: dict[str, tuple[str, bool] | None] = {}  # the same is written again and again
    for number, kind, value in tokens:
        found = text.find(value, at)
        start, at = (found, found + len(value)) if found >= 0 else (at, at)
        if kind in ("variable_begin", "block_begin"):
            begun, line, words = start, number, []
        elif kind == "block_end":
            bound |= _bound(words)
        elif kind == "variable_end":
            inside = "".join(words)
            if inside not in known:
                known[inside] = _read(inside)
            if (told := known[inside]) is not None:
                yield Slot(bound.get(told[0], told[0]), begun, at, line, told[1])
        else:
            words.append(value)


def _read(inside: str) -> tuple[str, bool] | None:
    """The variable of a slot, and whether it is harmless; None where it has none."""
    try:
        names = meta.find_undeclared_variables(_ENVIRONMENT.parse("{{" + inside + "}}"))
    except jinja2.TemplateSyntaxError:
        return None
    if not names:
        return None
    return min(names, key=inside.find), any(_filtered(one, inside) for one in _HARMLESS)


def _filtered(filter: str, inside: str) -> bool:
    return bool(re.search(rf"\|\s*{filter}\b", inside))


def _bound(words: Sequence[str]) -> Mapping[str, str]:
    """The variable of a loop by the name that its items have inside."""
    loop = re.match(r"\s*for\s+(\w+)\s+in\s+(\w+)", "".join(words))
    return {loop[1]: loop[2]} if loop else {}


def without_tags(text: str) -> str:
    """What of a template is there whatever the values are, about.

    >>> without_tags("Answer {{ question }}{% if brief %} briefly{% endif %}.")
    'Answer  briefly.'
    """
    kept: list[str] = []
    begun = at = 0
    endless: set[str] = set()  # looked for once each: a text may open a million tags
    while (opened := _OPENING.search(text, at)) is not None:
        at = opened.end()
        if opened[0] in endless:
            continue
        end = text.find(_CLOSING[opened[0]], at)
        if end < 0:
            endless.add(opened[0])
            continue
        kept.append(text[begun : opened.start()])
        begun = at = end + (3 if text.startswith("}}}", end) else 2)
    return "".join((*kept, text[begun:]))
