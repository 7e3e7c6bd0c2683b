"""What a dataset record says of its rows, counted while they stream by.

A row costs some 30 bytes of memory here: its id, its input and its cluster are counted by hashes of
8 bytes.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from typing import Any

import numpy as np

from trimtab.kit.hashing import short_hash
from trimtab.records import Example
from trimtab.records.example import normalised


class Census:
    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256(b"[")
        self._splits: Counter[str] = Counter()
        self._linked = 0
        self._ids = array("Q")
        self._inputs = array("Q")
        self._clusters = array("Q")

    def add(self, example: Example, content: bytes) -> None:
        """Count a row; `content` is its canonical JSON."""
        if self.size:
            self._digest.update(b",")
        self._digest.update(content)
        self.size += 1
        self._ids.append(_hash(example.example_id))
        self._inputs.append(_hash(normalised(example.input)))
        if example.cluster is not None:
            self._clusters.append(_hash(example.cluster))
        if example.split is not None:
            self._splits[example.split] += 1
        self._linked += example.source_span is not None

    def repeated_ids(self) -> frozenset[int]:
        """Hashes of ids that more than one row has."""
        values, counts = np.unique(np.frombuffer(self._ids, dtype=np.uint64), return_counts=True)
        return frozenset(values[counts > 1].tolist())

    def digest(self) -> str:
        """The same as `examples_digest` of the rows."""
        closed = self._digest.copy()
        closed.update(b"]")
        return closed.hexdigest()

    def figures(self) -> dict[str, Any]:
        """The fields of a `Dataset` that count its rows."""
        return {
            "size": self.size,
            "splits": dict(sorted(self._splits.items())),
            "clusters": _distinct(self._clusters),
            "duplicates": self.size - _distinct(self._inputs),
            "linked": self._linked,
        }


def id_hash(example: Example) -> int:
    return _hash(example.example_id)


def _hash(text: str) -> int:
    return int.from_bytes(short_hash(text.encode()))


def _distinct(hashes: array[int]) -> int:
    return len(np.unique(np.frombuffer(hashes, dtype=np.uint64)))
