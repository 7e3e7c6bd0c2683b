"""A text as the finders of personal data read it, with what several of them need made once."""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

import re2

from trimtab.signals.gates import Gate, Gates
from trimtab.signals.text import Text

GATES = Gates()
"""What most texts are judged by alone: `View.has` says which of them stand in one."""

BEFORE, AFTER = 56, 24
"""How many characters before and after a candidate are read for words that say what it is."""

DASH = "\u2010-\u2015"
"""Hyphens and dashes other than ASCII's, for a class of characters."""

_WORD = re.compile(r"[^\W\d_]+")
_ASCII_WORD = re.compile("[a-z]+")
_RUN = re.compile(rf"[0-9](?:[ .\-/(){DASH}]{{0,3}}[0-9]){{5,}}")
_HAS_RUN = GATES.add(rf"[0-9](?:[ .\-/(){DASH}]{{0,3}}[0-9]){{5}}")
_CODE = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){3}")
_UNSPACED = re.compile("[\u0e00-\u0eff\u2e80-\U0010ffff]")
_DIGIT = GATES.add("[0-9]")
_HAS_CODE = GATES.add(_CODE.pattern)


def lexicon(text: str) -> frozenset[str]:
    """The words of a text that is a list of them."""
    return frozenset(text.split())


def is_coded(text: str) -> bool:
    """Whether four digits stand close together, as in every number that is given to people."""
    return _CODE.search(text) is not None


class Hit(NamedTuple):
    """A find, in characters of the normalised text."""

    start: int
    end: int
    kind: str
    score: float


class Words:
    """Words that say what stands near them, in lower case.

    A word of a script without spaces is looked for within what surrounds a candidate, any other as
    a whole word.

    Args:
        gates: where they are asked for together with others: those that nearly every text is.
    """

    def __init__(self, *words: str, gates: Gates | None = None) -> None:
        every = frozenset(word for part in words for word in part.split())
        self.all = every
        self.unspaced = tuple(sorted(word for word in every if _UNSPACED.match(word)))
        self.whole = every.difference(self.unspaced)
        self.gate = gates.add(f"(?i){self._any}") if gates is not None else None

    def among(self, gates: Gates) -> Gate:
        """These words as one of some gates, which are asked of a text in lower case."""
        return gates.add(self._any)

    @cached_property
    def _any(self) -> str:
        """A pattern of any of them: lets too much through, never too little."""
        spaced = sorted(word for word in self.all if word.isascii())
        others = sorted(word for word in self.all if not word.isascii())
        whole = rf"\b(?:{'|'.join(map(re.escape, spaced))})\b" if spaced else ""
        return "|".join(filter(None, (whole, *map(re.escape, others))))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        found: re.Pattern[str] = re2.compile(self._any)
        return found

    def are_in(self, folded: str) -> bool:
        """Whether any of them may be somewhere in a text."""
        return self._pattern.search(folded) is not None


class Around(NamedTuple):
    """What stands around a candidate: its words without case, the nearest first."""

    before: list[str]
    after: list[str]
    leading: str
    text: str

    def says(self, words: Words) -> bool:
        """Whether one of `words` is near."""
        whole = words.whole
        if not whole.isdisjoint(self.before) or not whole.isdisjoint(self.after):
            return True
        return any(word in self.text for word in words.unspaced)


class View:
    """A normalised text. `plain` and `folded` have the same places."""

    def __init__(self, text: Text) -> None:
        self.plain = text.plain
        self.folded = text.folded
        self._words = (_ASCII_WORD if self.folded.isascii() else _WORD).findall
        self._around: dict[tuple[int, int], Around] = {}
        self._mentioned: dict[Words, bool] = {}

    @cached_property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """Where six digits or more stand with nothing but separators between them."""
        if not self.has(_HAS_RUN):
            return ()
        return tuple(match.span() for match in _RUN.finditer(self.plain))

    def has(self, gate: Gate) -> bool:
        """Whether one of `GATES` stands in the text."""
        return gate in self._open

    @cached_property
    def _open(self) -> frozenset[Gate]:
        return GATES.open(self.plain)

    @property
    def has_digits(self) -> bool:
        """Whether there is any digit (ASCII's, as those of other scripts stay what they are)."""
        return self.has(_DIGIT)

    @property
    def is_coded(self) -> bool:
        """Whether there is anything that `is_coded` may hold for."""
        return self.has(_HAS_CODE)

    def mentions(self, words: Words) -> bool:
        """Whether any of `words` may be anywhere in the text."""
        if words.gate is not None:
            return self.has(words.gate)
        found = self._mentioned.get(words)
        if found is None:
            found = self._mentioned[words] = words.are_in(self.folded)
        return found

    def around(self, start: int, end: int) -> Around:
        """The words around a candidate; a word that the window cuts is left out."""
        found = self._around.get((start, end))
        if found is None:
            first, last = max(0, start - BEFORE), end + AFTER
            text = self.folded[first:last]
            if text.isascii() and not text.islower():  # no letter
                return Around([], [], text[: start - first], text)
            before = self._words(text, 0, start - first)
            if first and before and text[0].isalpha():
                del before[0]
            after = self._words(text, end - first)
            if last < len(self.folded) and after and text[-1].isalpha():
                del after[-1]
            before.reverse()
            found = self._around[start, end] = Around(before, after, text[: start - first], text)
        return found
