"""A stretch of text as the model reads it: windows, each with n-grams, a vector and rule families.

A window is two neighbouring blocks. Training and reading make their features here, so they agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.embeddings.table import table
from trimtab.signals.injection import rules
from trimtab.signals.injection.features import BLOCK, MOST_BLOCKS, Grams, grams
from trimtab.signals.injection.view import View, view

FloatArray = npt.NDArray[np.float32]

STRETCH = (MOST_BLOCKS - 2) * BLOCK
"""Characters that are read at once: what bounds memory, however long the text is."""


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


def passages(folded: str) -> Iterator[Passage]:
    """A folded text, stretch by stretch; each takes a window of the next one along."""
    for offset in range(0, max(1, len(folded) - 2 * BLOCK), STRETCH):
        seen = view(folded[offset : offset + STRETCH + 2 * BLOCK])
        if len(seen):
            yield _passage(offset, seen)


def _passage(offset: int, seen: View) -> Passage:
    found = grams(seen)
    windows = max(1, found.size - 1)
    hits = tuple(rules.hits(seen.text, rules.families(seen.text)))
    return Passage(
        offset, seen, found, _vectors(seen.text, found.size), _families(hits, windows), hits
    )


def _vectors(text: str, blocks: int) -> FloatArray:
    """Unit vectors of the windows; pieces are taken to be as long as each other."""
    known = table()
    ids = known.ids(text)
    if blocks <= 2:
        sums = known.bag(ids)[None, :]
    else:
        ends = np.arange(blocks + 1) * len(ids) // blocks
        if len(ids) < blocks:
            bags = np.array([known.bag(ids[a:b]) for a, b in pairwise(ends)])
        else:
            bags = np.add.reduceat(known.rows(ids), ends[:-1])
        sums = bags[:-1] + bags[1:]
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    vectors: FloatArray = (sums / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return vectors


def _families(hits: tuple[rules.Hit, ...], windows: int) -> FloatArray:
    """A hit counts in every window that holds where it starts."""
    found = np.zeros((windows, len(rules.NAMES)), np.float32)
    for family, start, _ in hits:
        block = start // BLOCK
        found[max(0, block - 1) : block + 1, family] = 1
    return found
