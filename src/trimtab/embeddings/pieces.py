"""Texts cut into the pieces of a vocabulary: whole words by a look-up, others by WordPiece.

Words are found as BERT's uncased tokeniser finds them (lower case, no accents, each Han character
on its own), but for three things: symbols stand alone as punctuation does; a character that the
vocabulary does not hold is left out, not the whole word; and what takes more than eight pieces is
no word but a code or noise, of which the first eight are taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

_LONGEST_WORD = 64  # characters; what is longer counts as several words
_MOST_PIECES = 8
_WORD = re.compile(rf"[^\W_]{{1,{_LONGEST_WORD}}}|[^\w\s]|_")
_MARK = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]+"
)
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]")
_PREFIX = 3
_REMEMBERED = 4_096  # words that are not in the vocabulary as a whole

Longest = dict[str, int]


def words(text: str) -> list[str]:
    """Lower-cased words, numbers and symbols of a text, in order.

    >>> words("Crème brûlée, 2 for €9!")
    ['creme', 'brulee', ',', '2', 'for', '€', '9', '!']
    """
    text = text.lower()
    if not text.isascii():
        text = _MARK.sub("", unicodedata.normalize("NFD", text))
        text = _HAN.sub(r" \g<0> ", text)
    return _WORD.findall(text)


class Pieces:
    """A vocabulary of words and of `##ends` of words, by the place in it.

    Safe to use by many threads. What is remembered is bounded in number and length.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._whole = {t: at for at, t in enumerate(vocabulary) if not t.startswith("##")}
        self._ends = {t[2:]: at for at, t in enumerate(vocabulary) if t.startswith("##")}
        self._pieces = lru_cache(maxsize=_REMEMBERED)(self._cut)

    def ids(self, text: str) -> list[int]:
        """The places of a text's pieces in the vocabulary, in order."""
        return self.of_words(words(text))

    def of_words(self, found: Sequence[str]) -> list[int]:
        """The same of words that `words` found."""
        known = list(map(self._whole.get, found))
        if None not in known:
            return known  # type: ignore[return-value]  # there is no None in it
        return list(self._all(known, found))

    def _all(self, known: list[int | None], found: Sequence[str]) -> Iterator[int]:
        for at, word in zip(known, found, strict=True):
            if at is None:
                yield from self._pieces(word)
            else:
                yield at

    def _cut(self, word: str) -> tuple[int, ...]:
        """Longest match first, as WordPiece does (Wu et al. 2016, section 4.1)."""
        found: list[int] = []
        start = 0
        while start < len(word) and len(found) < _MOST_PIECES:
            table, longest = (self._ends, self._longest_end) if found else self._starts
            most = longest.get(word[start : start + _PREFIX], _PREFIX - 1)
            for end in range(min(len(word), start + most), start, -1):
                at = table.get(word[start:end])
                if at is not None:
                    found.append(at)
                    start = end
                    break
            else:
                start += 1
        return tuple(found)

    @cached_property
    def _starts(self) -> tuple[dict[str, int], Longest]:
        return self._whole, _longest(self._whole)

    @cached_property
    def _longest_end(self) -> Longest:
        return _longest(self._ends)


def _longest(table: dict[str, int]) -> Longest:
    """How long the longest entry is that begins with the same letters: no longer one is tried."""
    found: Longest = {}
    for entry in table:
        start = entry[:_PREFIX]
        if len(entry) > found.get(start, 0):
            found[start] = len(entry)
    return found
