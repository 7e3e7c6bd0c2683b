"""A stretch of text as the model reads it: windows, each with n-grams, a vector and rule families.

A window is two neighbouring blocks. Training and reading make their features here, so they agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.embeddings.table import table, units
from trimtab.signals.injection import rules
from trimtab.signals.injection.features import BLOCK, Grams
from trimtab.signals.injection.stretch import Stretch, stretches
from trimtab.signals.injection.view import View

FloatArray = npt.NDArray[np.float32]
MOST_CUT = 200
"""Words that the vocabulary does not have, of each stretch but the first: English prose has half so
many. Vectors say next to nothing of what has more: noise, or a language that they do not know."""

_MANY = 2_400
"""Pieces of a stretch: prose has half so many. Of more, most are the same few signs and letters."""


class Passage(NamedTuple):
    """Features of a stretch of text.

    Args:
        offset: where the stretch starts in the folded text.
        view: the stretch.
        grams: its n-grams by block.
        vectors: (windows, dimensions), unit rows or zeros.
        families: (windows, families), 1 where a family's pattern stands in a window.
        hits: where the patterns stand.
    """

    offset: int
    view: View
    grams: Grams
    vectors: FloatArray
    families: FloatArray
    hits: tuple[rules.Hit, ...]

    def span(self, window: int) -> tuple[int, int]:
        """The place of a window in the folded text."""
        last = min(len(self.view), (window + 2) * BLOCK) - 1
        places = self.view.places
        return self.offset + int(places[window * BLOCK]), self.offset + int(places[last]) + 1


def passages(folded: str, first: Stretch | None = None) -> Iterator[Passage]:
    """A folded text, stretch by stretch; `first` is the first stretch where it was made before."""
    for one in stretches(folded, first):
        if len(one.view):
            yield _passage(one)


def _passage(stretch: Stretch) -> Passage:
    offset, seen, found = stretch
    vectors = _vectors(seen.text, found.size, MOST_CUT if offset else None)
    windows = max(1, found.size - 1)
    hits = tuple(rules.hits(seen.text, rules.families(seen.text)))
    return Passage(offset, seen, found, vectors, _families(hits, windows), hits)


def _vectors(text: str, blocks: int, most_cut: int | None) -> FloatArray:
    """Unit vectors of the windows; pieces are taken to be as long as each other."""
    known = table()
    ids = known.ids(text, most_cut)
    if blocks <= 2:
        sums = known.bag(ids)[None, :]
    else:
        ends = np.arange(blocks + 1) * len(ids) // blocks
        if len(ids) < blocks:
            bags = np.array([known.bag(ids[a:b]) for a, b in pairwise(ends)])
        elif len(ids) > _MANY:
            bags = known.bags(ids, ends)
        else:
            bags = np.add.reduceat(known.rows(ids), ends[:-1])
        sums = bags[:-1] + bags[1:]
    return units(sums)


def _families(hits: tuple[rules.Hit, ...], windows: int) -> FloatArray:
    """A hit counts in every window that holds where it starts."""
    found = np.zeros((windows, len(rules.NAMES)), np.float32)
    for family, start, _ in hits:
        block = start // BLOCK
        found[max(0, block - 1) : block + 1, family] = 1
    return found
