"""Known attacks as vectors, and how near a text comes to them: shipped ones, and the user's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trimtab.embeddings.table import table

FloatArray = npt.NDArray[np.float32]

NEAR, SAME = 0.72, 0.95
"""Cosines to a text of the user's own: where likeness begins to count, and where it is certain."""


class Store:
    """Attacks the user has seen, found again when they come back in other words.

    Args:
        attacks: their texts; the vectors are made here.
    """

    def __init__(self, attacks: Sequence[str] = ()) -> None:
        self._vectors = table().embed(list(attacks)) if attacks else None

    def likeness(self, vectors: FloatArray) -> float:
        """How sure it is that one of the unit vectors is one of the attacks, in [0, 1]."""
        if self._vectors is None or not len(vectors):
            return 0.0
        nearest = float((vectors @ self._vectors.T).max())
        return min(1.0, max(0.0, (nearest - NEAR) / (SAME - NEAR)))
