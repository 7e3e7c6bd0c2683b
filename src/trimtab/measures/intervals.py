"""Confidence intervals for rates, means and paired differences. Pure: arrays in, two bounds out.

Which one when: `wilson` for a rate, `clustered_rate` for a rate over clusters, `mean_interval` for
a mean, `bootstrap_bca` for the mean of something skewed (latency, cost), `tango` for the difference
of two rates on the same cases, `sparse_mean_interval` for a mean of differences most of which are
zero. Every interval is two-sided and raises MeasureError where it is not defined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, Totals, totals
from trimtab.measures.distributions import (
    beta_quantile,
    normal_cdf,
    normal_quantile,
    student_quantile,
)

__all__ = [
    "Interval",
    "StandardError",
    "bootstrap_bca",
    "clopper_pearson",
    "clustered_rate",
    "mean_interval",
    "sparse_mean_interval",
    "standard_error",
    "tango",
    "wilson",
]


class Interval(NamedTuple):
    low: float
    high: float


class StandardError(NamedTuple):
    """Standard error of a mean, and the degrees of freedom of its Student t."""

    value: float
    df: int


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of a rate (Wilson 1927, eq. 4; without continuity correction).

    Args:
        successes: cases that succeeded, 0 <= successes <= n.
        n: cases, all independent, at least one.

    >>> low, high = wilson(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4902, 0.9433)
    """
    _check_counts(successes, n)
    return _wilson(successes / n, n, _z(confidence))


def _wilson(rate: float, n: float, z: float) -> Interval:
    centre = rate + z * z / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if rate == 0 else (centre - half) / scale
    high = 1.0 if rate == 1 else (centre + half) / scale
    return Interval(max(0.0, low), min(1.0, high))


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Exact interval of a rate (Clopper & Pearson 1934): never covers less than it says.

    >>> low, high = clopper_pearson(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4439, 0.9748)
    """
    _check_counts(successes, n)
    _z(confidence)
    tail = (1 - confidence) / 2
    low = beta_quantile(tail, successes, n - successes + 1) if successes else 0.0
    high = beta_quantile(1 - tail, successes + 1, n - successes) if successes < n else 1.0
    return Interval(low, high)


def clustered_rate(
    outcomes: npt.ArrayLike, clusters: Sequence[Hashable], confidence: float = 0.95
) -> Interval:
    """Wilson interval of a rate over clusters, at the effective number of independent cases.

    n_eff = p (1 - p) / var_cluster(p), at most n, reduced by (t_{n-1} / t_{G-1})^2 for G clusters
    (Korn & Graubard 1998 with Wilson's interval in place of the exact one; Franco et al. 2019).
    Where all outcomes agree the variance says nothing and a cluster counts as one case.

    Args:
        outcomes: shape (n,), each 0 or 1.
        clusters: n keys with at least two different ones.
    """
    groups = totals(outcomes, clusters)
    z = _z(confidence)
    error = _standard_error(groups)
    n, g = float(groups.sizes.sum()), len(groups.sums)
    rate = min(1.0, max(0.0, float(groups.sums.sum()) / n))
    binomial = rate * (1 - rate)
    if binomial == 0 or error.value == 0:
        return _wilson(rate, g, z)
    variance = error.value**2 * (g - 1) / g
    p = (1 + confidence) / 2
    shrink = (student_quantile(p, n - 1) / student_quantile(p, g - 1)) ** 2
    return _wilson(rate, min(n, binomial / variance) * shrink, z)


def standard_error(
    values: npt.ArrayLike, clusters: Sequence[Hashable] | None = None
) -> StandardError:
    """Standard error of the mean, robust to any correlation inside clusters.

    The sandwich estimate for an intercept with the CR1 correction G / (G - 1):
    se^2 = G / (G - 1) * sum over clusters of (sum of residuals)^2 / n^2, with G - 1 degrees of
    freedom (Liang & Zeger 1986; Cameron & Miller 2015, sec. II). Without clusters: s / sqrt(n).

    Raises:
        MeasureError: fewer than two clusters (or values).
    """
    return _standard_error(totals(values, clusters))


def _standard_error(groups: Totals) -> StandardError:
    g = len(groups.sums)
    if g < 2:
        raise MeasureError(
            "spread needs two independent values", got=g, fix="score more examples or clusters"
        )
    n = groups.sizes.sum()
    residuals = groups.sums - groups.sizes * (groups.sums.sum() / n)
    value = math.sqrt(g / (g - 1) * float(residuals @ residuals)) / float(n)
    return StandardError(value, g - 1)


def mean_interval(
    values: npt.ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Student's t interval of a mean, with the standard error of `standard_error`.

    >>> low, high = mean_interval([1.0, 2.0, 3.0, 4.0])
    >>> round(low, 3), round(high, 3)
    (0.446, 4.554)
    """
    _z(confidence)
    groups = totals(values, clusters)
    error = _standard_error(groups)
    mean = float(groups.sums.sum() / groups.sizes.sum())
    half = student_quantile((1 + confidence) / 2, error.df) * error.value
    return Interval(mean - half, mean + half)


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
    The same seed gives the same interval.

    Args:
        values: shape (n,), at least two clusters (or values).
        resamples: bootstrap samples; the bounds' own noise falls with its square root.
    """
    groups = totals(values, clusters)
    _standard_error(groups)
    z = _z(confidence)
    sums, sizes = groups
    mean = float(sums.sum() / sizes.sum())
    if np.ptp(sums / sizes) == 0:
        return Interval(mean, mean)
    means = np.sort(_resampled_means(groups, seed, resamples))
    below = (np.searchsorted(means, mean, "left") + np.searchsorted(means, mean, "right")) / 2
    share = min(max(below / resamples, 0.5 / resamples), 1 - 0.5 / resamples)
    bias = normal_quantile(float(share))
    left_out = (sums.sum() - sums) / (sizes.sum() - sizes)
    pull = left_out.mean() - left_out
    spread = float((pull**2).sum())
    acceleration = float((pull**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    levels = [normal_cdf(bias + (bias + q) / (1 - acceleration * (bias + q))) for q in (-z, z)]
    low, high = np.quantile(means, levels)
    return Interval(float(low), float(high))


def _resampled_means(groups: Totals, seed: int, resamples: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    g = len(groups.sums)
    alike = np.ptp(groups.sizes) == 0
    parts: list[FloatArray] = []
    rows = max(1, 4_000_000 // g)  # bounds the memory of one draw to some 64 MB
    for start in range(0, resamples, rows):
        drawn = rng.integers(0, g, size=(min(rows, resamples - start), g), dtype=np.int32)
        weights = g * groups.sizes[0] if alike else groups.sizes[drawn].sum(axis=1)
        parts.append(groups.sums[drawn].sum(axis=1) / weights)
    return np.concatenate(parts)


def tango(worse: int, better: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of the difference of two rates on the same n cases (Tango 1998).

    The difference is (better - worse) / n. Defined also when no case changed, where intervals from
    the observed spread collapse to a point.

    Args:
        worse: cases that went from success to failure.
        better: cases that went from failure to success.

    >>> low, high = tango(0, 0, 300)
    >>> round(low, 4), round(high, 4)
    (-0.0126, 0.0126)
    """
    _check_counts(min(worse, better), n)
    _check_counts(worse + better, n)
    z = _z(confidence)
    observed = (better - worse) / n

    def score(difference: float) -> float:
        return _tango_score(difference, worse, better, n)

    low = _crossing(score, z, -1.0, observed)
    high = _crossing(score, -z, observed, 1.0)
    return Interval(low, high)


def _tango_score(difference: float, worse: int, better: int, n: int) -> float:
    """Tango's statistic: how far the data lie from a supposed difference, in standard errors."""
    linear = -better - worse + (2 * n - better + worse) * difference
    constant = -worse * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    rate_worse = (root - linear) / (4 * n)
    variance = n * (2 * rate_worse + difference * (1 - difference))
    excess = better - worse - n * difference
    if variance <= 0:
        return 0.0 if excess == 0 else math.copysign(math.inf, excess)
    return excess / math.sqrt(variance)


def _crossing(score: Callable[[float], float], level: float, low: float, high: float) -> float:
    """Where a falling function takes the value `level`, by bisection."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        if score(middle) > level:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def sparse_mean_interval(
    differences: npt.ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    *,
    span: float,
) -> Interval:
    """Interval of a mean difference when only a handful of cases changed.

    From few changes their spread cannot be learnt: Student's t would give a point where nothing
    changed. Instead the numbers of clusters that fell and rose bound how often each happens (Tango
    1998), and each is taken to move by `span`, the most one case can. Wide, but never falsely sure;
    it always contains the observed mean.

    Args:
        span: the largest possible difference of one case, in the unit of the differences, > 0.
    """
    groups = totals(differences, clusters)
    g, n = len(groups.sums), float(groups.sizes.sum())
    if g == 0 or not span >= 0:
        raise MeasureError("a sparse interval needs cases and a span", cases=g, span=span)
    worse, better = int((groups.sums < 0).sum()), int((groups.sums > 0).sum())
    reach = span * float(groups.sizes.max()) * g / n
    low, high = tango(worse, better, g, confidence)
    mean = float(groups.sums.sum()) / n
    return Interval(min(mean, low * reach), max(mean, high * reach))


def _check_counts(successes: int, n: int) -> None:
    if not (n >= 1 and 0 <= successes <= n):
        raise MeasureError("a rate needs 0 <= successes <= n and n >= 1", successes=successes, n=n)


def _z(confidence: float) -> float:
    if not 0.5 <= confidence < 1:
        raise MeasureError("confidence must be in [0.5, 1)", confidence=confidence)
    return normal_quantile((1 + confidence) / 2)
