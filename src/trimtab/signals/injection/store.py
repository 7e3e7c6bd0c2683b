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

    def likeness(self, vectors: FloatArray) -> list[float]:
        """How sure it is that each of the unit vectors is one of the attacks, in [0, 1]."""
        if self._vectors is None:
            return [0.0] * len(vectors)
        nearest = (vectors @ self._vectors.T).max(axis=1)
        sure: list[float] = np.clip((nearest - NEAR) / (SAME - NEAR), 0.0, 1.0).tolist()
        return sure
