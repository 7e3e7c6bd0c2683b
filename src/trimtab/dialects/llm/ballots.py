"""Ballots: when two answers say the same, and what most of them say. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from trimtab.dialects.llm.parts import Part, Refusal, Text, ToolCall

_FENCED = re.compile(r"\A```[A-Za-z0-9_-]*[ \t]*\n(.*?)\n?```\Z", re.DOTALL)
_AROUND = " \t\n\"'`*_.,;:!"  # of a short answer: quotes, emphasis, the full stop
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{1,30})?|\.\d{1,30})")
_NOTHING = object()


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted: `first` is the index of the answer that most agree with.

    `agreed` are those that say what it says; `others` the sizes of the other groups, the largest
    first; `answered` those that count at all, of `asked`. `tied`: another group is as large.
    """

    first: int
    agreed: tuple[int, ...]
    others: tuple[int, ...]
    answered: int
    asked: int

    @property
    def tied(self) -> bool:
        return bool(self.others) and self.others[0] == len(self.agreed)


def count(said: Sequence[Hashable | None], *, asked: int) -> Ballot | None:
    """Count what answers say; of groups of one size the one that has the earliest answer wins.

    Args:
        said: a value for each answer, the same for those that say the same; None counts for
            nothing.
        asked: how many answers were asked for.
    Returns:
        None where no answer counts.

    >>> count(["a", "b", None, "b"], asked=5).agreed
    (1, 3)
    """
    votes = Counter(one for one in said if one is not None)
    if not votes:
        return None
    most = max(votes.values())
    winner = next(one for one in said if one is not None and votes[one] == most)
    return Ballot(
        first=said.index(winner),
        agreed=tuple(index for index, one in enumerate(said) if one == winner),
        others=tuple(sorted((n for one, n in votes.items() if one != winner), reverse=True)),
        answered=sum(votes.values()),
        asked=asked,
    )


def said_by(parts: Sequence[Part], *, member: str | None = None) -> Hashable | None:
    """What an answer says, the same for answers that say the same.

    JSON is compared as a value, calls of tools by name and arguments, a number by its amount, and
    other text without case, marks around it and differences of space.

    Args:
        member: of the answer's JSON, by its path; an answer without it says nothing.
    """
    first = [part for part in parts if getattr(part, "choice", 0) == 0]
    if any(isinstance(part, Refusal) for part in first):
        return ("refusal",) if member is None else None
    calls = _calls(first)
    if calls:
        return ("calls", *calls) if member is None else None
    text = "".join(part.text for part in first if isinstance(part, Text))
    if member is not None:
        found = _at(_json(text), member)
        return None if found is _NOTHING else _canonical(found)
    return meant(text) or None


def meant(value: Any) -> str:
    """What a text or a value says, the same for those that say the same.

    >>> meant("Yes."), meant('{"a": 1.0}'), meant({"a": 1})
    ('yes', '{"a":1}', '{"a":1}')
    """
    if isinstance(value, str):
        inside = _json(value)
        if not isinstance(inside, dict | list):
            return normal(value)
        value = inside
    return _canonical(value)


def normal(text: str) -> str:
    """A short text in the form in which two that say the same are equal.

    >>> normal(" **Paris**."), normal("paris"), normal("42.0"), normal("+42")
    ('paris', 'paris', '42', '42')
    """
    fenced = _FENCED.match(text.strip())
    plain = unicodedata.normalize("NFKC", fenced[1] if fenced else text).casefold()
    bare = " ".join(plain.strip(_AROUND).split())
    if _NUMBER.fullmatch(bare):
        return _number(bare)
    # Marks alone are an answer too: "!" is not "?".
    return bare or " ".join(plain.split())


def _number(text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    return "0" if not value else format(value.normalize(), "f")


def _calls(parts: Sequence[Part]) -> list[tuple[str, str]]:
    """The calls of tools, their arguments joined and compared as JSON."""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for part in parts:
        if isinstance(part, ToolCall):
            names[part.index] = names.get(part.index, "") or part.name or ""
            arguments[part.index] = arguments.get(part.index, "") + part.arguments
    found = []
    for index, name in sorted(names.items()):
        value = _json(arguments[index])
        found.append((name, arguments[index] if value is _NOTHING else _canonical(value)))
    return found


def _json(text: str) -> Any:
    """The JSON value of a text, out of its code fence if it has one; `_NOTHING` for other text."""
    stripped = text.strip()
    fenced = _FENCED.match(stripped)
    try:
        return msgspec.json.decode((fenced[1] if fenced else stripped).encode())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _NOTHING


def _at(value: Any, member: str) -> Any:
    for name in member.split("."):
        if not isinstance(value, dict) or name not in value:
            return _NOTHING
        value = value[name]
    return value


def _canonical(value: Any) -> str:
    try:
        return msgspec.json.encode(_plain(value), order="sorted").decode()
    except RecursionError:
        return repr(type(value))


def _plain(value: Any) -> Any:
    """JSON in which equal values are written alike: 1 and 1.0, and strings as short answers."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return normal(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
