"""Confidence intervals for rates, means and paired differences. Pure: arrays in, two bounds out.

Which one when: `wilson` for a rate, `clustered_rate` for a rate over clusters, `tango` for the
difference of two rates on the same cases, `skew_interval` for any other mean, `rare_interval` for a
mean of values most of which are alike. The others are the textbook ones they are built from or
compared with. Every interval is two-sided, and raises MeasureError where it is not defined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, Totals, finite, totals
from trimtab.measures.distributions import (
    beta_quantile,
    normal_quantile,
    student_quantile,
)

__all__ = [
    "Interval",
    "Measured",
    "StandardError",
    "clopper_pearson",
    "clustered_rate",
    "effective_wilson",
    "jeffreys",
    "mean_interval",
    "rare_interval",
    "skew_interval",
    "skewness",
    "standard_error",
    "tango",
    "wilson",
    "working_size",
]


class Interval(NamedTuple):
    low: float
    high: float


class Measured(NamedTuple):
    """A value and the bounds of its confidence interval."""

    value: float
    low: float
    high: float


class StandardError(NamedTuple):
    """Standard error of a mean, and the (fractional) degrees of freedom of its Student t."""

    value: float
    df: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of a rate (Wilson 1927; without continuity correction).

    Args:
        successes: cases that succeeded, 0 <= successes <= n.
        n: cases, all independent, at least one.

    >>> low, high = wilson(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4902, 0.9433)
    """
    _check_counts(successes, n)
    return _wilson(successes / n, n, _z(confidence))


def effective_wilson(rate: float, n: float, confidence: float = 0.95) -> Interval:
    """Wilson's interval of a rate known as well as from n independent cases, n any number > 0.

    For a rate, or another mean of values in [0, 1], whose variance was estimated: n is then
    rate (1 - rate) / variance.

    >>> effective_wilson(0.8, 10) == wilson(8, 10)
    True
    """
    if not (n > 0 and 0 <= rate <= 1):
        raise MeasureError("a rate needs 0 <= rate <= 1 and n > 0", rate=rate, n=n)
    return _wilson(rate, n, _z(confidence))


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


def jeffreys(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Equal-tailed posterior interval of a rate under Jeffreys' prior (Brown, Cai & DasGupta 2001).

    Quantiles of Beta(successes + 1/2, n - successes + 1/2), with the lower bound 0 where nothing
    succeeded and the upper one 1 where everything did.

    >>> low, high = jeffreys(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4972, 0.9559)
    """
    _check_counts(successes, n)
    _z(confidence)
    tail, a, b = (1 - confidence) / 2, successes + 0.5, n - successes + 0.5
    low = beta_quantile(tail, a, b) if successes else 0.0
    high = beta_quantile(1 - tail, a, b) if successes < n else 1.0
    return Interval(low, high)


def clustered_rate(
    outcomes: npt.ArrayLike, clusters: Sequence[Hashable], confidence: float = 0.95
) -> Interval:
    """Wilson interval of a rate over clusters, at the effective number of independent cases.

    n_eff = p (1 - p) / var_cluster(p), at most n, reduced by (t_{n-1} / t_df)^2
    (Korn & Graubard 1998 with Wilson's interval in place of the exact one; Franco et al. 2019).
    When fewer than five clusters hold any of the rarer outcome, the variance between clusters is
    learnt badly and n_eff is at most `working_size`.

    Args:
        outcomes: shape (n,), each 0 or 1.
        clusters: n keys with at least two different ones.
    """
    groups = totals(outcomes, clusters)
    z = _z(confidence)
    error = _standard_error(groups)
    n, g = float(groups.sizes.sum()), len(groups.sums)
    rate = min(1.0, max(0.0, float(groups.sums.sum()) / n))
    rarer = min(int((groups.sums > 0).sum()), int((groups.sums < groups.sizes).sum()))
    limit = n if rarer >= 5 else _working_size(groups)
    if error.value == 0:
        return _wilson(rate, min(limit, _working_size(groups)), z)
    variance = error.value**2 * (g - 1) / g
    p = (1 + confidence) / 2
    shrink = (student_quantile(p, n - 1) / student_quantile(p, error.df)) ** 2
    return _wilson(rate, min(limit, min(n, rate * (1 - rate) / variance) * shrink), z)


def standard_error(
    values: npt.ArrayLike, clusters: Sequence[Hashable] | None = None
) -> StandardError:
    """Standard error of the mean, robust to any correlation inside clusters.

    The sandwich estimate for an intercept with the CR2 correction, se^2 = sum over clusters of
    (sum of residuals)^2 / (1 - n_g / n) / n^2, and Satterthwaite's degrees of freedom under equal
    variances (Bell & McCaffrey 2002; Imbens & Kolesar 2016). Without clusters, or with
    clusters of one size, it is what CR1 with G - 1 degrees of freedom gives, s / sqrt(n); with
    unequal ones CR1 covers 91 % where 95 % is meant (G = 20, sizes 1 to 60), this one 94 %.

    Raises:
        MeasureError: fewer than two clusters (or values).
    """
    return _standard_error(totals(values, clusters))


def _standard_error(groups: Totals) -> StandardError:
    if len(groups.sums) < 2:
        raise MeasureError(
            "spread needs two independent values",
            got=len(groups.sums),
            fix="score more examples or clusters",
        )
    sizes, n = groups.sizes, float(groups.sizes.sum())
    kept = 1 - sizes / n
    variance = float((_residuals(groups) ** 2 / kept).sum()) / n**2
    pull = sizes**2 / (n * kept)
    df = n**2 / float((sizes**2).sum() + pull.sum() ** 2 - (pull**2).sum())
    return StandardError(math.sqrt(variance), df)


def _mean(groups: Totals) -> float:
    return float(groups.sums.sum() / groups.sizes.sum())


def _residuals(groups: Totals) -> FloatArray:
    return groups.sums - groups.sizes * _mean(groups)


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
    return _student(totals(values, clusters), confidence)


def _student(groups: Totals, confidence: float) -> Interval:
    _z(confidence)
    error, mean = _standard_error(groups), _mean(groups)
    half = student_quantile((1 + confidence) / 2, error.df) * error.value
    return Interval(mean - half, mean + half)


def skewness(values: npt.ArrayLike, clusters: Sequence[Hashable] | None = None) -> float:
    """Third standardised moment of the values, or of their clusters' residual sums; 0 if constant.

    >>> round(skewness([1.0, 1.0, 1.0, 5.0]), 3)
    1.155
    """
    return _skewness(totals(values, clusters))


def _skewness(groups: Totals) -> float:
    residuals = _residuals(groups)
    spread = float((residuals**2).mean()) if len(residuals) else 0.0
    return float((residuals**3).mean()) / spread**1.5 if spread > 0 else 0.0


def skew_interval(
    values: npt.ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """The t interval of a mean, widened where skewness moves it (Hall 1992, cubic transformation).

    The smallest interval that holds both Student's and Hall's: nearly the former for symmetric
    values, longer on the long tail's side for skewed ones. Measured coverage of a nominal 95 %, n =
    20 to 300: normal 94-96 %, exponential 94-96 %, log-normal (sigma 1) 92-96 %, where Student's
    alone falls to 87 % and the BCa bootstrap to 86 %.

    >>> low, high = skew_interval([1.0, 2.0, 1.0, 2.0, 9.0])
    >>> round(low, 2), round(high, 2)
    (-1.21, 16.9)
    """
    groups = totals(values, clusters)
    plain = _student(groups, confidence)
    error, mean = _standard_error(groups), _mean(groups)
    lean = _skewness(groups) / (3 * math.sqrt(len(groups.sums)))
    if abs(lean) < 1e-9:
        return plain
    q = student_quantile((1 + confidence) / 2, error.df)
    steps = [(math.cbrt(1 + 3 * lean * (y - lean / 2)) - 1) / lean for y in (q, -q)]
    hall = Interval(mean - steps[0] * error.value, mean - steps[1] * error.value)
    return _hull(plain, hall)


def _hull(first: Interval, second: Interval) -> Interval:
    return Interval(min(first.low, second.low), max(first.high, second.high))


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


def rare_interval(
    deviations: npt.ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    *,
    span: float,
) -> Interval:
    """Interval of a mean of deviations most of which may be zero; never falsely sure.

    `skew_interval`, and where at most half of the clusters and fewer than eight deviate, widened to
    what their number alone allows: Tango's (1998) bounds on how much more often a case falls than
    rises, each by `span`. From a handful of deviations their spread cannot be learnt, and where
    none deviates the other would be a point. Clusters count at their working size
    (`working_size`).

    Args:
        deviations: shape (n,): differences of two runs, or values less their usual value.
        span: the most that one case can deviate, >= 0, in the unit of the deviations.

    >>> low, high = rare_interval([0.0] * 300, span=1.0)
    >>> round(low, 4), round(high, 4)
    (-0.0126, 0.0126)
    """
    if not span >= 0:
        raise MeasureError("a span cannot be negative", span=span)
    array = finite(deviations)
    groups = totals(array, clusters)
    found = skew_interval(array, clusters, confidence)
    moved = [int((groups.sums < 0).sum()), int((groups.sums > 0).sum())]
    if sum(moved) >= 8 or 2 * sum(moved) > len(groups.sums):
        return found
    size = round(_working_size(groups))
    share = size / len(array)
    falls, rises = (
        max(clusters_moved, math.floor(share * int(cases.sum())))
        for clusters_moved, cases in zip(moved, (array < 0, array > 0), strict=True)
    )
    low, high = tango(falls, rises, max(size, falls + rises), confidence)
    return _hull(found, Interval(low * span, high * span))


def working_size(clusters: Sequence[Hashable]) -> float:
    """How many independent cases clustered ones are worth when the data cannot say.

    n / (1 + rho (sum n_g^2 / n - 1)), Kish's (1965) design effect with rho = 0.3, at the upper
    end of what questions about one document show.

    >>> round(working_size(["a"] * 8 + ["b"] * 8), 1)
    5.2
    """
    return _working_size(totals([0.0] * len(clusters), clusters))


def _working_size(groups: Totals) -> float:
    n = float(groups.sizes.sum())
    return n / (1 + 0.3 * (float((groups.sizes**2).sum()) / n - 1))


def _check_counts(successes: int, n: int) -> None:
    if not (n >= 1 and 0 <= successes <= n):
        raise MeasureError("a rate needs 0 <= successes <= n and n >= 1", successes=successes, n=n)


def _z(confidence: float) -> float:
    if not 0.5 <= confidence < 1:
        raise MeasureError("confidence must be in [0.5, 1)", confidence=confidence)
    return normal_quantile((1 + confidence) / 2)
