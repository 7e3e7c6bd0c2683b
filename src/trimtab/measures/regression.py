"""How close predicted numbers are, and whether they come in the right order. Pure numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, IntArray, finite

__all__ = [
    "kendall_tau_b",
    "mean_absolute_error",
    "pearson",
    "r_squared",
    "root_mean_squared_error",
    "spearman",
]


def mean_absolute_error(expected: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean distance of prediction and truth, in their unit.

    >>> mean_absolute_error([1.0, 2.0], [1.5, 2.0])
    0.25
    """
    y, x = _pairs(expected, predicted, least=1)
    return float(np.abs(y - x).mean())


def root_mean_squared_error(expected: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Root of the mean squared distance, in their unit: large errors count more.

    >>> root_mean_squared_error([0.0, 0.0], [3.0, 3.0])
    3.0
    """
    y, x = _pairs(expected, predicted, least=1)
    return float(np.sqrt(((y - x) ** 2).mean()))


def r_squared(expected: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Share of the variance explained: 1 - sum (y - x)^2 / sum (y - mean y)^2; can be negative.

    Raises:
        MeasureError: fewer than two cases, or all expected values are the same.

    >>> r_squared([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    y, x = _pairs(expected, predicted, least=2)
    spread = ((y - y.mean()) ** 2).sum()
    if not spread:
        raise MeasureError("all expected values are the same, so there is nothing to explain")
    return float(1 - ((y - x) ** 2).sum() / spread)


def pearson(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Linear correlation, in [-1, 1].

    Raises:
        MeasureError: fewer than two pairs, or one side is constant.

    >>> round(pearson([1.0, 2.0, 3.0], [2.0, 4.0, 5.0]), 4)
    0.982
    """
    a, b = _pairs(first, second, least=2)
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    if not spread:
        raise MeasureError("a constant has no correlation with anything")
    return max(-1.0, min(1.0, float(a @ b) / spread))


def spearman(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Correlation of ranks, tied values sharing the mean of theirs, in [-1, 1] (Spearman 1904).

    >>> spearman([1.0, 2.0, 3.0], [10.0, 100.0, 1000.0])
    1.0
    """
    a, b = _pairs(first, second, least=2)
    return pearson(_ranks(a), _ranks(b))


def kendall_tau_b(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Pairs in the same order less pairs in opposite order, corrected for ties (Kendall 1945).

    (P - Q) / sqrt((n0 - t1)(n0 - t2)), with n0 = n (n - 1) / 2 and t the pairs tied in one side.
    O(n log n) in time by counting inversions (Knight 1966).

    Raises:
        MeasureError: fewer than two pairs, or one side is constant.

    >>> round(kendall_tau_b([1, 2, 3, 4], [1, 3, 2, 4]), 4)
    0.6667
    """
    a, b = _pairs(first, second, least=2)
    order = np.lexsort((b, a))
    a, b = a[order], b[order]
    pairs = len(a) * (len(a) - 1) // 2
    tied_a, tied_b = _tied(a), _tied(b)
    if pairs in (tied_a, tied_b):
        raise MeasureError("a constant has no correlation with anything")
    _, codes = np.unique(np.column_stack([a, b]), axis=0, return_inverse=True)
    both = _tied(codes.ravel())
    opposite = _inversions(np.unique(b, return_inverse=True)[1].ravel())
    more = pairs - tied_a - tied_b + both - 2 * opposite
    return float(more / np.sqrt(float(pairs - tied_a) * float(pairs - tied_b)))


def _tied(values: FloatArray | IntArray) -> int:
    sizes = np.unique(values, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _inversions(codes: IntArray) -> int:
    """Pairs in which a larger code comes first, by merging sorted halves of growing width."""
    values = codes.copy()
    found, width = 0, 1
    while width < len(values):
        for start in range(0, len(values), 2 * width):
            left, right = values[start : start + width], values[start + width : start + 2 * width]
            if len(right):
                above = len(left) - np.searchsorted(left, right, side="right")
                found += int(above.sum())
                values[start : start + 2 * width] = np.sort(np.concatenate([left, right]))
        width *= 2
    return found


def _ranks(values: FloatArray) -> FloatArray:
    _, where, sizes = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - (sizes - 1) / 2
    return np.asarray(middle[where.ravel()], dtype=np.float64)


def _pairs(
    first: npt.ArrayLike, second: npt.ArrayLike, *, least: int
) -> tuple[FloatArray, FloatArray]:
    a, b = finite(first), finite(second)
    if len(a) != len(b) or len(a) < least:
        raise MeasureError(
            f"as many values on both sides are needed, and at least {least}",
            first=len(a),
            second=len(b),
        )
    return a, b
