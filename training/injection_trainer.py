"""Fits of the injection model on parts of the rows, and the scores of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from training.injection_features import Windows, windows
from training.injection_rows import Row

from trimtab.signals.injection.passage import FloatArray

C = 5.0
SOURCE_POWER = 0.5
MIN_DOCS, MIN_SOURCES = 4, 3
VECTOR_SCALE, FAMILY_SCALE = 1.0, 1.0

Bools = npt.NDArray[np.bool_]
Linear = tuple[FloatArray, FloatArray, float]
"""Weights of all n-gram columns, of vector and families, and the bias."""


class Trainer:
    """Features of all rows, and fits on parts of them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.seen: Windows = windows(rows, most=6)
        self.label, self.usable = self.seen.labels(rows)
        named = [row.source.removeprefix("long_") for row in rows]
        self.names = sorted(set(named))
        index = {name: at for at, name in enumerate(self.names)}
        self.row_source = np.array([index[name] for name in named])
        self.source = self.row_source[self.seen.owner]
        self.columns = self._columns()
        self.grams = self.seen.matrix(self.columns)
        self.dense = dense(self.seen)
        self._by_source = self._documents(self.grams)

    def fit(self, used: Bools) -> Linear:
        """A model of the windows that may be used."""
        used = used & self.usable
        at = np.flatnonzero(used)
        kept = self._kept(np.unique(self.source[at]))
        features = sp.hstack([self.grams[at][:, kept], sp.csr_matrix(self.dense[at])]).tocsr()
        fitted = LogisticRegression(C=C, max_iter=150, tol=1e-3)
        fitted.fit(features, self.label[at], sample_weight=self._weights(at))
        coefficients = fitted.coef_[0].astype(np.float32)
        grams = np.zeros(len(self.columns), np.float32)
        grams[kept] = coefficients[: len(kept)]
        return grams, coefficients[len(kept) :], float(fitted.intercept_[0])

    def _weights(self, at: npt.NDArray[np.int64]) -> FloatArray:
        """Both classes weigh the same; a source as the root of its size, a text of its windows."""
        weights = np.zeros(len(at))
        for label in (0, 1):
            of = self.label[at] == label
            for name in np.unique(self.source[at][of]):
                mine = of & (self.source[at] == name)
                weights[mine] = mine.sum() ** (SOURCE_POWER - 1)
        owners = self.seen.owner[at]
        weights /= np.bincount(owners)[owners] ** 0.5
        for label in (0, 1):
            of = self.label[at] == label
            weights[of] /= weights[of].sum()
        balanced: FloatArray = (weights * len(at)).astype(np.float32)
        return balanced

    def _columns(self) -> npt.NDArray[np.int64]:
        ids, counts = np.unique(self.seen.ids, return_counts=True)
        return ids[counts >= MIN_DOCS]

    def _documents(self, grams: sp.csr_matrix) -> sp.csr_matrix:
        """How many windows of a source hold an n-gram."""
        ones = sp.csr_matrix((np.ones_like(grams.data), grams.indices, grams.indptr), grams.shape)
        shape = (len(self.names), len(self.source))
        of = sp.csr_matrix(
            (np.ones(len(self.source), np.float32), (self.source, np.arange(len(self.source)))),
            shape,
        )
        return (of @ ones).tocsr()

    def _kept(self, used: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """N-grams of at least so many windows and so many sources: no source's own words."""
        of = self._by_source[used]
        counts = np.asarray(of.sum(axis=0)).ravel()
        in_sources = np.asarray((of > 0).sum(axis=0)).ravel()
        return np.flatnonzero((counts >= MIN_DOCS) & (in_sources >= MIN_SOURCES))

    def scores(self, model: Linear, at: npt.NDArray[np.int64]) -> FloatArray:
        """The highest sum of any window of each row, in the order of the rows."""
        grams, rest, bias = model
        return self.highest(self.grams[at] @ grams + self.dense[at] @ rest + bias, at)

    def highest(self, sums: FloatArray, at: npt.NDArray[np.int64]) -> FloatArray:
        """The highest sum of each text the windows are of."""
        _, owner = np.unique(self.seen.owner[at], return_inverse=True)
        found = np.full(owner.max() + 1, -np.inf, np.float32)
        np.maximum.at(found, owner, sums)
        return found


def dense(seen: Windows) -> FloatArray:
    """Vectors and families side by side, scaled so that the same penalty suits them."""
    found: FloatArray = np.hstack([seen.vectors * VECTOR_SCALE, seen.families * FAMILY_SCALE])
    return found
