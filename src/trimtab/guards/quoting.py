"""Quoting: which parts of JSON stand in strings and what those say, of a text in pieces.

What a string says may be written with escapes (`\\u0040` for `@`), so signals read it as a parser
would, and what they find is found again in the text as it was written.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import NamedTuple

import msgspec

from trimtab.ports import GuardText, Place

_MARK = re.compile(r'\\.|"', re.DOTALL)
_NUMBER = frozenset("+-.0123456789eE")
_BEFORE_VALUES = frozenset(":,[")
_AFTER_VALUES = frozenset(",]}")
_SPACE = " \t\r\n"
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|.|\Z)|"', re.DOTALL)
_CUT = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?")
_CUT_PAIR = re.compile(r"(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?")
_LOW = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_SHORT = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))


class Spelt(NamedTuple):
    """What a piece of JSON says once the escapes in its strings are read.

    Args:
        places: of `text`, each where an escape begins or ends; `written` are those of the piece.
    """

    text: str
    places: list[int]
    written: list[int]

    def at(self, place: int) -> int:
        """Where a place of `text` is in the piece as it was written."""
        known = bisect_right(self.places, place) - 1
        return self.written[known] + place - self.places[known]

    def before(self, place: int) -> int:
        """The place of `text` that a place of the piece as it was written leads to."""
        known = bisect_right(self.written, place) - 1
        found = self.places[known] + place - self.written[known]
        return min(found, self.places[known + 1]) if known + 1 < len(self.places) else found


class Quoted(msgspec.Struct, frozen=True):
    """A piece of JSON; `quotes` are the places of those that begin and end its strings.

    Args:
        is_json: the text begins as an object or a list; arguments may be free text as well.
        inside: the piece begins within a string; `escaped`: behind a backslash of it.
        blank: nothing of the text has come yet but space.
    """

    text: str
    offset: int
    is_json: bool
    inside: bool
    escaped: bool
    quotes: tuple[int, ...]
    blank: bool = False

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

    def spelt(self, *, complete: bool) -> Spelt | None:
        """What it says; None where that is what is written.

        An escape that is cut off at the end says nothing yet, unless the text is `complete`.
        """
        text = self.text
        if not self.is_json or "\\" not in text:
            return None
        said: list[str] = []
        places, written = [0], [0]
        inside, at, size = self.inside, 0, 0
        for mark in _ESCAPE.finditer(text, int(self.escaped)):
            start, end = mark.span()
            if text[start] == '"':
                inside = not inside
                continue
            if not inside or start < at:
                continue
            if not complete and _is_cut(text, start, end):
                text = text[:start]
                break
            char, end = _read(text, start, end)
            if char is None:
                continue
            said += (text[at:start], char)
            size += start - at
            places += (size, size + 1)
            written += (start, end)
            size, at = size + 1, end
        said.append(text[at:])
        whole = "".join(said)
        return None if len(whole) == len(self.text) else Spelt(whole, places, written)


def _is_cut(text: str, start: int, end: int) -> bool:
    """Whether more of this escape may follow the text."""
    if end - start != 6:
        return _CUT.fullmatch(text, start) is not None
    return text[start + 2 : start + 4].lower() in _HIGHS and bool(_CUT_PAIR.fullmatch(text, end))


_HIGHS = frozenset({"d8", "d9", "da", "db"})
_HALF = "\ufffd"


def _read(text: str, start: int, end: int) -> tuple[str | None, int]:
    """The character of an escape and where that ends; None where it is no escape of JSON."""
    if end - start != 6:
        return _SHORT.get(text[start + 1 : end]), end
    code = int(text[start + 2 : end], 16)
    if not 0xD800 <= code < 0xE000:
        return chr(code), end
    low = _LOW.match(text, end) if code < 0xDC00 else None
    if low is None:
        return _HALF, end
    return chr(0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00), low.end()


class Quoting:
    """The JSON of one call as it comes: of each place, the piece that was shown last."""

    def __init__(self) -> None:
        self._last: dict[Place, Quoted] = {}

    def take(self, text: GuardText) -> None:
        """See the next piece, which may begin within the one before."""
        last = self._last.get(text.place)
        is_json, inside, escaped, blank = False, False, False, True
        if text.offset:
            at = text.offset - last.offset if last is not None else -1
            if last is None or not 0 <= at <= len(last.text):
                self._last.pop(text.place, None)
                return
            is_json, blank, (inside, escaped) = last.is_json, last.blank, last.state(at)
        if blank and (first := text.text.lstrip(_SPACE)[:1]):
            is_json, blank = first in ("{", "["), False
        quotes: tuple[int, ...] = ()
        if is_json:
            found = _MARK.finditer(text.text, int(escaped))
            quotes = tuple(one.start() for one in found if one.group() == '"')
        self._last[text.place] = Quoted(
            text.text, text.offset, is_json, inside, escaped, quotes, blank
        )

    def of(self, text: GuardText) -> Quoted | None:
        """What is known of a text that was taken; None where nothing is."""
        return self._last.get(text.place)

    def spelt(self, text: GuardText) -> Spelt | None:
        """What a text that was taken says; None where that is what is written."""
        known = self._last.get(text.place)
        return None if known is None else known.spelt(complete=text.complete)


def spelt(text: str) -> Spelt | None:
    """What a whole text says, if it is JSON; None where that is what is written.

    >>> found = spelt('{"to": "ann\\\\u0040x.org"}')
    >>> found.text, found.at(12)
    ('{"to": "ann@x.org"}', 17)
    """
    if "\\" not in text:
        return None
    quoting, one = Quoting(), GuardText(place=Place("", 0), text=text)
    quoting.take(one)
    return quoting.spelt(one)
