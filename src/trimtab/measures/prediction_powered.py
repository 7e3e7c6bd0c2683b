"""Means and rates from a judge's scores of all cases and people's labels of some. Pure numpy.

`debiased_mean` is prediction-powered inference: right whatever the judge is like, since the labels
correct it, and hardly wider than from the labels alone, since it relies on the judge only as far
as the labels show that it pays. It takes for granted that the labelled cases are a random sample.
`rogan_gladen` carries a judge's measured error rates over to cases of which none is labelled; it
takes for granted that the error rates are the same there, which `debiased_mean` need not.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, finite, numbered
from trimtab.measures.distributions import normal_quantile, student_quantile
from trimtab.measures.intervals import (
    Interval,
    Measured,
    effective_wilson,
    skew_interval,
    standard_error,
)

__all__ = ["MIN_LABELS", "Debiased", "debiased_mean", "rogan_gladen"]

MIN_LABELS = 30


class Debiased(NamedTuple):
    """A mean that labels corrected.

    Attributes:
        value, low, high: the mean and its confidence interval.
        raw: the mean of the judge's scores of all cases, as if it were always right.
        reliance: how much of the judge's score is used (lambda of PPI++): 0 not at all, 1 fully.
        labels: how many cases people labelled.
        effective_labels: how many labels alone would have been as good.
    """

    value: float
    low: float
    high: float
    raw: float
    reliance: float
    labels: int
    effective_labels: float


def debiased_mean(
    judged: npt.ArrayLike,
    labels: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Debiased:
    """PPI++ estimate of the mean label, with the reliance that minimises its variance.

    mean(Y) - lambda (mean of f, labelled - mean of f, unlabelled); lambda = cov(Y, f) /
    (var(f) (1 + n / N)), n labelled and N unlabelled cases (Angelopoulos, Duchi & Zrnic 2023,
    arXiv:2311.01453, ex. 6.1), here with sums over clusters in place of cases, and not restricted
    to [0, 1]. Interval: for labels of 0 and 1 Wilson's at the effective number of labels, else
    Student's t, widened for the skewness of the corrected labels (`intervals.skew_interval`).

    Args:
        judged: shape (n,), the judge's score of every case, on any scale.
        labels: n values, None where nobody labelled the case.
        clusters: n keys; cases of one cluster are not independent.
    Raises:
        MeasureError: fewer than 30 labels, or labels in fewer than four clusters.

    >>> labels = [1.0, 0.0, 1.0, 1.0] * 10 + [None] * 160
    >>> found = debiased_mean([0.9, 0.2, 0.8, 0.6] * 50, labels)
    >>> round(found.value, 2), round(found.raw, 3), round(found.effective_labels)
    (0.75, 0.625, 101)
    """
    cases = _cases(judged, labels, clusters)
    pull, lever = _influences(cases)
    # every label is used: nothing is left for the judge to say
    reliance = float(pull @ lever / (lever @ lever)) if lever @ lever > 0 else 0.0
    y, f = cases.labels, cases.judged[cases.labelled]
    gap = float(f.mean() - cases.judged[~cases.labelled].mean()) if reliance else 0.0
    value = float(y.mean()) - reliance * gap
    alone = standard_error(y, cases.labelled_keys)
    # one degree of freedom pays for the reliance; the jackknife's factor for the means
    df = max(1.0, alone.df - (1.0 if reliance else 0.0))
    influence = pull - reliance * lever
    variance = float(influence @ influence) * (alone.df + 1) / df
    if np.isin(y, (0.0, 1.0)).all():
        value = min(1.0, max(0.0, value))
        variance += _unseen(y, f, reliance)
        bounds = _rate_bounds(value, len(y), variance, df, confidence)
    else:
        bounds = _mean_bounds(value, y - reliance * f, cases, variance, df, confidence)
    gain = alone.value**2 / variance if variance > 0 and alone.value > 0 else 1.0
    return Debiased(value, *bounds, float(cases.judged.mean()), reliance, len(y), len(y) * gain)


class _Cases(NamedTuple):
    judged: FloatArray
    labelled: npt.NDArray[np.bool_]
    labels: FloatArray
    cluster: npt.NDArray[np.intp]
    clusters: int
    labelled_keys: list[Hashable] | None


def _cases(
    judged: npt.ArrayLike, labels: Sequence[float | None], clusters: Sequence[Hashable] | None
) -> _Cases:
    scores = finite(judged)
    if len(scores) != len(labels):
        raise MeasureError(
            "every case needs a score, and a label or None", scores=len(scores), labels=len(labels)
        )
    labelled = np.array([label is not None for label in labels], dtype=np.bool_)
    count = int(labelled.sum())
    if count < MIN_LABELS:
        raise MeasureError(
            f"{count} labels are too few to correct a judge",
            fix=f"label at least {MIN_LABELS} cases drawn at random",
            got=count,
            allowed=MIN_LABELS,
        )
    keys = list(range(len(scores))) if clusters is None else clusters
    cluster, number = numbered(keys, len(scores))
    if len(np.unique(cluster[labelled])) < 4:
        raise MeasureError(
            "the labels lie in too few clusters", fix="label cases of four clusters at least"
        )
    chosen = [key for key, known in zip(keys, labelled, strict=True) if known]
    return _Cases(
        judged=scores,
        labelled=labelled,
        labels=finite([label for label in labels if label is not None]),
        cluster=cluster,
        clusters=number,
        labelled_keys=None if clusters is None else chosen,
    )


def _influences(cases: _Cases) -> tuple[FloatArray, FloatArray]:
    """What each cluster adds to the error of the mean label, and to that of the judge's contrast.

    Shape (clusters,) each. The second is zero where the judge has nothing to say: it never varies,
    or there is no unlabelled case.
    """
    known, y = cases.labelled, cases.labels
    n, rest = len(y), int((~known).sum())
    pull = np.zeros(len(known))
    pull[known] = (y - y.mean()) / n
    lever = np.zeros(len(known))
    if rest >= 2:
        f, g = cases.judged[known], cases.judged[~known]
        lever[known] = (f - f.mean()) / n
        lever[~known] = (g.mean() - g) / rest
    if not np.ptp(cases.judged):
        lever[:] = 0.0
    sums = [np.bincount(cases.cluster, weights=w, minlength=cases.clusters) for w in (pull, lever)]
    return sums[0].astype(np.float64), sums[1].astype(np.float64)


def _unseen(y: FloatArray, f: FloatArray, reliance: float) -> float:
    """What a quarter of a label of each kind of error of the judge adds to the variance of a rate.

    From a handful of errors their frequency cannot be learnt, and where a good judge made none, the
    variance would be nearly nothing: without this, 95 % cover 82 % (30 labels, rate .95, a judge
    right in 95 %), with it 89 %; a half would do there but widens every other interval.
    """
    missed = 1 - y.mean() - reliance * (f.min() - f.mean())
    invented = y.mean() + reliance * (f.max() - f.mean())
    return 0.25 * float(missed**2 + invented**2) / len(y) ** 2


def _rate_bounds(
    rate: float, labels: int, variance: float, df: float, confidence: float
) -> Interval:
    """Wilson's interval of a rate at the number of independent labels that has this variance."""
    p = (1 + confidence) / 2
    shrink = (normal_quantile(p) / student_quantile(p, df)) ** 2
    spread = rate * (1 - rate)
    independent = spread / variance if spread > 0 else labels
    return effective_wilson(rate, independent * shrink, confidence)


def _mean_bounds(
    value: float,
    corrected: FloatArray,
    cases: _Cases,
    variance: float,
    df: float,
    confidence: float,
) -> Interval:
    half = student_quantile((1 + confidence) / 2, df) * math.sqrt(variance)
    middle = float(corrected.mean())
    spread = standard_error(corrected, cases.labelled_keys)
    low, high = skew_interval(corrected, cases.labelled_keys, confidence)
    own = student_quantile((1 + confidence) / 2, spread.df) * spread.value
    if own <= 0:
        return Interval(value - half, value + half)
    # the shape of the corrected labels' interval, at the width of the whole estimate's
    return Interval(value - half * (middle - low) / own, value + half * (high - middle) / own)


def rogan_gladen(
    positives: int,
    n: int,
    *,
    true_positives: int,
    labelled_positives: int,
    true_negatives: int,
    labelled_negatives: int,
    confidence: float = 0.95,
) -> Measured:
    """The true rate behind a judge's verdicts, from its error rates on other, labelled cases.

    (p + TNR - 1) / (TPR + TNR - 1), cut to [0, 1] (Rogan & Gladen 1978), with the interval of Lang
    & Reiczigel (2014), which heeds that TPR and TNR are themselves estimates.

    Args:
        positives, n: verdicts that said yes, and all verdicts, none of them labelled.
        true_positives: of the cases that people said yes to (`labelled_positives`), those that the
            judge said yes to.
        true_negatives: of the cases that people said no to (`labelled_negatives`), those that the
            judge said no to.
    Raises:
        MeasureError: fewer than 30 labels, no label of one kind, or a judge no better than chance
            (TPR + TNR <= 1), whose verdicts say nothing.

    >>> found = rogan_gladen(700, 1000, true_positives=54, labelled_positives=60,
    ...                      true_negatives=32, labelled_negatives=40)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.714, 0.612, 0.83)
    """
    parts = [
        (positives, n),
        (true_positives, labelled_positives),
        (true_negatives, labelled_negatives),
    ]
    if any(not (0 <= k <= m and m >= 1) for k, m in parts):
        raise MeasureError("a rate needs 0 <= successes <= n and n >= 1", got=parts)
    if labelled_positives + labelled_negatives < MIN_LABELS:
        raise MeasureError(
            "too few labels to know a judge's error rates", fix=f"label at least {MIN_LABELS} cases"
        )
    rate, tpr, tnr = (k / m for k, m in parts)
    if tpr + tnr <= 1:
        raise MeasureError(
            "the judge is no better than chance, so its verdicts say nothing",
            true_positive_rate=tpr,
            true_negative_rate=tnr,
        )
    z = normal_quantile((1 + confidence) / 2)
    rate_ = (positives + z * z / 2) / (n + z * z)
    tpr_, tnr_ = (
        (true_positives + 1) / (labelled_positives + 2),
        (true_negatives + 1) / (labelled_negatives + 2),
    )
    skill = tpr_ + tnr_ - 1
    middle = (rate_ + tnr_ - 1) / skill
    hits = tpr_ * (1 - tpr_) / labelled_positives
    misses = tnr_ * (1 - tnr_) / labelled_negatives
    shift = 2 * z * z * (middle * hits - (1 - middle) * misses)
    spread = rate_ * (1 - rate_) / (n + z * z) + middle**2 * hits + (1 - middle) ** 2 * misses
    half = z * math.sqrt(spread) / skill
    value = (rate + tnr - 1) / (tpr + tnr - 1)
    low, high = middle + shift - half, middle + shift + half
    clipped = [min(1.0, max(0.0, x)) for x in (value, low, high)]
    return Measured(clipped[0], min(clipped[:2]), max(clipped[0], clipped[2]))
