"""Several samples of each case: how much they vary, and the chance that some or all succeed.

Pure numpy. Samples of one case are repeats, not cases: average them first (`at_least` does), then
put an interval around the mean over cases.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, totals
from trimtab.measures.distributions import beta_quantile
from trimtab.measures.intervals import Measured

__all__ = ["Variation", "at_least", "case_means", "pass_at_k", "pass_hat_k", "variation"]


class Variation(NamedTuple):
    """Components of the variance of a score.

    Attributes:
        mean: over cases, of the means of their samples.
        within: variance of the samples of one case, in squared units of the score.
        between: variance of the cases' true means, likewise; 0 where the estimate is negative.
        intraclass: between / (between + within), the correlation of two samples of one case.
        cases, samples: how many there are.
    """

    mean: float
    within: float
    between: float
    intraclass: Measured
    cases: int
    samples: int

    def error(self, cases: int, repeats: int) -> float:
        """Standard error of a mean over so many cases, with so many samples of each.

        >>> variation([0.0, 1.0, 1.0, 1.0], ["a", "a", "b", "b"]).error(100, 1)
        0.05
        """
        return math.sqrt((self.between + self.within / repeats) / cases)


def variation(
    scores: npt.ArrayLike, cases: Sequence[Hashable], confidence: float = 0.95
) -> Variation:
    """Variance within and between cases, by one-way analysis of variance.

    between = (MSB - MSW) / n0, n0 = (n - sum n_i^2 / n) / (g - 1) (Searle, Casella & McCulloch
    1992, sec. 3.6). Interval of the intraclass correlation: Searle's (1971), exact for normal
    scores and equal numbers of samples.

    Args:
        scores: shape (n,), of all samples.
        cases: n keys, which case a sample is of.
    Raises:
        MeasureError: fewer than two cases, or none with two samples.

    >>> found = variation([1.0, 2.0, 4.0, 5.0], ["a", "a", "b", "b"])
    >>> found.within, found.between
    (0.5, 4.25)
    """
    raw = np.asarray(scores, dtype=np.float64)
    centre = float(raw.mean()) if len(raw) else 0.0
    values = raw - centre  # or squares of large scores would swallow what varies
    groups = totals(values, cases)
    g, n = len(groups.sums), len(values)
    if g < 2 or n <= g:
        raise MeasureError("variation needs two cases, and two samples of one", cases=g, samples=n)
    means = groups.sums / groups.sizes
    squares = float((values**2).sum() - (groups.sizes * means**2).sum())
    within = max(0.0, squares) / (n - g)
    grand = float(groups.sums.sum()) / n
    over = float((groups.sizes * (means - grand) ** 2).sum()) / (g - 1)
    size = (n - float((groups.sizes**2).sum()) / n) / (g - 1)
    between = max(0.0, (over - within) / size)
    ratio = over / within if within > 1e-12 * over else math.inf
    tail = (1 - confidence) / 2
    low, value, high = (
        _intraclass(ratio / f, size)
        for f in (_f_quantile(1 - tail, g - 1, n - g), 1.0, _f_quantile(tail, g - 1, n - g))
    )
    return Variation(
        centre + float(means.mean()), within, between, Measured(value, low, high), g, n
    )


def _intraclass(ratio: float, size: float) -> float:
    """(F - 1) / (F + n0 - 1), 0 where negative."""
    return 1.0 if math.isinf(ratio) else max(0.0, (ratio - 1) / (ratio + size - 1))


def _f_quantile(p: float, df1: float, df2: float) -> float:
    """The f with P(F <= f) = p: if F has df1 and df2, df1 F / (df1 F + df2) is a beta."""
    x = beta_quantile(p, df1 / 2, df2 / 2)
    return df2 * x / (df1 * (1 - x))


def case_means(scores: npt.ArrayLike, cases: Sequence[Hashable]) -> FloatArray:
    """Mean of the samples of each case, cases in order of first appearance, shape (cases,).

    >>> case_means([0.0, 1.0, 1.0], ["a", "a", "b"])
    array([0.5, 1. ])
    """
    groups = totals(scores, cases)
    return groups.sums / groups.sizes


def at_least(successes: int, samples: int, m: int, of: int) -> float:
    """Chance that at least m of `of` samples of a case succeed, estimated from more samples of it.

    The share of all ways to draw `of` of the samples that contain m successes or more
    (hypergeometric), which is unbiased. With of = samples it is 1 or 0: the rule "m of n".

    Args:
        successes, samples: of the case, 0 <= successes <= samples.
        m, of: 0 <= m <= of <= samples.
    Raises:
        MeasureError: the numbers are not so.

    >>> at_least(3, 5, 4, of=5), at_least(3, 5, 1, of=2)
    (0.0, 0.9)
    """
    if not (0 <= successes <= samples and 0 <= m <= of <= samples):
        raise MeasureError(
            "needs 0 <= successes <= samples and 0 <= m <= of <= samples",
            fix="take at least as many samples of each case as the rule looks at",
            successes=successes,
            samples=samples,
            m=m,
            of=of,
        )
    failures = samples - successes
    ways = sum(math.comb(successes, j) * math.comb(failures, of - j) for j in range(m, of + 1))
    return ways / math.comb(samples, of)


def pass_at_k(successes: int, samples: int, k: int) -> float:
    """pass@k: the chance that at least one of k samples succeeds (Chen et al. 2021).

    1 - C(n - c, k) / C(n, k), unbiased (arXiv:2107.03374, eq. 1).

    >>> round(pass_at_k(3, 10, 5), 4)
    0.9167
    """
    return at_least(successes, samples, 1, of=k)


def pass_hat_k(successes: int, samples: int, k: int) -> float:
    """pass^k: the chance that all of k samples succeed, C(c, k) / C(n, k) (arXiv:2406.12045).

    >>> round(pass_hat_k(8, 10, 2), 4)
    0.6222
    """
    return at_least(successes, samples, k, of=k)
