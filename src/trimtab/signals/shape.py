"""`length`, `compressibility`, and the shape of a text in a dozen cheap numbers."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter

import msgspec

from trimtab.signals.finding import Reading
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_READ_CHARS = 65_536


class Length:
    """How many characters (code points) a text has, as it is seen.

    >>> Length().read(Text("caf\\u00e9")).score
    4.0
    """

    name = "length"
    version = "1"
    scale = "number"
    lookback_chars = None
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The number of characters, after normalising."""
        del about
        return Reading(score=float(len(text.plain)))


class Compressibility:
    """By how much a text shrinks: 0 not at all, near 1 for one word over and over.

    1 - compressed / raw bytes of UTF-8, by DEFLATE (RFC 1951) at its fastest, which finds nothing
    in short texts: prose has about .1 at 200 characters and .5 at 5,000.

    >>> score = Compressibility().read(Text("spam " * 200)).score
    >>> score > 0.95
    True
    """

    name = "compressibility"
    version = "1"
    scale = "risk"
    lookback_chars = None
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The share saved of the first 65,536 characters."""
        del about
        plain = text.plain[:_READ_CHARS]
        if not plain:
            return _EMPTY
        raw = plain.encode("utf-8", "surrogatepass")
        # zlib puts a header of two bytes and a checksum of four around the stream.
        return Reading(score=max(0.0, 1 - (len(zlib.compress(raw, 1)) - 6) / len(raw)))


_EMPTY = Reading(score=None, reason="an empty text")


class Shape(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Cheap numbers of a text. Shares are of its characters, in [0, 1].

    `entropy_bits` is that of its characters (Shannon 1948), `type_token_ratio` that of different
    words to words, of the first `TYPES_OF` words, as it falls with length.
    """

    chars: int
    words: int
    sentences: int
    lines: int
    upper_share: float
    digit_share: float
    punctuation_share: float
    space_share: float
    non_ascii_share: float
    entropy_bits: float
    type_token_ratio: float
    word_chars: float


TYPES_OF = 100
"""Words of which `type_token_ratio` is the share of different ones."""


def shape(text: Text) -> Shape:
    """The shape of a text, as it is seen; of its first 65,536 characters but for `chars`.

    >>> found = shape(Text("Call 112. NOW!"))
    >>> found.words, found.sentences, round(found.digit_share, 2)
    (3, 2, 0.21)
    """
    plain = text.plain[:_READ_CHARS]
    words = plain.split()
    some = words[:TYPES_OF]
    size = len(plain) or 1
    counts = Counter(plain)
    kinds = Counter[str]()
    for char, count in counts.items():
        kinds[_KINDS[char]] += count
    foreign = 0 if plain.isascii() else sum(n for char, n in counts.items() if char > "\x7f")
    return Shape(
        chars=len(text.plain),
        words=len(words),
        sentences=len(_SENTENCE_END.findall(plain)) + bool(_OPEN_END.search(plain[-8:])),
        lines=plain.count("\n") + 1 if plain else 0,
        upper_share=kinds["upper"] / size,
        digit_share=kinds["digit"] / size,
        punctuation_share=kinds["punctuation"] / size,
        space_share=kinds["space"] / size,
        non_ascii_share=foreign / size,
        entropy_bits=_entropy_bits(counts, size),
        type_token_ratio=len(set(map(str.lower, some))) / len(some) if some else 0.0,
        word_chars=sum(map(len, words)) / len(words) if words else 0.0,
    )


_SENTENCE_END = re.compile(r"\w[^\w\s]{0,3}[.!?\u2026\u3002\uff01\uff1f](?=[^\w.!?]|$)")
_OPEN_END = re.compile(r"\w[^\w.!?\u2026\u3002\uff01\uff1f]*$")


def _entropy_bits(counts: Counter[str], size: int) -> float:
    return max(0.0, math.log2(size) - sum(n * math.log2(n) for n in counts.values()) / size)


class _Kinds(dict[str, str]):
    """Of each character, the share it counts in."""

    def __missing__(self, char: str) -> str:
        if char.isupper():
            kind = "upper"
        elif char.isdigit():
            kind = "digit"
        elif char.isspace():
            kind = "space"
        else:
            kind = "letter" if char.isalnum() else "punctuation"
        self[char] = kind
        return kind


_KINDS = _Kinds()
