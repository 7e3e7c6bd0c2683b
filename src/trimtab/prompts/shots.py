"""Shots: which examples a prompt shows, for the values it is rendered with. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trimtab.embeddings.table import FloatArray, table
from trimtab.kit import jsonx
from trimtab.records import Shot, Shots

_LONGEST = 20_000  # characters of a value that are compared


class ShotChooser:
    """The examples of a prompt, embedded when they are first looked at.

    Args:
        shots: how many are chosen, and how.
        among: the examples, of the prompt or of the dataset that it names.
    """

    def __init__(self, shots: Shots, among: Sequence[Shot]) -> None:
        self._shots = shots
        self._among = tuple(among)
        self._vectors: FloatArray | None = None

    def choose(self, variables: Mapping[str, Any]) -> Sequence[Shot]:
        """The examples to show for these values; the most like is last, next to the question.

        An example that asks the very same is left out: it would give its answer away where the
        examples are the rows that a prompt is judged on.

        >>> given = [Shot(variables={"question": q}, answer=q) for q in ("a cat", "an invoice")]
        >>> chooser = ShotChooser(Shots(k=1, choose="nearest"), given)
        >>> [shot.answer for shot in chooser.choose({"question": "a kitten"})]
        ['a cat']
        """
        asked = self._text(variables)
        open_to = [n for n, one in enumerate(self._among) if self._text(one.variables) != asked]
        if self._shots.choose == "nearest" and len(open_to) > self._shots.k:
            likeness = self._likeness(asked)[open_to]
            # Stable, so that equals come in the order they were given.
            best = np.argsort(-likeness, kind="stable")[: self._shots.k]
            return [self._among[open_to[at]] for at in reversed(best.tolist())]
        return [self._among[at] for at in open_to[: self._shots.k]]

    def _likeness(self, asked: str) -> FloatArray:
        """Cosines, shape (examples,)."""
        if self._vectors is None:
            self._vectors = table().embed([self._text(one.variables) for one in self._among])
        found: FloatArray = self._vectors @ table().embed([asked])[0]
        return found

    def _text(self, variables: Mapping[str, Any]) -> str:
        value = variables.get(self._shots.by, "")
        text = value if isinstance(value, str) else jsonx.encode(value).decode()
        return text[:_LONGEST]
