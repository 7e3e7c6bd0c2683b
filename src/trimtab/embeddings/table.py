"""The table of token vectors: read once, then texts in and vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from itertools import chain
from typing import cast

import numpy as np
import numpy.typing as npt

from trimtab.embeddings.pieces import Pieces

FloatArray = npt.NDArray[np.float32]
_TOGETHER = 256  # texts
_MANY = 4_096  # pieces; of a longer text, equal ones are counted first, so that memory is bounded


class Table:
    """Token vectors, distilled from a transformer (`training/embeddings.py`), and their use.

    What a text says is the sum of its pieces' vectors, whose lengths are their weights: linear in
    the length of the text, and blind to the order of words. English; of other languages it knows
    names and numbers.

    Args:
        version: changes with the vectors.
        vocabulary: the pieces, the frequent ones first.
        vectors: shape (pieces, dimensions), int8.
        scales: shape (pieces,), what a row is multiplied with.
    """

    def __init__(
        self,
        *,
        version: str,
        vocabulary: Sequence[str],
        vectors: npt.NDArray[np.int8],
        scales: FloatArray,
    ) -> None:
        self.version = version
        self.vocabulary = tuple(vocabulary)
        self.dimensions = int(vectors.shape[1])
        self.pieces = Pieces(self.vocabulary)
        self._vectors = vectors
        self._scales = scales

    @classmethod
    def read(cls, data: bytes) -> Table:
        """A table from the bytes of its file."""
        with np.load(BytesIO(data), allow_pickle=False) as parts:
            return cls(
                version=str(parts["version"]),
                vocabulary=parts["vocabulary"].tobytes().decode().split("\n"),
                vectors=parts["vectors"],
                scales=parts["scales"].astype(np.float32),
            )

    def ids(self, text: str) -> list[int]:
        """Which rows of the table a text is made of, in its order."""
        return self.pieces.ids(text)

    def tokens(self, text: str) -> list[str]:
        """The pieces themselves; ends of words begin with `##`."""
        return [self.vocabulary[at] for at in self.ids(text)]

    def rows(self, ids: Sequence[int]) -> FloatArray:
        """The vectors of pieces, shape (len(ids), dimensions)."""
        at = np.asarray(ids, dtype=np.intp)
        return cast("FloatArray", self._vectors[at] * self._scales[at, None])

    def bag(self, ids: Sequence[int]) -> FloatArray:
        """The sum of the vectors of pieces, shape (dimensions,): what a linear model reads."""
        at = np.asarray(ids, dtype=np.intp)
        if len(at) <= _MANY:
            return cast("FloatArray", self._scales[at] @ self._vectors[at])
        at, counts = np.unique(at, return_counts=True)
        return cast(
            "FloatArray", (self._scales[at] * counts).astype(np.float32) @ self._vectors[at]
        )

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Unit rows, shape (len(texts), dimensions); zeros for a text with no known piece."""
        found = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _TOGETHER):
            ids = [self.ids(text) for text in texts[start : start + _TOGETHER]]
            found[start : start + len(ids)] = self._bags(ids)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        found /= np.where(lengths == 0, 1, lengths)
        return found

    def _bags(self, ids: Sequence[Sequence[int]]) -> FloatArray:
        """`bag` of each, shape (len(ids), dimensions): of short ones all at once."""
        lengths = np.array([len(one) for one in ids])
        if len(ids) == 1 or lengths.sum() > _MANY:
            return np.stack([self.bag(one) for one in ids])
        found = np.zeros((len(ids), self.dimensions), dtype=np.float32)
        some = np.flatnonzero(lengths)
        if len(some):
            starts = (np.cumsum(lengths) - lengths)[some]
            found[some] = np.add.reduceat(self.rows(list(chain.from_iterable(ids))), starts)
        return found


@cache
def table() -> Table:
    """The table that comes with Trimtab, read when it is first asked for.

    >>> likely, unlikely = table().embed(["a cat", "invoice"]) @ table().embed(["a kitten"])[0]
    >>> bool(likely > 0.4 > 0.2 > unlikely)
    True
    """
    return Table.read((files("trimtab.embeddings") / "table.npz").read_bytes())
