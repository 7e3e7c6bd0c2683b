"""`gibberish`: letters that no word has in this order, or the same few over and over.

A table of trigrams says how likely the letters of a word follow one another in some twenty
languages in Latin script, taken together: keyboards hammered at and random strings stand out,
names and other languages do not.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from trimtab.signals.finding import Reading
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_READ_CHARS = 4_000
_LEAST_LETTERS = 8
_LEAST_SHARE = 0.5
_DOUBT = 8  # letters at which the score is half of what is found
_REPEATED_CHARS = 400
_REPEATED_RATIO = 0.06
_KEPT = 50_000


class Gibberish:
    """The share of a text's letters that stand in words that are none; `label` says of which sort.

    "letters": unlikely words of four letters or more, as in `xkqjv wpzrt`. "repetition": 400
    characters or more that shrink to 6 % or less. Identifiers, and whatever has a digit in it, are
    not judged, nor are texts in other scripts. Words put in no order are not found.

    >>> Gibberish().read(Text("xkqjv bnmwq zzprtk")).score > 0.6
    True
    >>> Gibberish().read(Text("With thanks to Grzegorz Nowak")).score
    0.0
    """

    name = "gibberish"
    version = "1"
    scale = "risk"
    lookback_chars = None
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """Judge the first 4,000 characters."""
        del about
        plain = text.plain[:_READ_CHARS]
        if len(plain) >= _REPEATED_CHARS and _ratio(plain) <= _REPEATED_RATIO:
            return _REPETITION
        odd = letters = 0
        badness = _badness()
        for token in plain.split():
            found = badness[token]
            if found:
                letters += abs(found)
                odd += max(0, found)
        if letters < _LEAST_LETTERS:
            return _TOO_SHORT
        share = odd / letters
        if share < _LEAST_SHARE:
            return Reading(score=round(share * share, 4))
        return Reading(score=share * letters / (letters + _DOUBT), label="letters")


_TOO_SHORT = Reading(score=None, reason="too few words in Latin letters")
_REPETITION = Reading(score=1.0, label="repetition")


def _ratio(plain: str) -> float:
    raw = plain.encode("utf-8", "surrogatepass")
    return len(zlib.compress(raw, 1)) / len(raw)


_WORD = re.compile(r"[\"'(\[*_]*([^\W\d_]{4,})(?:['\u2019][^\W\d_]{1,2})?[\"')\]*_.,;:!?]*")


class _Badness(dict[str, int]):
    """Of what stands between spaces: how many letters, negative where they make a word."""

    def __missing__(self, token: str) -> int:
        found = _WORD.fullmatch(token[:60])
        word = found[1] if found else ""
        # An inner capital is an identifier, all capitals an abbreviation or shouting.
        judged = word and (word[1:].islower() or (word.isupper() and len(word) > 6))
        badness = 0
        if judged and (letters := latin(word)):
            badness = len(word) if likelihood(letters) < _threshold(len(letters)) else -len(word)
        if len(self) < _KEPT and len(token) < 40:
            self[token] = badness
        return badness


@cache
def _badness() -> _Badness:
    return _Badness()


def latin(word: str) -> str:
    """A word in the letters a to z, nothing if it has others.

    >>> latin("Stra\\u00dfe"), latin("\\u0416\\u0443\\u043a")
    ('strasse', '')
    """
    folded = word.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded.translate(_PLAIN))
        folded = "".join(char for char in folded if not unicodedata.combining(char))
    return folded if folded.isascii() and folded.isalpha() else ""


_PLAIN = str.maketrans(
    {"\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u00f0": "d", "\u0131": "i", "\u00e6": "ae"}
    | {"\u0153": "oe", "\u00fe": "th"}
)


def likelihood(letters: str) -> float:
    """The mean natural logarithm of the likelihood of a word's trigrams, its edges included."""
    codes = f"`{letters}`".encode("ascii")
    odds, steps = _flat()
    told = (
        odds[(one * _SIDE + two) * _SIDE + three - _FIRST]
        for one, two, three in zip(codes, codes[1:], codes[2:], strict=False)
    )
    return sum(told) / (len(codes) - 2) / steps


_SIDE = 27
_FIRST = 96 * (_SIDE * _SIDE + _SIDE + 1)  # of three edges, which are written as what is before a


@cache
def _flat() -> tuple[list[int], float]:
    """The table as a list: of a word, Python adds faster than arrays are made."""
    odds, steps = table()
    return odds.ravel().tolist(), steps


def _threshold(size: int) -> float:
    """What fewer than one in some hundred words of a length fall below."""
    if size < 7:
        return _LOWEST_SHORT
    return _LOWEST_LONG if size < 15 else _LOWEST_COMPOUND


_LOWEST_SHORT = -5.0
_LOWEST_LONG = -4.5
_LOWEST_COMPOUND = -5.5  # where words meet, letters do that meet nowhere else


@cache
def table() -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int8]], float]:
    with np.load(Path(__file__).parent / "weights" / "gibberish.npz", allow_pickle=False) as file:
        return file["table"], float(file["steps"])
