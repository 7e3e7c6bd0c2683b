"""What a comparison can see: power, minimum detectable effect, cases needed. Pure.

Effects are absolute, in the unit of the metric; tests are two-sided at `alpha`. Unless said
otherwise the questions are answered for one test; correcting for several metrics costs power.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from trimtab.errors import MeasureError
from trimtab.measures.clusters import BoolArray, FloatArray, IntArray
from trimtab.measures.distributions import (
    normal_cdf,
    normal_quantile,
    student_cdf,
    student_quantile,
)

__all__ = [
    "Discordance",
    "cases_needed",
    "detectable_difference",
    "discordance",
    "mcnemar_detectable",
    "mcnemar_power",
    "mean_power",
    "unpaired_cases_needed",
    "unpaired_power",
]


class Discordance(NamedTuple):
    """Shares of the cases that go from success to failure, and from failure to success."""

    worse: float
    better: float


def discordance(before: float, after: float, correlation: float) -> Discordance:
    """How often two runs with these rates and this correlation between their outcomes disagree.

    >>> worse, better = discordance(0.80, 0.75, 0.5)
    >>> round(worse, 4), round(better, 4)
    (0.1134, 0.0634)

    Raises:
        MeasureError: no joint distribution has these rates and this correlation.
    """
    spread = math.sqrt(before * (1 - before) * after * (1 - after))
    both = before * after + correlation * spread
    worse, better = before - both, after - both
    if min(worse, better, both, 1 - both - worse - better) < -1e-12:
        raise MeasureError(
            "two rates cannot have this correlation",
            before=before,
            after=after,
            correlation=correlation,
        )
    return Discordance(max(0.0, worse), max(0.0, better))


def mcnemar_power(n: int, *, worse: float, better: float, alpha: float = 0.05) -> float:
    """Chance that the exact McNemar test of n cases rejects, by enumeration of its outcomes.

    The number of changed cases m is binomial with rate worse + better, and of these each goes
    wrong with chance worse / (worse + better); both are summed over all but 1e-10 of their mass.

    Args:
        worse, better: share of cases that change each way, as `discordance` gives.

    >>> round(mcnemar_power(300, worse=0.09, better=0.04), 2)
    0.62
    """
    rate = worse + better
    if n < 0 or min(worse, better) < 0 or rate > 1 + 1e-12:
        raise MeasureError("no such discordance", n=n, worse=worse, better=better)
    if n == 0 or rate == 0:
        return 0.0
    centre, reach = n * rate, 7 * math.sqrt(n * rate * (1 - min(rate, 1.0))) + 10
    m = np.arange(max(0, int(centre - reach)), min(n, int(centre + reach)) + 1)
    logs = _log_factorials(n)
    chance = np.exp(_log_binomial(logs, n, m, min(rate, 1.0)))
    x = np.arange(m[-1] + 1)
    rejected = _rejection(m, x, logs, alpha)
    outcome = np.exp(_log_binomial(logs, m[:, None], x[None, :], worse / rate))
    return float(min(1.0, chance @ (outcome * rejected).sum(axis=1)))


def _rejection(m: IntArray, x: IntArray, logs: FloatArray, alpha: float) -> BoolArray:
    """Which counts x of m changed cases the exact two-sided test at alpha rejects."""
    even = np.exp(_log_binomial(logs, m[:, None], x[None, :], 0.5))
    smaller = np.cumsum(even, axis=1)
    low = 2 * smaller <= alpha * (1 + 1e-9)  # the test counts ties in the last bits as equal
    mirrored = np.clip(m[:, None] - x[None, :], 0, None)
    high = np.take_along_axis(low, mirrored, axis=1)
    return (low | high) & (x[None, :] <= m[:, None])


@lru_cache(maxsize=8)
def _log_factorials(n: int) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def _log_binomial(logs: FloatArray, n: IntArray | int, k: IntArray, p: float) -> FloatArray:
    """log P(X = k), X ~ Binomial(n, p); -inf where k > n or where p forbids it."""
    left = np.asarray(n - k)
    inside = left >= 0
    rest = np.where(inside, left, 0)
    taken = np.where(inside, k, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = np.where(taken > 0, taken * np.log(p), 0.0)
        misses = np.where(rest > 0, rest * np.log1p(-p), 0.0)
    value = logs[taken + rest] - logs[taken] - logs[rest] + hits + misses
    return np.where(inside, value, -np.inf)


@lru_cache(maxsize=1024)
def mcnemar_detectable(
    n: int, *, changed: float, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """Smallest difference of rates that n cases show with this power, or None if none does.

    Args:
        changed: share of cases that change in either direction even when the rates are equal
            (Connor 1987's psi); a difference larger than it makes all changes go one way.

    >>> round(mcnemar_detectable(300, changed=0.13), 3)
    0.06

    Enumerated, or by Connor's normal formula (within 2 % of it) once 400 cases change.
    """
    if not 0 <= changed <= 1:
        raise MeasureError("a share must be in [0, 1]", changed=changed)
    if n * changed > 400:
        return _connor_detectable(n, changed, alpha, power)

    def reached(difference: float) -> bool:
        worse = max(difference, (changed + difference) / 2)
        better = max(0.0, (changed - difference) / 2)
        return mcnemar_power(n, worse=worse, better=better, alpha=alpha) >= power

    if not reached(1.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(14):  # to 1e-4, far below what the assumption deserves
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _connor_detectable(n: int, changed: float, alpha: float, power: float) -> float:
    """The d with sqrt(n) d = z_{1 - alpha/2} sqrt(psi) + z_power sqrt(psi - d^2) (Connor 1987)."""
    z, z_power = normal_quantile(1 - alpha / 2), normal_quantile(power)
    difference = 0.0
    for _ in range(20):
        rest = math.sqrt(max(0.0, changed - difference**2))
        difference = (z * math.sqrt(changed) + z_power * rest) / math.sqrt(n)
    return difference


def detectable_difference(
    error: float, df: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Smallest mean difference that a t test with this standard error shows with this power.

    (t_{1 - alpha/2, df} + t_{power, df}) * error (Cohen 1988, ch. 2; Bloom 1995).

    Args:
        error: standard error of the mean difference.
        df: its degrees of freedom.

    >>> round(detectable_difference(0.02, 299), 3)
    0.056
    """
    if error < 0 or not 0 < alpha < 1 or not 0.5 <= power < 1:
        raise MeasureError("no such test", error=error, alpha=alpha, power=power)
    return (student_quantile(1 - alpha / 2, df) + student_quantile(power, df)) * error


def cases_needed(
    deviation: float, effect: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Cases with which a paired test shows a mean difference of `effect`, by the normal formula.

    ((z_{1 - alpha/2} + z_power) * deviation / effect)^2, rounded up.

    Args:
        deviation: standard deviation of the differences of one case.

    >>> cases_needed(0.36, 0.05)
    407
    """
    if effect <= 0 or deviation < 0:
        raise MeasureError("an effect must be positive", effect=effect, deviation=deviation)
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return math.ceil((z * deviation / effect) ** 2)


def mean_power(error: float, df: float, effect: float, *, alpha: float = 0.05) -> float:
    """Chance that a two-sided t test with this standard error shows a true difference of `effect`.

    Student's t shifted by effect / error, in place of the noncentral t (within .02 of it from ten
    degrees of freedom on).

    Args:
        error: standard error of the difference, paired or not.
        df: its degrees of freedom.

    >>> round(mean_power(0.02, 299, 0.056), 2)
    0.8
    """
    if not error > 0 or not df > 0 or not 0 < alpha < 1:
        raise MeasureError("no such test", error=error, df=df, alpha=alpha)
    critical, shift = student_quantile(1 - alpha / 2, df), abs(effect) / error
    return student_cdf(shift - critical, df) + student_cdf(-shift - critical, df)


def unpaired_power(
    first_n: int, second_n: int, *, first: float, second: float, alpha: float = 0.05
) -> float:
    """Chance that rates of different cases are shown to differ, by the normal formula.

    (|p - q| - z se_0) / se_1, se_0 with the pooled rate and se_1 with each set's own (Fleiss, Levin
    & Paik 2003, eq. 4.14).

    Args:
        first_n, second_n: cases of each set.
        first, second: their true rates.

    >>> round(unpaired_power(300, 300, first=0.80, second=0.75), 2)
    0.31
    """
    if min(first_n, second_n) < 1 or not (0 <= first <= 1 and 0 <= second <= 1):
        raise MeasureError("no such rates", first=first, second=second, n=[first_n, second_n])
    pooled = (first_n * first + second_n * second) / (first_n + second_n)
    shares = 1 / first_n + 1 / second_n
    null = math.sqrt(pooled * (1 - pooled) * shares)
    own = math.sqrt(first * (1 - first) / first_n + second * (1 - second) / second_n)
    z, effect = normal_quantile(1 - alpha / 2), abs(first - second)
    if own == 0:
        return 1.0 if effect > z * null else 0.0
    return normal_cdf((effect - z * null) / own) + normal_cdf((-effect - z * null) / own)


def unpaired_cases_needed(
    first: float, second: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Cases in each of two sets with which these rates are shown to differ.

    ((z_{1 - alpha/2} sqrt(2 m (1 - m)) + z_power sqrt(p (1 - p) + q (1 - q))) / (p - q))^2 rounded
    up, m = (p + q) / 2 (Fleiss, Levin & Paik 2003, eq. 4.14).

    >>> unpaired_cases_needed(0.80, 0.75)
    1094
    """
    if first == second or not (0 <= first <= 1 and 0 <= second <= 1):
        raise MeasureError("an effect needs two different rates", first=first, second=second)
    middle = (first + second) / 2
    own = first * (1 - first) + second * (1 - second)
    reach = normal_quantile(1 - alpha / 2) * math.sqrt(2 * middle * (1 - middle))
    reach += normal_quantile(power) * math.sqrt(own)
    return math.ceil((reach / (first - second)) ** 2)
