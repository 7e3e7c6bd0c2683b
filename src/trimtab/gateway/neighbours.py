"""Neighbours: of the texts that were asked before, the one that means the same.

The similarity of embeddings is a matter of topic first. Texts that differ in one number or in a
"not" are closer to each other than many paraphrases are, and their answers have nothing in common.
No floor tells them apart, so such texts are never taken for each other, however similar.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Facts = tuple[tuple[str, ...], tuple[str, ...]]

_MOST = 2048
_NUMBERS = re.compile(r"[-+\u2212]?\d+")
_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_NEGATIONS = frozenset(
    {"no", "not", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "cannot"}
    | {"without", "except", "unless"}
)


class Near(NamedTuple):
    """A text that was asked before, by the key of its answer; cosine from -1 to 1."""

    key: str
    similarity: float


def unit(values: Sequence[float]) -> Vector | None:
    """A vector of length 1; None for what has no direction."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or not vector.size:
        return None
    length = float(np.linalg.norm(vector))
    if not length or not np.isfinite(length):
        return None
    return (vector / length).astype(np.float32)


def facts(text: str) -> Facts:
    """The numbers of a text in their order, and its negations in English.

    >>> facts("Is port 80 not open?") == facts("Is port 443 not open?")
    False
    >>> facts("Isn't it open on 1.5?")
    (('1', '5'), ("n't",))
    """
    plain = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    numbers = tuple(number.replace("\u2212", "-").lstrip("+") for number in _NUMBERS.findall(plain))
    said = ["n't" if word.endswith("n't") else word for word in _WORDS.findall(plain)]
    negations = sorted(word for word in said if word == "n't" or word in _NEGATIONS)
    return numbers, tuple(negations)


class Neighbours:
    """Texts that differ in nothing but themselves, as rows of one matrix.

    Args:
        most: texts; further ones take the places of those that are there, one after the other.
    """

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._next = 0  # place to give away when all are taken
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._facts: list[Facts] = []
        self._rows: Vector = np.zeros((0, 0), dtype=np.float32)

    def __len__(self) -> int:
        return len(self._keys)

    def nearest(self, text: str, vector: Vector, *, floor: float) -> Near | None:
        """The most similar text of at least `floor` with the same numbers and negations."""
        count = len(self._keys)
        if not count or self._rows.shape[1] != vector.size:
            return None
        similar = self._rows[:count] @ vector
        wanted = facts(text)
        places = np.flatnonzero(similar >= floor)
        for place in places[np.argsort(-similar[places], kind="stable")]:
            if self._facts[place] == wanted:
                return Near(self._keys[place], float(similar[place]))
        return None

    def add(self, key: str, text: str, vector: Vector) -> None:
        """Add a text, in the place of the one of the same key."""
        if self._rows.shape[1] != vector.size:
            # Vectors of another length cannot be compared with those before.
            self._keys, self._places, self._facts = [], {}, []
            self._rows = np.zeros((8, vector.size), dtype=np.float32)
        place = self._place(key)
        self._rows[place] = vector
        self._facts[place] = facts(text)

    def remove(self, key: str) -> None:
        """Take a text out, if it is there; the last one moves to its place."""
        place = self._places.pop(key, None)
        if place is None:
            return
        last_key, last_facts, last = self._keys.pop(), self._facts.pop(), len(self._keys)
        if place != last:
            self._keys[place], self._facts[place] = last_key, last_facts
            self._places[last_key] = place
            self._rows[place] = self._rows[last]

    def _place(self, key: str) -> int:
        place = self._places.get(key)
        if place is not None:
            return place
        if len(self._keys) >= self._most:
            place, self._next = self._next, (self._next + 1) % self._most
            del self._places[self._keys[place]]
            self._keys[place] = key
        else:
            place = len(self._keys)
            self._keys.append(key)
            self._facts.append(((), ()))
            if place == len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._places[key] = place
        return place
