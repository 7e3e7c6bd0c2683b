"""Text inside a text: what an attack may have been encoded as, decoded within bounds.

Base64, hexadecimal, percent and HTML escapes, `\\u0041`, rot13, words written backwards, letters
spaced out. What decodes to no readable text is left out; nothing is ever executed.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

import re2

MOST_PIECES = 12
LONGEST = 6_000
"""Characters of one piece; what is longer is decoded as far as that."""
_DEEPEST = 3
_READABLE = 0.9


class Decoded(NamedTuple):
    """What a part of the text, by its place in it, decodes to."""

    text: str
    start: int
    end: int


def decoded(plain: str) -> Iterator[Decoded]:
    """What can be decoded in a text, and in that again; at most `MOST_PIECES`, each once."""
    yield from islice(_all(plain), MOST_PIECES)


def _all(plain: str) -> Iterator[Decoded]:
    for piece in _pieces(plain):
        yield piece
        inner = [piece.text]
        for _ in range(_DEEPEST - 1):
            inner = [deeper.text for text in inner for deeper in islice(_pieces(text), 2)]
            yield from (Decoded(text, piece.start, piece.end) for text in inner)


def _pieces(plain: str) -> Iterator[Decoded]:
    for kind in sorted(_any_kind().Match(plain) or ()):
        pattern, undo = _kinds()[kind]
        for found in islice(pattern.finditer(plain), MOST_PIECES):
            start, end = found.span()
            text = undo(plain[start : min(end, start + LONGEST)])
            if text is not None and _is_readable(text):
                yield Decoded(text, start, end)


@lru_cache(maxsize=1)
def _any_kind() -> re2.Set:
    """All encodings in one pass: most texts hold none."""
    every = re2.Set.SearchSet()
    for pattern, _ in _encodings():
        every.Add(pattern)
    every.Compile()
    return every


@lru_cache(maxsize=1)
def _kinds() -> tuple[tuple[re2._Regexp[str], _Undo], ...]:
    return tuple((re2.compile(pattern), undo) for pattern, undo in _encodings())


def _is_readable(text: str) -> bool:
    if len(text) < 8:
        return False
    seen = sum(char.isalpha() or char in " \n.,'\"!?:;-" or char.isdigit() for char in text)
    return seen >= _READABLE * len(text)


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _hexadecimal(text: str) -> str | None:
    digits = text.replace("0x", "").replace("\\x", "")
    digits = "".join(char for char in digits if char not in " :,")
    return _utf8(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _base64(text: str) -> str | None:
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _utf8(
            base64.b64decode(
                text[: len(text) // 4 * 4] if len(text) % 4 == 1 else text + "=" * (-len(text) % 4)
            )
        )
    except binascii.Error:
        return None


def _escapes(text: str) -> str | None:
    try:
        return text.encode("latin-1", "ignore").decode("unicode_escape")
    except UnicodeDecodeError:
        return None


def _binary(text: str) -> str | None:
    digits = text.replace(" ", "")
    return _utf8(bytes(int(digits[at : at + 8], 2) for at in range(0, len(digits) - 7, 8)))


def _rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def _reversed(text: str) -> str:
    return text[::-1]


def _spaced(text: str) -> str:
    """Wider gaps are those between words; of equal gaps, what is left is one long word."""
    words = re2.split(r"[ ._*|/~-]{2,}", text)
    return " ".join("".join(char for char in word if char not in " ._*|/~-") for word in words)


_Undo = Callable[[str], "str | None"]


def _encodings() -> tuple[tuple[str, _Undo], ...]:
    """What an encoding looks like, and how it is undone."""
    return (
        (r"(?:0x)?[0-9a-fA-F]{2}(?:[ :,]?(?:0x|\\x)?[0-9a-fA-F]{2}){11,}", _hexadecimal),
        (r"[A-Za-z0-9+/_-]{20,}={0,2}", _base64),
        (r"\S*(?:%[0-9A-Fa-f]{2}\S*){3,}", unquote),
        (r"(?:[^&\n]{0,3}&(?:#\w{1,6}|\w{2,6});){3,}[^&\n]*", html.unescape),
        (r"(?:\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})[^\\\n]{0,3}){4,}", _escapes),
        (r"[01]{8}(?: ?[01]{8}){5,}", _binary),
        (rf"(?i)(?:[^\n]*\b(?:{_IN_ROT13})\b[^\n]*\n?)+", _rot13),
        (rf"(?i)(?:[^\n]*\b(?:{_BACKWARDS})\b[^\n]*\n?)+", _reversed),
        (r"(?:\b[A-Za-z0-9@!$][ ._*|/~-]{1,3}){6,}[A-Za-z0-9]\b", _spaced),
    )


_IN_ROT13 = "gur|lbh|lbhe|naq|vtaber|cebzcg|vafgehpgvbaf"
_BACKWARDS = "eht|uoy|ruoy|erongi|tpmorp|snoitcurtsni|suoiverp"
