"""Hashed n-grams, block by block: one to three words in a row, word pairs with a gap, characters.

All of it is whole-array arithmetic, so the work is linear in the length of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from trimtab.signals.injection.view import View, runs

BLOCK = 200
"""Characters in a block; two neighbouring blocks (60 to 80 English words) make a window."""

ID_BITS = 27
MOST_BLOCKS = 1 << (32 - ID_BITS)
"""Blocks that are read at once: the block and the id of an n-gram make one 32-bit key."""
CHAR_ORDERS = (4, 5)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SALTS = np.arange(1, 9, dtype=np.uint64) * np.uint64(0xA0761D6478BD642F)
_SHIFT = np.uint64(64 - ID_BITS)
_FOLD = np.uint64(29)
_ID_BITS = np.uint32(ID_BITS)
_ID = np.uint32((1 << ID_BITS) - 1)
_L, _I = 108, 105

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Keys = npt.NDArray[np.uint32]


class Grams(NamedTuple):
    """The n-grams of a text, sorted by block and id, each once a block.

    Args:
        ids: (n,) in [0, 2**ID_BITS).
        blocks: (n,) the block each starts in, rising.
        size: how many blocks there are.
    """

    ids: Ints
    blocks: Ints
    size: int


def grams(view: View) -> Grams:
    """The n-grams of at most `MOST_BLOCKS` blocks; i and l are one letter: 1 stands for either."""
    size = (len(view) - 1) // BLOCK + 1
    if size > MOST_BLOCKS:
        raise ValueError(f"more than {MOST_BLOCKS} blocks at once")
    chars = np.where(view.points == _L, view.points.dtype.type(_I), view.points).astype(np.uint64)
    begin, end = runs(view.word)
    hashes = [*_char_grams(chars), *_word_grams(chars, begin, end)]
    if not hashes:
        return Grams(np.zeros(0, np.int64), np.zeros(0, np.int64), size)
    every = np.concatenate(hashes)
    every ^= every >> _FOLD
    every *= _MIX
    every >>= _SHIFT
    keys = every.astype(np.uint32)
    if size > 1:
        keys |= _blocks(hashes, begin)
    keys.sort()
    first = np.empty(len(keys), bool)
    first[0] = True
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    keys = keys[first]
    return Grams((keys & _ID).astype(np.int64), (keys >> _ID_BITS).astype(np.int64), size)


def _char_grams(chars: Hashes) -> Iterator[Hashes]:
    """Hashes of the runs of so many characters, by where they start."""
    rolling = chars
    for order in range(2, min(CHAR_ORDERS[-1], len(chars)) + 1):
        rolling = rolling[:-1] * _BASE
        rolling += chars[order - 1 :]
        if order in CHAR_ORDERS:
            yield rolling + _SALTS[order]


def _word_grams(chars: Hashes, begin: Ints, end: Ints) -> Iterator[Hashes]:
    """Hashes of words, of two and three in a row, of two with one between, by the first word."""
    if not len(begin):
        return
    words = _words(chars, begin, end)
    yield words + _SALTS[0]
    if len(words) > 1:
        raised = words * _BASE
        pairs = raised[:-1] + words[1:]
        yield pairs + _SALTS[1]
    if len(words) > 2:
        yield pairs[:-1] * _BASE + words[2:] + _SALTS[2]
        yield raised[:-2] + words[2:]


def _blocks(hashes: Sequence[Hashes], begin: Ints) -> Keys:
    """The upper bits of the keys: which block each n-gram starts in, those of words last."""
    at = _block_of()
    orders = len(hashes) - min(len(begin), 3) - (len(begin) > 2)
    of_words = at[begin]
    starts = [at] * orders + [of_words] * (len(hashes) - orders)
    return np.concatenate([each[: len(of)] for each, of in zip(starts, hashes, strict=True)])


@cache
def _block_of() -> Keys:
    """For each place in a text, its block where keys have it."""
    blocks = np.repeat(np.arange(MOST_BLOCKS, dtype=np.uint32), BLOCK)
    return cast("Keys", blocks << _ID_BITS)


def _words(chars: Hashes, begin: Ints, end: Ints) -> Hashes:
    """One hash a word, by its place: sums of powers that wrap at 2**64, shifted to the start."""
    powers, inverses = _powers(1 << (len(chars) - 1).bit_length())
    sums = np.empty(len(chars) + 1, np.uint64)
    sums[0] = 0
    np.cumsum(chars * powers[: len(chars)], out=sums[1:])
    return (sums[end] - sums[begin]) * inverses[begin]


@lru_cache(maxsize=32)
def _powers(size: int) -> tuple[Hashes, Hashes]:
    """The first powers of the base, and of its inverse modulo 2**64."""
    both = []
    for base in (int(_BASE), pow(int(_BASE), -1, 1 << 64)):
        powers = np.full(size, base, dtype=np.uint64)
        powers[:1] = 1
        both.append(np.cumprod(powers))
    return both[0], both[1]
