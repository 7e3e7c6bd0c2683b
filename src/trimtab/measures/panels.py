"""Panels of judges: what they decide, how many independent votes they are worth, how sure they are.

Pure numpy. Judges make the same mistakes, so k judges are worth fewer than k votes; and judging a
case k times is not having k cases. Nothing here gets narrower because a judge was added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray
from trimtab.measures.intervals import (
    Interval,
    Measured,
    clustered_rate,
    mean_interval,
    wilson,
)
from trimtab.measures.resampling import bootstrap_totals

__all__ = ["decision", "effective_votes", "panel_mean"]

Clusters = Sequence[Hashable] | None


def decision(votes: Sequence[Hashable | None]) -> Hashable | None:
    """The label that more than half of the judges who voted gave, or None: the panel abstains.

    >>> decision(["a", "a", "b", None])
    'a'
    >>> decision(["a", "b"]) is None
    True
    """
    cast = Counter(vote for vote in votes if vote is not None)
    if not cast:
        return None
    label, count = cast.most_common(1)[0]
    return label if 2 * count > cast.total() else None


def effective_votes(
    errors: npt.ArrayLike,
    *,
    clusters: Clusters = None,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = 1_000,
) -> Measured:
    """How many independent judges the panel is worth: k / (1 + (k - 1) rho), within [1, k].

    rho is the correlation of the errors of two judges, the mean of their covariances over the mean
    of their variances (Kish 1965's design effect). Where no judge ever erred, nothing is known of
    how they err together: 1. Interval: accelerated bootstrap over cases, or over clusters.

    Args:
        errors: shape (judges, n), score less truth: for verdicts, -1, 0 or 1.
    Raises:
        MeasureError: not a table of finite numbers, or fewer than two independent cases.

    >>> effective_votes([[1, 0, 0, 1], [1, 0, 0, 1], [1, 0, 0, 1]]).value
    1.0
    """
    table = _table(errors)
    k, n = table.shape
    products = np.einsum("in,jn->nij", table, table)
    rows = np.column_stack(
        [np.ones(n), table.T, np.trace(products, axis1=1, axis2=2), products.sum(axis=(1, 2))]
    )

    def votes(totals: FloatArray) -> FloatArray:
        count = totals[:, 0]
        means = totals[:, 1 : k + 1] / count[:, None]
        apart = totals[:, k + 1] / count - (means**2).sum(axis=1)
        together = totals[:, k + 2] / count - means.sum(axis=1) ** 2
        erred = apart > 1e-12
        worth = k * apart / np.maximum(together, apart * 1e-9 + 1e-300)
        return np.clip(np.where(erred, worth, 1.0), 1.0, k)[:, None]

    value = float(votes(rows.sum(axis=0)[None, :])[0, 0])
    [bounds] = bootstrap_totals(rows, votes, clusters, confidence, seed=seed, resamples=resamples)
    return Measured(value, *bounds)


def panel_mean(
    scores: npt.ArrayLike,
    *,
    scale: tuple[float, float] | None = None,
    clusters: Clusters = None,
    confidence: float = 0.95,
) -> Measured:
    """Mean score of a panel, as sure as its least sure judge.

    Each judge's own interval over the cases is made (Wilson's for scores of 0 and 1, else Student's
    t), and the longest arm to each side is put around the mean of all. So it is not shortened by
    the square root of the number of judges, nor by a judge who always says the same, whose scores
    only damp the variation between cases. Covers the panel's mean more often than it says.

    Args:
        scores: shape (judges, n); every judge scored every case.
        scale: lowest and highest possible score; an interval that would leave it is moved inside,
            not cut.

    >>> one = panel_mean([[1.0, 0.0, 1.0, 1.0]], scale=(0.0, 1.0))
    >>> two = panel_mean([[1.0, 0.0, 1.0, 1.0], [1.0] * 4], scale=(0.0, 1.0))
    >>> two.high - two.low >= one.high - one.low
    True
    """
    table = _table(scores)
    value = float(table.mean())
    binary = bool(np.isin(table, (0.0, 1.0)).all())
    arms = [_arms(row, binary, clusters, confidence) for row in table]
    below, above = max(a.low for a in arms), max(a.high for a in arms)
    low, high = value - below, value + above
    if scale is not None:
        if not scale[0] <= table.min() <= table.max() <= scale[1]:
            raise MeasureError("a score lies outside the scale", got=list(scale))
        inward = max(0.0, scale[0] - low) - max(0.0, high - scale[1])
        low, high = max(scale[0], low + inward), min(scale[1], high + inward)
    return Measured(value, low, high)


def _arms(row: FloatArray, binary: bool, clusters: Clusters, confidence: float) -> Interval:
    """How far one judge's interval reaches below and above its mean."""
    mean = float(row.mean())
    if not binary:
        low, high = mean_interval(row, clusters, confidence)
    elif clusters is None:
        low, high = wilson(int(row.sum()), len(row), confidence)
    else:
        low, high = clustered_rate(row, clusters, confidence)
    return Interval(mean - low, high - mean)


def _table(values: npt.ArrayLike) -> FloatArray:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape or not np.isfinite(table).all():
        raise MeasureError(
            "a panel is a table of finite numbers, one row per judge",
            fix="leave out cases that a judge did not score",
            got=list(table.shape),
        )
    return table
