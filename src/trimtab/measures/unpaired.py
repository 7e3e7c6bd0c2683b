"""Two sets of different cases compared: differences of rates and of means, and a test. Pure numpy.

For when the cases differ, as live traffic before and after a release. Where both ran on the same
cases, a paired comparison (`intervals.tango`, `significance.sign_flip`) sees much smaller
differences. A difference is always the second's value less the first's.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, Totals, totals
from trimtab.measures.distributions import student_quantile
from trimtab.measures.intervals import (
    Interval,
    Measured,
    clustered_rate,
    standard_error,
    wilson,
)

__all__ = ["mean_difference", "permutation", "rate_difference"]

Clusters = Sequence[Hashable] | None


def rate_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    first_clusters: Clusters = None,
    second_clusters: Clusters = None,
    confidence: float = 0.95,
) -> Measured:
    """Difference of two rates, by Newcombe's (1998) hybrid of their Wilson intervals (method 10).

    Each bound lies as far off as the two rates' own arms together, added as the sides of a right
    angle. Over clusters the arms are those of `intervals.clustered_rate`.

    Args:
        first, second: shape (n,) and (m,), each 0 or 1.

    >>> difference, low, high = rate_difference([1] * 56 + [0] * 14, [1] * 48 + [0] * 32)
    >>> round(difference, 3), round(low, 4), round(high, 4)
    (-0.2, -0.3339, -0.0524)
    """
    p, q = (
        _rate(x, k, confidence) for x, k in ((first, first_clusters), (second, second_clusters))
    )
    difference = q.value - p.value
    return Measured(
        difference,
        difference - math.hypot(q.value - q.low, p.high - p.value),
        difference + math.hypot(q.high - q.value, p.value - p.low),
    )


def _rate(outcomes: npt.ArrayLike, clusters: Clusters, confidence: float) -> Measured:
    values = np.asarray(outcomes, dtype=np.float64)
    if len(values) == 0 or not np.isin(values, (0.0, 1.0)).all():
        raise MeasureError("a rate needs outcomes of 0 or 1", got=len(values))
    bounds: Interval
    if clusters is None:
        bounds = wilson(int(values.sum()), len(values), confidence)
    else:
        bounds = clustered_rate(values, clusters, confidence)
    return Measured(float(values.mean()), *bounds)


def mean_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    first_clusters: Clusters = None,
    second_clusters: Clusters = None,
    confidence: float = 0.95,
) -> Measured:
    """Difference of two means, by Welch's (1947) t with cluster-robust standard errors.

    Raises:
        MeasureError: fewer than two independent values on a side.

    >>> difference, low, high = mean_difference([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    >>> round(difference, 3), round(low, 3), round(high, 3)
    (2.0, -2.155, 6.155)
    """
    a, b = standard_error(first, first_clusters), standard_error(second, second_clusters)
    means = [float(np.mean(np.asarray(values, dtype=np.float64))) for values in (first, second)]
    difference = means[1] - means[0]
    variance = a.value**2 + b.value**2
    if variance == 0:
        return Measured(difference, difference, difference)
    df = variance**2 / (a.value**4 / a.df + b.value**4 / b.df)
    half = student_quantile((1 + confidence) / 2, df) * math.sqrt(variance)
    return Measured(difference, difference - half, difference + half)


def permutation(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    first_clusters: Clusters = None,
    second_clusters: Clusters = None,
    seed: int,
    shuffles: int = 9_999,
) -> float:
    """Two-sided p-value of "the two sets are drawn alike", by dealing whole clusters anew.

    p = (b + 1) / (shuffles + 1), b the deals whose means differ by as much as those seen or more
    (Phipson & Smyth 2010): never 0, and valid however skewed the values are.

    Args:
        seed: the same seed gives the same p-value.

    >>> permutation([1.0, 2.0, 3.0] * 5, [1.0, 2.0, 3.0] * 5, seed=0)
    1.0
    """
    a, b = totals(first, first_clusters), totals(second, second_clusters)
    if len(a.sums) == 0 or len(b.sums) == 0:
        raise MeasureError("a comparison needs values on both sides")
    pooled = Totals(np.concatenate([a.sums, b.sums]), np.concatenate([a.sizes, b.sizes]))
    observed = abs(_gap(pooled, np.arange(len(a.sums))[None, :])[0])
    near = 1e-9 * (abs(float(np.abs(pooled.sums).max())) + observed)
    rng = np.random.default_rng(seed)
    reached, rows = 0, max(1, 2_000_000 // len(pooled.sums))
    for start in range(0, shuffles, rows):
        count = min(rows, shuffles - start)
        order = rng.random((count, len(pooled.sums))).argsort(axis=1)[:, : len(a.sums)]
        reached += int((np.abs(_gap(pooled, order)) >= observed - near).sum())
    return (reached + 1) / (shuffles + 1)


def _gap(pooled: Totals, chosen: npt.NDArray[np.intp]) -> FloatArray:
    """Mean of the rest less the mean of the chosen clusters, for each row of choices."""
    sums, sizes = pooled.sums[chosen].sum(axis=1), pooled.sizes[chosen].sum(axis=1)
    rest, left = pooled.sums.sum() - sums, pooled.sizes.sum() - sizes
    return np.asarray(rest / left - sums / sizes, dtype=np.float64)
