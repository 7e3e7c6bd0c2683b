"""Features of training rows, window by window, made by the code that reads texts later."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from training.injection_rows import Row

from trimtab.signals.injection.passage import FloatArray, Passage, passages
from trimtab.signals.text import Text

LONGEST = 8_000
_INSIDE = 0.7
_ONE_PIECE = 500

Ints = npt.NDArray[np.int64]


class Windows:
    """Windows of many texts: `ids[ends[i-1]:ends[i]]` are the n-grams of the i-th."""

    def __init__(self) -> None:
        self._ids: list[Ints] = []
        self._owner: list[int] = []
        self._span: list[tuple[int, int]] = []
        self._vectors: list[FloatArray] = []
        self._families: list[FloatArray] = []

    def add(self, owner: int, passage: Passage, at: int) -> None:
        """Add one window of a passage of a text."""
        blocks = passage.grams.blocks
        first, last = np.searchsorted(blocks, [at, at + 2])
        self._ids.append(passage.grams.ids[first:last])
        self._owner.append(owner)
        self._span.append(passage.span(at))
        self._vectors.append(passage.vectors[at])
        self._families.append(passage.families[at])

    def close(self) -> Windows:
        """What was added, as arrays."""
        self.ids = np.concatenate(self._ids)
        self.counts = np.array([len(ids) for ids in self._ids])
        self.owner = np.array(self._owner)
        self.vectors = np.array(self._vectors, np.float32)
        self.families = np.array(self._families, np.float32)
        return self

    def matrix(self, columns: Ints) -> sp.csr_matrix:
        """Rows of n-grams over the root of how many there are, in the columns of these ids."""
        at = np.searchsorted(columns, self.ids)
        at[at == len(columns)] = 0
        known = columns[at] == self.ids
        row = np.repeat(np.arange(len(self.counts)), self.counts)
        values = (1 / np.sqrt(np.maximum(self.counts, 1))).astype(np.float32)[row]
        ends = np.concatenate([[0], np.cumsum(np.bincount(row[known], minlength=len(self.counts)))])
        shape = (len(self.counts), len(columns))
        return sp.csr_matrix((values[known], at[known], ends), shape)

    def labels(self, rows: Sequence[Row]) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Of an attack among other parts, windows with most of it are attacks, others are not.

        Windows with less than most of it are of no use.
        """
        label = np.zeros(len(self.owner), np.int64)
        usable = np.ones(len(self.owner), bool)
        for at, (owner, (start, end)) in enumerate(zip(self._owner, self._span, strict=True)):
            row = rows[owner]
            if not row.label:
                continue
            if row.end == 0:
                label[at] = 1
                continue
            inside = min(end, row.end) - max(start, row.start)
            label[at] = inside >= _INSIDE * min(row.end - row.start, end - start)
            usable[at] = bool(label[at]) or inside <= 0
        return label, usable


def windows(rows: Sequence[Row], *, most: int | None) -> Windows:
    """The windows of texts, of each at most so many."""
    found = Windows()
    for owner, row in enumerate(rows):
        places = [
            (passage, at)
            for passage in passages(Text(row.text[:LONGEST]).folded)
            for at in range(len(passage.vectors))
        ]
        if most is not None and len(places) > most:
            places = random.Random(owner).sample(places, most)
        for passage, at in places:
            found.add(owner, passage, at)
    return found.close()
