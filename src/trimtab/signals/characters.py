"""Classes of characters that are not what they seem: hidden, stacked, standing in for others."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

TAGS = "\U000e0000-\U000e007f"
"""Tag characters: ASCII that no font draws and models read."""

SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Variation selectors 1 to 256; in a row, one byte of hidden data each."""

OVERRIDES = "\u202d\u202e"
EMBEDDINGS = "\u202a-\u202c\u2066-\u2069"
DIRECTIONS = "\u061c\u200e\u200f"
BIDI = OVERRIDES + EMBEDDINGS + DIRECTIONS

JOINERS = "\u200c\u200d"
ZERO_WIDTH = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufff8\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0080-\U000e00ff\U000e01f0-\U000e0fff" + JOINERS
)
"""Default-ignorable characters that are neither tags, selectors nor of direction (UAX 44)."""

SEEN_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
"""Of the format characters, those that are drawn (Prepended_Concatenation_Mark)."""

CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
"""Neither seen nor white space: C0 and C1 controls, lone surrogates, noncharacters."""


@cache
def marks() -> str:
    """The combining marks that take no room of their own, as the inside of a character class.

    Without those beyond the basic plane: `re` tests those one range after another.
    """
    found = [c for c in range(0x300, 0x10000) if unicodedata.category(chr(c)) in {"Mn", "Me"}]
    known = set(found)
    starts = (chr(c) for c in found if c - 1 not in known)
    ends = (chr(c) for c in found if c + 1 not in known)
    return "".join(f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


@cache
def one_of(inside: str, count: str = "+") -> re.Pattern[str]:
    """A run of characters of a class."""
    return re.compile(f"[{inside}]{count}")


def without_accents(text: str) -> str:
    """A text with its Latin letters plain, character for character.

    >>> without_accents("\u015bk-\u1e55roj d\u00e9j\u00e0")
    'sk-proj deja'
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    table = _unaccented()
    low = np.minimum(codes, len(table) - 1)
    plain = table.take(low)
    if np.array_equal(plain, low):
        return text
    return np.where(plain != low, plain, codes).tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _unaccented() -> npt.NDArray[np.uint32]:
    """What characters up to the Latin letters are without their accents."""
    table = np.arange(0x1F01, dtype=np.uint32)
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        made = unicodedata.normalize("NFD", chr(code))
        if len(made) > 1 and made[0].isascii():
            table[code] = ord(made[0])
    return table
