"""Normalising: a text as its reader sees it, with the way back to the text as it was given.

Invisible characters go, white space becomes a space or a line feed, tag characters become the ASCII
they hide, styled letters, typographic quotes and dashes become plain ones (NFKC, UAX 15), stacked
marks are cut, and look-alikes of other scripts become Latin where a word passes for Latin.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.signals import characters
from trimtab.signals.lookalikes import disguised

_ODD = re.compile(r"[^\t\n\r\x20-\x7e]")
_PIECE = 65_536
_INVISIBLE = {"Cf", "Cc", "Cs", "Co", "Cn"}
_FLAG = "\U0001f3f4"
_FLAGS = {"gbeng", "gbsct", "gbwls"}
_MOST_MARKS = 4

Edit = tuple[int, int, str]


class Normal(NamedTuple):
    """A normalised text.

    `origins`: shape (len(text),), for each character the place in the raw text that it came from,
    rising; None where the raw text needed no change.
    """

    text: str
    origins: npt.NDArray[np.int64] | None
    raw_length: int

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the raw text behind the characters from `start` to `end`."""
        if self.origins is None:
            return start, end
        if start >= end:
            at = int(self.origins[start]) if start < len(self.origins) else self.raw_length
            return at, at
        last = int(self.origins[end - 1])
        after = self.origins[end] if end < len(self.origins) else self.raw_length
        return int(self.origins[start]), max(last + 1, int(after) if after > last else last + 1)


def normal(raw: str) -> Normal:
    """A text without what cannot be seen, its look-alikes and styles undone. Idempotent, linear.

    >>> normal("i\\u200bgnore \\uff21LL").text
    'ignore ALL'
    """
    if _ODD.search(raw) is None:
        return Normal(raw, None, len(raw))
    found = _edited(raw, None, _tags(raw))
    found = _spelt(*found)
    if not found[0].isascii():
        for edits in (_disguises, _stacks, _accents):
            found = _edited(*found, edits(found[0]))
    text, origins = found
    if text == raw:
        return Normal(raw, None, len(raw))
    if origins is None:
        origins = np.arange(len(text), dtype=np.int64)
    return Normal(text, origins, len(raw))


_Origins = npt.NDArray[np.int64] | None


def _edited(text: str, origins: _Origins, edits: Iterable[Edit]) -> tuple[str, _Origins]:
    """A text with some of its parts replaced; the first characters of a part lead to its own."""
    made = list(edits)
    if not made:
        return text, origins
    parts: list[str] = []
    done = 0
    for start, end, new in made:
        parts += (text[done:start], new)
        done = end
    parts.append(text[done:])
    starts = np.array([edit[0] for edit in made])
    ends = np.array([edit[1] for edit in made])
    sizes = np.array([len(edit[2]) for edit in made])
    change = np.zeros(len(text) + 1, dtype=np.int64)
    change[0] = 1
    change[np.minimum(starts + sizes, ends)] -= 1
    change[ends] += 1
    counts = np.cumsum(change)[:-1]
    counts[ends - 1] += np.maximum(sizes - (ends - starts), 0)
    at = np.repeat(np.arange(len(text)), counts)
    return "".join(parts), at if origins is None else origins[at]


def _tags(raw: str) -> Iterator[Edit]:
    """Spaces around tag characters, which are spelt later; nothing where they make a flag."""
    for found in characters.one_of(characters.TAGS).finditer(raw):
        start = found.start()
        hidden = found.group().translate(_HIDDEN_BY_TAGS)
        is_flag = raw[start - 1 : start] == _FLAG and hidden in _FLAGS
        if not hidden or is_flag:
            yield start, found.end(), ""
        elif found.end() == start + 1:
            yield start, found.end(), f" {found.group()} "
        else:
            # Each space leads to the tag beside it, and each tag to itself.
            yield start, start + 1, f" {raw[start]}"
            yield found.end() - 1, found.end(), f"{raw[found.end() - 1]} "


def _spelt(text: str, origins: _Origins) -> tuple[str, _Origins]:
    """A text with each of its characters spelt plainly."""
    spell = _SPELLING.__getitem__
    pieces: list[str] = []
    counts: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(text), _PIECE):
        plain = list(map(spell, text[start : start + _PIECE]))
        pieces.append("".join(plain))
        counts.append(np.fromiter(map(len, plain), dtype=np.int64, count=len(plain)))
    whole = "".join(pieces)
    if whole == text:
        return text, origins
    at = np.repeat(np.arange(len(text)), np.concatenate(counts))
    return whole, at if origins is None else origins[at]


class _Spelling(dict[str, str]):
    """How a character is spelt, worked out when it is first met."""

    def __missing__(self, char: str) -> str:
        spelt = _spell(char)
        if len(self) < _PIECE:
            self[char] = spelt
        return spelt


def _spell(char: str) -> str:
    if (known := _OWN.get(char)) is not None:
        return known
    kind = unicodedata.category(char)
    if char in "\t\n\r" or char in characters.SEEN_FORMATS:
        return char
    if kind in _SPACES:
        return _SPACES[kind]
    if (
        kind in _INVISIBLE
        or (kind in {"Mn", "Me"} and char > "\uffff")
        or _HIDDEN.match(char) is not None
    ):
        return ""
    return "".join(_OWN.get(each, each) for each in unicodedata.normalize("NFKC", char))


_SPACES = {"Zs": " ", "Zl": "\n", "Zp": "\n"}
_HIDDEN = characters.one_of(characters.ZERO_WIDTH + characters.SELECTORS)


def _letters(first: int, letters: str) -> dict[str, str]:
    return {chr(first + at): letter for at, letter in enumerate(letters)}


_HIDDEN_BY_TAGS = {0xE0000 + code: chr(code) if 0x20 <= code < 0x7F else "" for code in range(0x80)}
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OWN = {
    **dict.fromkeys("\x0b\x0c\x85", "\n"),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u02b9", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212", "-"),
    **dict.fromkeys("\u2044\u2215", "/"),
    "\u2800": " ",
    "\ufdfa": "\ufdfa",
    **{chr(tag): letter for tag, letter in _HIDDEN_BY_TAGS.items()},
    **_letters(0x249C, _UPPER.lower()),
    **_letters(0x1F110, _UPPER),
    **_letters(0x1F150, _UPPER),
    **_letters(0x1F170, _UPPER),
    **_letters(0x1F1E6, _UPPER),
    **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True)),
}
"""What NFKC leaves: line ends, quotes, dashes, letters in boxes, circles and flags, small capitals;
and the one character (U+FDFA) that it would make eighteen of."""

_SPELLING = _Spelling()


def _disguises(text: str) -> Iterator[Edit]:
    for word in disguised(text):
        yield word.start, word.end, word.plain


def _stacks(text: str) -> Iterator[Edit]:
    """Letters with their marks: composed, with no more of them than a script has use for.

    Marks beyond the basic plane, of scripts that few fonts draw, were left out before.
    """
    marks = characters.marks()
    for found in characters.one_of(marks).finditer(text):
        start, end = found.span()
        base = text[start - 1 : start]
        stack = found.group()[: 2 * _MOST_MARKS]
        whole = unicodedata.normalize("NFC", base + stack)
        first = whole[:1] if base else ""
        is_latin = not base or base < "\u0250" or "\u1e00" <= base < "\u1f00" or not base.isalpha()
        new = first if is_latin else whole[: 1 + _MOST_MARKS]
        if new != base + found.group():
            yield max(start - 1, 0), end, new


_ACCENTED = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]{5,}")


def _accents(text: str) -> Iterator[Edit]:
    """Accents where every letter has one, as in no language: taken off."""
    for found in _ACCENTED.finditer(text):
        word = unicodedata.normalize("NFD", found.group())
        yield found.start(), found.end(), characters.one_of(characters.marks()).sub("", word)
