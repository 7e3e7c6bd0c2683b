"""Draws: chance by weight, and choices that stay the same for the same user or session. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import sha256
from random import Random

_TWO_64 = float(1 << 64)


class AliasTable:
    """Draws an index in proportion to its weight, in constant time.

    The alias method in its numerically stable form (Vose 1991, "A linear algorithm for generating
    random numbers with a given distribution", IEEE TSE 17(9)). Weights are finite, not negative,
    and not all 0.
    """

    __slots__ = ("_alias", "_keep")

    def __init__(self, weights: Sequence[float]) -> None:
        scale = len(weights) / math.fsum(weights)
        keep = [weight * scale for weight in weights]
        alias = list(range(len(keep)))
        small = [index for index, share in enumerate(keep) if share < 1]
        large = [index for index, share in enumerate(keep) if share >= 1]
        while small and large:
            less, more = small.pop(), large.pop()
            alias[less] = more
            keep[more] = (keep[more] + keep[less]) - 1
            (small if keep[more] < 1 else large).append(more)
        for index in (*small, *large):  # Rounding leaves one of the lists with shares near 1.
            keep[index] = 1.0
        self._keep = tuple(keep)
        self._alias = tuple(alias)

    def draw(self, random: Random) -> int:
        place = random.random() * len(self._keep)
        index = int(place)
        return index if place - index < self._keep[index] else self._alias[index]


def draw(indexes: Sequence[int], weights: Sequence[float], random: Random) -> int:
    """One of some indexes, in proportion to its weight, in linear time."""
    left = random.random() * math.fsum(weights[index] for index in indexes)
    for index in indexes:
        left -= weights[index]
        if left < 0:
            return index
    return indexes[-1]


def share(*names: str) -> float:
    """A number in [0, 1) that is always the same for the same names, in every process.

    >>> share("split", "support", "user-1") == share("split", "support", "user-1")
    True
    """
    digest = sha256("\0".join(names).encode("utf-8", "surrogatepass")).digest()
    # 53 bits are what a float holds; more would round up to 1.
    return (int.from_bytes(digest[:8]) >> 11) / float(1 << 53)


def ranked(key: str, names: Sequence[str], weights: Sequence[float]) -> list[int]:
    """Indexes of names in the order that a key prefers them; each leads for its weight's share.

    Rendezvous hashing (Thaler & Ravishankar 1998) with weights (Schindelhauer & Schomaker 2005):
    the score of a name is -weight / ln(hash of key and name). A name that is added takes keys from
    the others and moves no key between them.

    >>> sorted(ranked("session", ["a", "b", "c"], [1, 1, 1]))
    [0, 1, 2]
    """
    scores = [
        -weight / math.log(share(key, name) or 1 / _TWO_64)
        for name, weight in zip(names, weights, strict=True)
    ]
    return sorted(range(len(names)), key=scores.__getitem__, reverse=True)
