"""Embedding: texts in, vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns texts into vectors that are close where the texts mean the same.

    `name` changes with whatever changes the vectors: those of two names are never compared.
    """

    name: str

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in order, all of one length; of no particular norm.

        Raises:
            TrimtabError: there are no vectors.
        """
        ...
