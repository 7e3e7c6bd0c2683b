"""Quoting: which parts of JSON stand in strings, of a text that may come piece by piece."""

from __future__ import annotations

import re
from bisect import bisect_left

import msgspec

from trimtab.ports import GuardText, Place

_MARK = re.compile(r'\\.|"', re.DOTALL)
_NUMBER = frozenset("+-.0123456789eE")
_BEFORE_VALUES = frozenset(":,[")
_AFTER_VALUES = frozenset(",]}")
_SPACE = " \t\r\n"


class Quoted(msgspec.Struct, frozen=True):
    """A piece of JSON; `quotes` are the places of those that begin and end its strings.

    Args:
        is_json: the text begins as an object or a list; arguments may be free text as well.
        inside: the piece begins within a string; `escaped`: behind a backslash of it.
    """

    text: str
    offset: int
    is_json: bool
    inside: bool
    escaped: bool
    quotes: tuple[int, ...]

    def number(self, start: int, end: int) -> tuple[int, int] | None:
        """The whole number around the characters from `start` to `end`; None if there is none."""
        if (
            not self.is_json
            or self._is_in_string(start)
            or not _NUMBER.issuperset(self.text[start:end])
        ):
            return None
        while start and self.text[start - 1] in _NUMBER:
            start -= 1
        while end < len(self.text) and self.text[end] in _NUMBER:
            end += 1
        before = self.text[:start].rstrip(_SPACE)[-1:]
        after = self.text[end:].lstrip(_SPACE)[:1]
        is_value = (not before or before in _BEFORE_VALUES) and (
            not after or after in _AFTER_VALUES
        )
        return (start, end) if is_value else None

    def _is_in_string(self, at: int) -> bool:
        return self.inside ^ bool(bisect_left(self.quotes, at) % 2)

    def state(self, at: int) -> tuple[bool, bool]:
        """Whether a place is within a string, and whether behind a backslash of it."""
        inside = self._is_in_string(at)
        run = at - len(self.text[:at].rstrip("\\"))
        run += run == at and self.escaped
        return inside, inside and run % 2 == 1


class Quoting:
    """The JSON of one call as it comes: of each place, the piece that was shown last."""

    def __init__(self) -> None:
        self._last: dict[Place, Quoted] = {}

    def take(self, text: GuardText) -> None:
        """See the next piece, which may begin within the one before."""
        last = self._last.get(text.place)
        is_json, inside, escaped = text.text.lstrip(_SPACE)[:1] in ("{", "["), False, False
        if text.offset:
            at = text.offset - last.offset if last is not None else -1
            if last is None or not 0 <= at <= len(last.text):
                self._last.pop(text.place, None)
                return
            is_json, (inside, escaped) = last.is_json, last.state(at)
        found = _MARK.finditer(text.text, int(escaped))
        quotes = tuple(one.start() for one in found if one.group() == '"')
        self._last[text.place] = Quoted(text.text, text.offset, is_json, inside, escaped, quotes)

    def of(self, text: GuardText) -> Quoted | None:
        """What is known of a text that was taken; None where nothing is."""
        return self._last.get(text.place)
