"""`readability`: Flesch's reading ease of an English text, high is easy."""

from __future__ import annotations

import re
from typing import NamedTuple

from trimtab.measures.readability import TextCounts, flesch_reading_ease, syllables
from trimtab.signals.finding import Reading
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_READ_CHARS = 20_000
_LEAST_WORDS = 5
_KEPT = 20_000
_LONGEST = 40


class Readability:
    """Flesch's reading ease (Flesch 1948): 90 is easy, 30 is hard; nothing about other languages.

    Sentences end where their marks say so: 'e.g.' ends one, unlike in the scorer of that name,
    which costs thirty times as much. Steady only from about a hundred words on.

    >>> round(Readability().read(Text("The cat sat on the mat. It was a black cat.")).score)
    117
    >>> Readability().read(Text("Good morning!")).reason
    'fewer than 5 words'
    """

    name = "readability"
    version = "1"
    scale = "number"
    lookback_chars = None
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The reading ease of the first 20,000 characters."""
        del about
        counts = _count(text.plain[:_READ_CHARS])
        if counts.words < _LEAST_WORDS:
            return _TOO_SHORT
        return Reading(score=flesch_reading_ease(counts))


_TOO_SHORT = Reading(score=None, reason=f"fewer than {_LEAST_WORDS} words")


def _count(plain: str) -> TextCounts:
    ends = words = spoken = size = 0
    token = _NOTHING
    for token in map(_TOKENS.__getitem__, plain.split()):
        ends += token.ends
        words += token.words
        spoken += token.syllables
        size += token.characters
    is_open = words > 0 and not token.ends
    return TextCounts(max(1, ends + is_open), words, spoken, size)


class _Token(NamedTuple):
    ends: int
    words: int
    syllables: int
    characters: int


_NOTHING = _Token(0, 0, 0, 0)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_END = re.compile(r"[.!?\u2026]+[\"')\]*_]*$")


class _Tokens(dict[str, _Token]):
    """What stands between two spaces, counted once."""

    def __missing__(self, text: str) -> _Token:
        found = _WORD.findall(text.lower())
        ends = 1 if found and _END.search(text[-8:]) else 0
        spoken = sum(syllables(word[:_LONGEST]) for word in found)
        counted = _Token(ends, len(found), spoken, sum(map(len, found)))
        if len(self) < _KEPT and len(text) <= _LONGEST:
            self[text] = counted
        return counted


_TOKENS = _Tokens()
