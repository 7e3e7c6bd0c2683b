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

_FEW = 8  # pieces of a kind, on average: of more, kinds are counted first


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

    def ids(self, text: str, most_cut: int | None = None) -> list[int]:
        """Which rows of the table a text is made of, in its order; `most_cut` as of `Pieces`."""
        return self.pieces.ids(text, most_cut)

    def tokens(self, text: str) -> list[str]:
        """The pieces themselves; ends of words begin with `##`."""
        return [self.vocabulary[at] for at in self.ids(text)]

    def rows(self, ids: Sequence[int]) -> FloatArray:
        """The vectors of pieces, shape (len(ids), dimensions)."""
        at = np.asarray(ids, dtype=np.intp)
        return cast("FloatArray", self._vectors.take(at, 0) * self._scales.take(at)[:, None])

    def bag(self, ids: Sequence[int]) -> FloatArray:
        """The sum of the vectors of pieces, shape (dimensions,): what a linear model reads."""
        at = np.asarray(ids, dtype=np.intp)
        if len(at) <= _MANY:
            return cast("FloatArray", self._scales.take(at) @ self._vectors.take(at, 0))
        at, counts = np.unique(at, return_counts=True)
        return cast(
            "FloatArray", (self._scales[at] * counts).astype(np.float32) @ self._vectors[at]
        )

    def bags(self, ids: Sequence[int], ends: npt.NDArray[np.int64]) -> FloatArray:
        """`bag` of each part of many pieces, the parts one after another.

        Args:
            ends: where the first part begins and where each one ends, rising.
        """
        kinds = list(set(ids))
        if len(ids) < _FEW * len(kinds):
            return self._products(np.asarray(ids, dtype=np.intp), ends)
        number = np.empty(len(self._scales), dtype=np.intp)
        number[kinds] = np.arange(len(kinds))
        of = number.take(np.asarray(ids, dtype=np.intp))
        parts = len(ends) - 1
        part = np.repeat(np.arange(parts), np.diff(ends))
        cells = np.bincount(part * len(kinds) + of, minlength=parts * len(kinds))
        counts = cells.reshape(parts, len(kinds)).astype(np.float32)
        # Without BLAS, whose threads cost more than so small a product.
        return cast("FloatArray", np.einsum("ij,jk->ik", counts, self.rows(kinds)))

    def _products(self, ids: npt.NDArray[np.intp], ends: npt.NDArray[np.int64]) -> FloatArray:
        """`bag` of each part, as products of scales and vectors; short parts weigh nothing more."""
        places = ends[:-1, None] + np.arange(np.diff(ends).max())
        at = ids.take(places, mode="clip")
        scales = self._scales.take(at) * (places < ends[1:, None])
        return cast("FloatArray", np.matmul(scales[:, None, :], self._vectors.take(at, 0))[:, 0])

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Unit rows, shape (len(texts), dimensions); zeros for a text with no known piece."""
        found = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _TOGETHER):
            ids = [self.ids(text) for text in texts[start : start + _TOGETHER]]
            found[start : start + len(ids)] = self._bags(ids)
        return units(found)

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


def units(rows: FloatArray) -> FloatArray:
    """Rows divided by their lengths, in place; zeros stay zeros."""
    lengths = np.sqrt(np.add.reduce(rows * rows, axis=1, keepdims=True))
    lengths[lengths == 0] = 1
    rows /= lengths
    return rows


@cache
def table() -> Table:
    """The table that comes with Trimtab, read when it is first asked for.

    >>> likely, unlikely = table().embed(["a cat", "invoice"]) @ table().embed(["a kitten"])[0]
    >>> bool(likely > 0.4 > 0.2 > unlikely)
    True
    """
    return Table.read((files("trimtab.embeddings") / "table.npz").read_bytes())
