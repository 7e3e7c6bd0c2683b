"""Totals of values by cluster: the units that may be treated as independent.

A cluster is a group whose errors go together (questions about one document, turns of one session).
Without clusters every value is its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError

__all__ = ["BoolArray", "FloatArray", "IntArray", "Totals", "finite", "numbered", "totals"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]


class Totals(NamedTuple):
    """Sum of the values and number of values of each cluster; shape (clusters,) each."""

    sums: FloatArray
    sizes: FloatArray


def totals(values: npt.ArrayLike, clusters: Sequence[Hashable] | None = None) -> Totals:
    """Sums and sizes by cluster, clusters in order of first appearance.

    Args:
        values: shape (n,), finite.
        clusters: n keys; None means that every value is independent.
    Raises:
        MeasureError: a value is not finite, or there are not as many keys as values.

    >>> totals([1.0, 2.0, 4.0], ["a", "b", "a"]).sums
    array([5., 2.])
    """
    array = finite(values)
    if clusters is None:
        return Totals(array, np.ones_like(array))
    index, count = numbered(clusters, len(array))
    sums = np.bincount(index, weights=array, minlength=count).astype(np.float64)
    sizes = np.bincount(index, minlength=count).astype(np.float64)
    return Totals(sums, sizes)


def numbered(clusters: Sequence[Hashable], n: int) -> tuple[IntArray, int]:
    """The number of each value's cluster, shape (n,), by first appearance, and how many there are.

    Raises:
        MeasureError: there are not as many keys as values.

    >>> numbered(["b", "a", "b"], 3)
    (array([0, 1, 0]), 2)
    """
    if len(clusters) != n:
        raise MeasureError("every value needs a cluster key", values=n, clusters=len(clusters))
    number: dict[Hashable, int] = {}
    index = np.fromiter((number.setdefault(key, len(number)) for key in clusters), dtype=np.intp)
    return index, len(number)


def finite(values: npt.ArrayLike) -> FloatArray:
    """The values as a flat array of doubles.

    Raises:
        MeasureError: not one-dimensional, or a value is NaN or infinite; what could not be scored
            is left out, never NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise MeasureError("expected a flat sequence of numbers", shape=list(array.shape))
    if not np.isfinite(array).all():
        raise MeasureError("a value is NaN or infinite", fix="leave out what was not scored")
    return array
