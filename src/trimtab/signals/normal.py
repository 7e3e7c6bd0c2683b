"""Normalising: a text as its reader sees it, with the way back to the text as it was given.

Invisible characters and terminal sequences go, white space becomes a space or a line feed, tag
characters become the ASCII they hide, rows of variation selectors the text whose bytes they are,
styled letters, digits of any script, typographic quotes and dashes become plain ones (NFKC,
UAX 15), stacked marks are cut, and look-alikes of other scripts become Latin where a word passes
for Latin.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.signals import characters
from trimtab.signals.encodings import in_utf8, is_utf8
from trimtab.signals.lookalikes import disguised
from trimtab.signals.spelling import HIDDEN_BY_TAGS, spelling

_ODD = re.compile(r"[^\t\n\r\x20-\x7e]")
_PIECE = 65_536
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
    found = _edited(raw, None, _sequences(raw))
    found = _edited(*found, _tags(found[0]))
    found = _edited(*found, _bytes(found[0]))
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


_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-9;?]{0,64}[@-~]")


def _sequences(raw: str) -> Iterator[Edit]:
    """Colours and movements of a terminal (ECMA-48), which nobody sees."""
    if "\x1b" in raw or "\x9b" in raw:
        for found in _SEQUENCE.finditer(raw):
            yield *found.span(), ""


def _tags(raw: str) -> Iterator[Edit]:
    """Spaces around tag characters, which are spelt later; nothing where they make a flag."""
    for found in characters.one_of(characters.TAGS).finditer(raw):
        start = found.start()
        hidden = found.group().translate(HIDDEN_BY_TAGS)
        is_flag = raw[start - 1 : start] == _FLAG and hidden in _FLAGS
        if not hidden or is_flag:
            yield start, found.end(), ""
        elif found.end() == start + 1:
            yield start, found.end(), f" {found.group()} "
        else:
            # Each space leads to the tag beside it, and each tag to itself.
            yield start, start + 1, f" {raw[start]}"
            yield found.end() - 1, found.end(), f"{raw[found.end() - 1]} "


def _bytes(text: str) -> Iterator[Edit]:
    """What rows of variation selectors say, where it is text: 256 of them, a byte each."""
    left = _PIECE
    for found in _selectors().finditer(text):
        left -= found.end() - found.start()
        if left < 0:
            return
        data = bytes(ord(c) - (0xFE00 if c < "\uffff" else 0xE00F0) for c in found.group())
        if not is_utf8(data):
            continue
        made = list(in_utf8(data, [(at, at + 1) for at in range(*found.span())]))
        if not all(char.isprintable() or char == "\n" for char, _, _ in made):
            continue
        made[0] = (f" {made[0][0]}", *made[0][1:])
        made[-1] = (f"{made[-1][0]} ", *made[-1][1:])
        for char, start, end in made:
            yield start, end, char


@cache
def _selectors() -> re.Pattern[str]:
    return characters.one_of(characters.SELECTORS, "{4,}")


def _spelt(text: str, origins: _Origins) -> tuple[str, _Origins]:
    """A text with each of its characters spelt plainly."""
    known = spelling()
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    sizes = known.sizes(codes)
    if sizes is None:
        return text, origins
    whole = known.spelt(codes, sizes).tobytes().decode("utf-32-le", "surrogatepass")
    at = np.repeat(np.arange(len(codes)), sizes)
    return whole, at if origins is None else origins[at]


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
        is_latin = (
            not base
            or base < "\u0250"
            or "\u1e00" <= base < "\u1f00"
            or not (base.isalpha() or unicodedata.category(base) == "Mc")
        )
        new = first if is_latin else whole[: 1 + _MOST_MARKS]
        if new != base + found.group():
            yield max(start - 1, 0), end, new


_ACCENTED = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]{5,}")


def _accents(text: str) -> Iterator[Edit]:
    """Accents where every letter has one, as in no language: taken off."""
    for found in _ACCENTED.finditer(text):
        word = unicodedata.normalize("NFD", found.group())
        yield found.start(), found.end(), characters.one_of(characters.marks()).sub("", word)
