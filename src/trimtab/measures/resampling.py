"""Jackknife and bootstrap of functions of totals. Pure: arrays and a seed in, numbers out.

Most statistics of a set of cases (a mean, a kappa, the strengths of a ladder) depend on it only
through totals of a few columns. So a resample is a row of weights times a table, and a statistic
takes totals of shape (b, d), one row per resample, and gives b values. Whole clusters are left out
and resampled together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, Totals, numbered, totals
from trimtab.measures.distributions import normal_cdf, normal_quantile, student_quantile
from trimtab.measures.intervals import Interval, StandardError, standard_error

__all__ = ["Statistic", "bootstrap_bca", "bootstrap_totals", "expanded_quantile", "jackknife"]

Statistic = Callable[[FloatArray], FloatArray]


def jackknife(
    rows: FloatArray, statistic: Statistic, clusters: Sequence[Hashable] | None = None
) -> StandardError:
    """Standard error of a statistic of totals, leaving out one cluster at a time.

    se^2 = (g - 1) / g * sum of (theta_i - mean theta)^2 (Efron & Tibshirani 1993, eq. 11.5). The
    degrees of freedom are those of a mean over these clusters (`intervals.standard_error`).

    Args:
        rows: shape (n, d), what each case adds to the totals.
        statistic: totals of shape (b, d) to values of shape (b,).
    Raises:
        MeasureError: fewer than two clusters.

    >>> error = jackknife(np.array([[1.0, 1], [2, 1], [6, 1]]), lambda t: t[:, 0] / t[:, 1])
    >>> round(error.value, 4), error.df
    (1.5275, 2.0)
    """
    df = standard_error(np.zeros(len(rows)), clusters).df
    table = _table(rows, clusters)
    g = float(table.counts.sum())
    left_out = statistic(table.counts @ table.rows - table.rows)
    spread = float(table.counts @ (left_out - table.counts @ left_out / g) ** 2)
    return StandardError(math.sqrt((g - 1) / g * spread), df)


def bootstrap_totals(
    rows: FloatArray,
    statistic: Statistic,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    *,
    seed: int,
    resamples: int = 2_000,
) -> list[Interval]:
    """Bias-corrected accelerated bootstrap intervals of functions of totals (Efron 1987).

    Args:
        rows: shape (n, d), what each case adds to the totals; a case is drawn with all it adds.
        statistic: totals of shape (b, d) to values of shape (b, m), defined for every resample.
        seed: the same seed gives the same intervals.
        resamples: bootstrap samples; the bounds' own noise falls with its square root.
    Returns:
        m intervals.

    >>> means = lambda t: t[:, :1] / t[:, 1:]
    >>> bootstrap_totals(np.array([[2.0, 1], [2, 1]]), means, seed=0)
    [Interval(low=2.0, high=2.0)]
    """
    table = _table(rows, clusters)
    g = int(table.counts.sum())
    if g < 2:
        raise MeasureError("a bootstrap needs two independent cases", got=g)
    whole = table.counts @ table.rows
    observed, left_out = statistic(whole[None, :])[0], statistic(whole - table.rows)
    rng = np.random.default_rng(seed)
    drawn = [
        statistic(rng.multinomial(g, table.counts / g, size=size) @ table.rows)
        for size in _batches(resamples, len(table.rows))
    ]
    replicates = np.concatenate(drawn)
    return [
        _bca(column, float(value), _acceleration(pull, table.counts), g, confidence)
        for column, value, pull in zip(replicates.T, observed, left_out.T, strict=True)
    ]


class _Table(NamedTuple):
    """The different rows, shape (cells, d), and how often each occurs, shape (cells,)."""

    rows: FloatArray
    counts: FloatArray


def _table(rows: FloatArray, clusters: Sequence[Hashable] | None) -> _Table:
    if clusters is None:
        found, counts = np.unique(rows, axis=0, return_counts=True)
        return _Table(found, counts.astype(np.float64))
    index, g = numbered(clusters, len(rows))
    sums = np.zeros((g, rows.shape[1]))
    np.add.at(sums, index, rows)
    return _Table(sums, np.ones(g))


def _batches(resamples: int, cells: int) -> list[int]:
    """Sizes of draws each of which takes some 32 MB at most."""
    most = max(1, 4_000_000 // cells)
    return [min(most, resamples - start) for start in range(0, resamples, most)]


def _bca(
    replicates: FloatArray, value: float, acceleration: float, g: int, confidence: float
) -> Interval:
    """Quantiles of the replicates at the levels of Efron 1987 (Efron & Tibshirani 1993, 14.10).

    The normal quantile in them is replaced by sqrt(g / (g - 1)) times Student's, since resampling g
    units shows too little spread (Hesterberg 2015, arXiv:1411.5279, sec. 5.3).
    """
    if not 0.5 <= confidence < 1:
        raise MeasureError("confidence must be in [0.5, 1)", confidence=confidence)
    q, size = expanded_quantile(g, confidence), len(replicates)
    ranked = np.sort(replicates)
    below = (np.searchsorted(ranked, value, "left") + np.searchsorted(ranked, value, "right")) / 2
    bias = normal_quantile(min(max(float(below) / size, 0.5 / size), 1 - 0.5 / size))
    levels = [_level(bias, acceleration, side) for side in (-q, q)]
    low, high = np.quantile(ranked, levels)
    return Interval(float(low), float(high))


def expanded_quantile(g: int, confidence: float) -> float:
    """How many standard errors of a bootstrap over g units an interval should reach."""
    return student_quantile((1 + confidence) / 2, g - 1) * math.sqrt(g / (g - 1))


def _level(bias: float, acceleration: float, q: float) -> float:
    """Level of the quantile; past its pole the formula means the last one."""
    room = 1 - acceleration * (bias + q)
    if room <= 0:
        return 1.0 if q > 0 else 0.0
    return normal_cdf(bias + (bias + q) / room)


def _acceleration(left_out: FloatArray, counts: FloatArray) -> float:
    """Efron & Tibshirani 1993, eq. 14.15: a sixth of the skewness of the jackknife's influence."""
    pull = counts @ left_out / counts.sum() - left_out
    spread = float(counts @ pull**2)
    # a spread of rounding errors says nothing of skewness
    if spread <= 1e-24 * float(counts @ left_out**2):
        return 0.0
    return float(counts @ pull**3) / (6 * spread * math.sqrt(spread))


def bootstrap_bca(
    values: npt.ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    *,
    seed: int,
    resamples: int = 4_000,
) -> Interval:
    """Bias-corrected accelerated bootstrap interval of a mean (Efron 1987).

    Whole clusters are resampled; the acceleration comes from leaving out one cluster at a time.
    Of paired differences it is the paired bootstrap. Never leaves the range of the values;
    `intervals.skew_interval` covers better at these sizes.

    Args:
        seed: the same seed gives the same interval.
        resamples: bootstrap samples; the bounds' own noise falls with its square root.
    """
    groups = totals(values, clusters)
    g = len(groups.sums)
    if g < 2:
        raise MeasureError("a bootstrap needs two independent values", got=g)
    n, whole = float(groups.sizes.sum()), float(groups.sums.sum())
    if np.ptp(groups.sums / groups.sizes) == 0:
        return Interval(whole / n, whole / n)
    left_out = (whole - groups.sums) / (n - groups.sizes)
    acceleration = _acceleration(left_out, np.ones(g))
    return _bca(_resampled_means(groups, seed, resamples), whole / n, acceleration, g, confidence)


def _resampled_means(groups: Totals, seed: int, resamples: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    g = len(groups.sums)
    means = []
    for size in _batches(resamples, g):
        drawn = rng.integers(0, g, size=(size, g), dtype=np.int32)
        means.append(groups.sums[drawn].sum(axis=1) / groups.sizes[drawn].sum(axis=1))
    return np.concatenate(means)
