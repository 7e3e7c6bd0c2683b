"""Completion: what could stand at a place of a filter that is being written.

Knows fields, operators and closed sets of values. Values of open fields come from the records: ask
`place` which field it is, look them up, and hand them to `complete`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from trimtab.dialects.filter.fields import (
    ALIASES,
    CHOICES,
    HAS,
    KEYED,
    OPERATORS,
    may_be_absent,
    operators,
    resolved,
)
from trimtab.dialects.filter.write import spelt
from trimtab.records.filter import FIELDS

_TIMES = ("1h", "24h", "7d", "30d")
_KEYWORDS = ("OR", "NOT")


class Place(msgspec.Struct, frozen=True):
    """Where the cursor stands: what is being written there, and which characters it replaces."""

    part: Literal["field", "present", "value"]
    field: str | None
    typed: str
    start: int
    end: int


class Suggestion(msgspec.Struct, frozen=True):
    """Text to put in place of the characters from `start` to `end`."""

    text: str
    kind: Literal["field", "operator", "value", "keyword"]
    detail: str
    start: int
    end: int


def place(text: str, cursor: int) -> Place | None:
    """What is being written at the cursor; None inside words to search for.

    >>> place("status:ok mod", 13)
    Place(part='field', field=None, typed='mod', start=10, end=13)
    """
    cursor = max(0, min(cursor, len(text)))
    start = _start_of_word(text[:cursor])
    word = text[start:cursor]
    if word.startswith('"'):
        return None
    split = _operator_at(word)
    if split is None:
        return Place("field", None, word, start, cursor)
    name, value = word[: split[0]], word[split[1] :]
    typed = value[_start_of_value(value) :]
    begin = cursor - len(typed)
    if name.lower() == HAS:
        return Place("present", None, typed, begin, cursor)
    head, dot, _ = name.partition(".")
    field = resolved(head if dot and resolved(head) in KEYED else name)
    return Place("value", field, typed.lstrip('"'), begin, cursor)


def complete(text: str, cursor: int, *, values: Sequence[str] = ()) -> list[Suggestion]:
    """What could stand at the cursor, the likeliest first.

    Args:
        cursor: a character of the text, its length at the end.
        values: known values of the field that `place` named.

    >>> [found.text for found in complete("sta", 3)]
    ['status:']
    >>> [found.text for found in complete("status:er", 9)]
    ['error']
    """
    here = place(text, cursor)
    if here is None:
        return []
    match here.part:
        case "field":
            found = _fields(here)
        case "present":
            found = _found(here, ((name, FIELDS[name]) for name in FIELDS if may_be_absent(name)))
        case "value":
            found = _values(here, values)
    return list(found)


def _fields(here: Place) -> Iterator[Suggestion]:
    exact = resolved(here.typed)
    if exact is not None and exact not in KEYED:
        for sign in operators(exact):
            yield Suggestion(here.typed + sign, "operator", FIELDS[exact], here.start, here.end)
    for name in (*FIELDS, *ALIASES, HAS):
        if name.startswith(here.typed.lower()) and name != here.typed.lower():
            detail = "is there" if name == HAS else _detail(name)
            yield Suggestion(name + _after(name), "field", detail, here.start, here.end)
    for word in _KEYWORDS:
        if here.typed and word.startswith(here.typed):
            yield Suggestion(f"{word} ", "keyword", "", here.start, here.end)


def _detail(name: str) -> str:
    field = ALIASES.get(name, name)
    return FIELDS[field] if field == name else f"{field}, {FIELDS[field]}"


def _after(name: str) -> str:
    field = ALIASES.get(name, name)
    if field in KEYED:
        return "."
    return ":" if name == HAS else operators(field)[0]


def _values(here: Place, known: Sequence[str]) -> Iterator[Suggestion]:
    if here.field is None:
        return iter(())
    if here.field in CHOICES:
        known = CHOICES[here.field]
    elif FIELDS[here.field] == "flag":
        known = ("true", "false")
    elif FIELDS[here.field] == "time":
        known = _TIMES
    return _found(here, ((spelt(value), value) for value in known), kind="value")


def _found(
    here: Place,
    options: Iterable[tuple[str, str]],
    *,
    kind: Literal["field", "value"] = "field",
) -> Iterator[Suggestion]:
    """The options that hold what is typed, those first that begin with it."""
    typed = here.typed.lower()
    matching = [(text, detail) for text, detail in options if typed in text.lower()]
    for text, detail in sorted(matching, key=lambda one: not one[0].lower().startswith(typed)):
        yield Suggestion(text, kind, detail if detail != text else "", here.start, here.end)


def _start_of_word(text: str) -> int:
    """Where the condition begins that the text ends in; spaces in quotes are part of it."""
    start, quoted, escaped = 0, False, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif not quoted and (char.isspace() or char in "()"):
            start = index + 1
    while text[start : start + 1] == "-":
        start += 1
    return start


def _operator_at(word: str) -> tuple[int, int] | None:
    """Where the operator of a condition begins and ends."""
    quoted = False
    for index, char in enumerate(word):
        if char == '"':
            quoted = not quoted
        if quoted:
            continue
        sign = next((sign for sign in OPERATORS if word.startswith(sign, index)), None)
        if sign is not None:
            return index, index + len(sign)
    return None


def _start_of_value(text: str) -> int:
    """Where the last of several values begins."""
    start, quoted = 0, False
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            start = index + 1
    return start
