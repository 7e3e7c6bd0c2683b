"""Texts cut into the pieces of a vocabulary: whole words by a look-up, others by WordPiece.

Words are found as BERT's uncased tokeniser finds them (lower case, no accents, each Han character
on its own), but for three things: symbols stand alone as punctuation does; a character that the
vocabulary does not hold is left out, not the whole word; and what takes more than eight pieces is
no word but a code or noise, of which the first eight are taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import islice

_LONGEST_WORD = 64  # characters; what is longer counts as several words
_MOST_PIECES = 8
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_ASCII_WORD = re.compile(rf"[a-z0-9]{{1,{_LONGEST_WORD}}}|[^\sa-z0-9]")
_WORD = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]{{1,{_LONGEST_WORD}}}|[^\w\s]|_")
_MARK = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]+"
)
_PREFIX = 3
_SHORT = (2, 1)  # lengths below that of a prefix
_REMEMBERED = 4_096  # words that are not in the vocabulary as a whole

Lengths = dict[str, tuple[int, ...]]


def words(text: str) -> list[str]:
    """Lower-cased words, numbers and symbols of a text, in order.

    >>> words("Crème brûlée, 2 for €9!")
    ['creme', 'brulee', ',', '2', 'for', '€', '9', '!']
    """
    text = text.lower()
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return _WORD.findall(_MARK.sub("", unicodedata.normalize("NFD", text)))


class Pieces:
    """A vocabulary of words and of `##ends` of words, by the place in it.

    Safe to use by many threads. What is remembered is bounded in number and length.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._whole = {t: at for at, t in enumerate(vocabulary) if not t.startswith("##")}
        self._ends = {t[2:]: at for at, t in enumerate(vocabulary) if t.startswith("##")}
        self._pieces = lru_cache(maxsize=_REMEMBERED)(self._cut)

    def ids(self, text: str, most_cut: int | None = None) -> list[int]:
        """The places of a text's pieces in the vocabulary, in order."""
        return self.of_words(words(text), most_cut)

    def of_words(self, found: Sequence[str], most_cut: int | None = None) -> list[int]:
        """The same of words that `words` found.

        Args:
            most_cut: how many words that are not in the vocabulary as a whole are cut into pieces;
                those after them are left out. None for all of them.
        """
        known = list(map(self._whole.get, found))
        if None not in known:
            return known  # type: ignore[return-value]  # there is no None in it
        pieces: list[int | None] = []
        done = 0
        others = (at for at, one in enumerate(known) if one is None and len(found[at]) > 1)
        for at in islice(others, most_cut):
            pieces += known[done:at]
            pieces += self._pieces(found[at])
            done = at + 1
        pieces += known[done:]
        return [at for at in pieces if at is not None]

    def _cut(self, word: str) -> tuple[int, ...]:
        """Longest match first, as WordPiece does (Wu et al. 2016, section 4.1)."""
        found: list[int] = []
        start = 0
        table, lengths = self._whole, self._whole_lengths
        size = len(word)
        while start < size and len(found) < _MOST_PIECES:
            for length in lengths.get(word[start : start + _PREFIX], _SHORT):
                at = table.get(word[start : start + length])
                if at is not None:
                    found.append(at)
                    start += length
                    table, lengths = self._ends, self._end_lengths
                    break
            else:
                start += 1
        return tuple(found)

    @cached_property
    def _whole_lengths(self) -> Lengths:
        return _lengths(self._whole)

    @cached_property
    def _end_lengths(self) -> Lengths:
        return _lengths(self._ends)


def _lengths(table: dict[str, int]) -> Lengths:
    """By its first letters, how long the entries are that a word may begin with: longest first."""
    found: dict[str, set[int]] = {}
    for entry in table:
        if len(entry) >= _PREFIX:
            found.setdefault(entry[:_PREFIX], set()).add(len(entry))
    return {start: (*sorted(sizes, reverse=True), *_SHORT) for start, sizes in found.items()}
