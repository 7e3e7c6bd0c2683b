"""Gapped: terms whose letters stand apart, by spaces or by signs, as `b a d`, `b.a.d` or `ba-d`.

Looked for in the letters of a text alone, and then judged by what stands between them: a gap within
a word counts if it is signs without a space, or spaces between single letters. Between two words of
a term any gap counts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import re2

LEAST_LETTERS = 3
"""Shorter terms are in too much that nobody meant."""
WIDEST = 3
"""Characters of a gap."""

_SURE_LETTERS = 4  # may begin and end among other single letters
_OTHERS = re.compile(r"[\W_]+")
_SPACE = re.compile(r"\s")
_BROKEN = re.compile(r"-\r?\n")

_Place = tuple[int, int, str]


class Term(NamedTuple):
    """What is looked for. `breaks`: after how many letters its words end."""

    kind: str
    breaks: frozenset[int]
    is_whole: bool


class Gapped:
    """Terms by their letters.

    Args:
        terms: by their letters alone, without case and accents if texts come so.

    >>> list(Gapped({"bad": Term("rude", frozenset(), True)}).places("b-a-d, b a d, ba d, bad"))
    [(0, 5, 'rude'), (7, 12, 'rude')]
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        self._terms = terms
        self._are_whole = all(term.is_whole for term in terms.values())
        self._sizes = sorted({len(term) for term in terms}, reverse=True)

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return any_of(self._terms)

    def places(self, view: str) -> Iterator[_Place]:
        """Where the terms stand with gaps in them, sorted."""
        if self._pattern is None:
            return
        letters = _OTHERS.sub("", view)
        if len(letters) == len(view) or self._pattern.search(letters) is None:
            return
        text = _Letters(view, len(letters))
        done = 0
        for hit in self._pattern.finditer(letters):
            # What begins within it may be meant instead: `new` in `n-e-w dealers`, not `new deal`.
            for start in range(max(done, hit.start()), hit.end()):
                if self._are_whole and not text.is_edge(start):
                    continue
                found = self._longest(text, letters, start)
                if found is not None:
                    done, kind = found
                    yield text.place(start, done, kind)
                    break

    def _longest(self, text: _Letters, letters: str, start: int) -> tuple[int, str] | None:
        for size in self._sizes:
            end = start + size
            term = self._terms.get(letters[start:end]) if end <= len(letters) else None
            if term is not None and text.holds(start, end, term):
                return end, term.kind
        return None


class _Letters:
    """The letters of a text by their numbers, and the gaps before them by their places."""

    def __init__(self, view: str, count: int) -> None:
        self._view = view
        self._count = count
        self._gaps: dict[int, tuple[int, int]] = {}
        done = 0
        for gap in _OTHERS.finditer(view):
            start, end = gap.span()
            self._gaps[start - done] = start, end
            done += end - start
        self._starts = [*self._gaps]

    def place(self, start: int, end: int, kind: str) -> _Place:
        return self._at(start), self._at(end - 1) + 1, kind

    def _at(self, letter: int) -> int:
        known = bisect_right(self._starts, letter)
        if known == 0:
            return letter
        before = self._starts[known - 1]
        return self._gaps[before][1] + letter - before

    def holds(self, start: int, end: int, term: Term) -> bool:
        """Whether the letters from `start` to `end` are a term with gaps in it."""
        if term.is_whole and not (self.is_edge(start) and self.is_edge(end)):
            return False
        inside = [at for at in range(start + 1, end) if at in self._gaps]
        if any(self._size(at) > WIDEST for at in inside):
            return False
        inside = [at for at in inside if at - start not in term.breaks]
        if not inside:
            return False  # It stands there as it is.
        spaces = [at for at in inside if self._is_space(at)]
        if not all(self._is_single(at - 1) and self._is_single(at) for at in spaces):
            return False
        if not all(self._is_sign(at) for at in inside if at not in spaces):
            return False
        least = max(map(self._size, spaces), default=0)
        return not spaces or end - start >= _SURE_LETTERS or self._is_apart(start, end, least)

    def _size(self, at: int) -> int:
        """Characters of the gap before a letter."""
        start, end = self._gaps.get(at, (0, 0))
        return end - start

    def _is_space(self, at: int) -> bool:
        return self._view[slice(*self._gaps[at])].isspace()

    def _is_sign(self, at: int) -> bool:
        between = self._view[slice(*self._gaps[at])]
        return _SPACE.search(between) is None or _BROKEN.fullmatch(between) is not None

    def is_edge(self, at: int) -> bool:
        """Whether a word begins or ends before a letter."""
        return at in self._gaps or at in (0, self._count)

    def _is_single(self, at: int) -> bool:
        return self.is_edge(at) and self.is_edge(at + 1)

    def _is_apart(self, start: int, end: int, spaces: int) -> bool:
        """Whether no other single letter is as near as those of the term are to each other."""
        if start and self._is_single(start - 1) and self._size(start) <= spaces:
            return False
        return not (end < self._count and self._is_single(end) and self._size(end) <= spaces)


def any_of(terms: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern of any of some texts, of several at one place the longest."""
    each = "|".join(re2.escape(term) for term in sorted(terms, key=len, reverse=True))
    if not each:
        return None
    options = re2.Options()
    options.max_mem = 256 << 20
    options.log_errors = False
    found: re.Pattern[str] = re2.compile(each, options)
    return found
