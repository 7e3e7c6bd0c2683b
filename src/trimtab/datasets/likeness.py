"""Texts that are nearly the same, found without comparing each with each.

Word shingles, MinHash signatures and banded buckets: Broder (1997), "On the resemblance and
containment of documents"; Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section
3.4. Candidates of the buckets are compared by their shingles, so what is said to be alike is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.measures.text import words

SHINGLE_WORDS = 3
_BANDS, _BAND_ROWS = 32, 4
_PRIME = np.uint64((1 << 31) - 1)
_BATCH = 1024

Hashes = npt.NDArray[np.uint32]


class Pair(NamedTuple):
    """Two texts by their places, the earlier first, and their Jaccard similarity."""

    first: int
    second: int
    similarity: float


def grams(text: str, size: int) -> Hashes:
    """Hashes of the runs of `size` words of a text, each once; of all its words if it has fewer.

    >>> len(grams("one two three four", 3)), len(grams("one", 3)), len(grams("", 3))
    (2, 1, 0)
    """
    said = words(text)
    runs = [" ".join(said[at : at + size]) for at in range(max(len(said) - size + 1, 1))]
    hashed = {zlib.crc32(run.encode()) for run in runs if run}
    return np.fromiter(sorted(hashed), dtype=np.uint32, count=len(hashed))


def alike(texts: Iterable[str], *, threshold: float) -> Iterator[Pair]:
    """Each text that is at least `threshold` like an earlier one, with the first found of those.

    A pair at the threshold of 0.8 is missed with a probability below 1e-7, one of 0.5 with 0.13.
    """
    shingles: list[Hashes] = []
    buckets: list[dict[int, list[int]]] = [{} for _ in range(_BANDS)]
    for start, batch in _batches(texts):
        found = [grams(text, SHINGLE_WORDS) for text in batch]
        shingles += found
        for place, bands in enumerate(_bands(found), start=start):
            pair = _likest(place, bands, buckets, shingles, threshold)
            if pair is not None:
                yield pair


def jaccard(one: Hashes, other: Hashes) -> float:
    """Shared shingles over all shingles of two sorted sets; 0.0 where both are empty.

    >>> round(jaccard(grams("a b c d", 2), grams("a b c e", 2)), 2)
    0.5
    """
    shared = len(np.intersect1d(one, other, assume_unique=True))
    total = len(one) + len(other) - shared
    return shared / total if total else 0.0


def _likest(
    place: int,
    bands: Sequence[int],
    buckets: Sequence[dict[int, list[int]]],
    shingles: Sequence[Hashes],
    threshold: float,
) -> Pair | None:
    """The first earlier text that is like this one; a text that is like none joins the buckets."""
    if not len(shingles[place]):
        return None
    candidates = {one for key, of in zip(bands, buckets, strict=True) for one in of.get(key, ())}
    for one in sorted(candidates):
        similarity = jaccard(shingles[one], shingles[place])
        if similarity >= threshold:
            return Pair(one, place, similarity)
    for key, of in zip(bands, buckets, strict=True):
        of.setdefault(key, []).append(place)
    return None


def _batches(texts: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    batch: list[str] = []
    start = 0
    for text in texts:
        batch.append(text)
        if len(batch) == _BATCH:
            yield start, batch
            start += len(batch)
            batch = []
    if batch:
        yield start, batch


def _bands(shingles: Sequence[Hashes]) -> list[list[int]]:
    """The bucket of each text in each band, from its signature of least hashes."""
    sizes = [max(len(one), 1) for one in shingles]
    flat = np.concatenate([one if len(one) else np.zeros(1, np.uint32) for one in shingles])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    values = flat.astype(np.uint64) % _PRIME
    least = [np.minimum.reduceat((values * a + b) % _PRIME, starts) for a, b in _FUNCTIONS]
    signatures = np.stack(least, axis=1).astype(np.uint32).reshape(len(shingles), _BANDS, -1)
    return [[hash(band.tobytes()) for band in one] for one in signatures]


def _functions() -> list[tuple[np.uint64, np.uint64]]:
    """Random linear functions modulo a prime, the same in every process."""
    dice = np.random.default_rng(20_010)
    drawn = dice.integers(1, int(_PRIME), size=(_BANDS * _BAND_ROWS, 2), dtype=np.uint64)
    return [(a, b) for a, b in drawn]


_FUNCTIONS = _functions()
