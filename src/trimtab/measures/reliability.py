"""Where stated probabilities go wrong: the curve, its decomposition, and a monotone repair.

Pure numpy. `calibration` has the single numbers and the logistic curve.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.calibration import forecasts
from trimtab.measures.clusters import FloatArray, IntArray, finite

__all__ = [
    "BrierParts",
    "CalibrationBin",
    "Isotonic",
    "brier_parts",
    "calibration_curve",
    "fit_isotonic",
    "sweep_calibration_error",
]


class CalibrationBin(NamedTuple):
    """Cases of similar stated probability: its mean, how often the outcome was 1, and how many."""

    stated: float
    observed: float
    cases: int


class BrierParts(NamedTuple):
    """`brier = reliability - resolution + uncertainty + within` (see `brier_parts`)."""

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def calibration_curve(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = 10, equal: str = "mass"
) -> list[CalibrationBin]:
    """Stated against observed probability, over bins from low to high; empty bins are left out.

    Args:
        bins: at most as many bins.
        equal: `mass`, bins of about equally many cases (equal probabilities share one), or
            `width`, bins of width 1 / bins as in the usual reliability diagram.

    >>> calibration_curve([0.2, 0.2, 0.8, 0.8], [0, 0, 1, 0], bins=2)
    [CalibrationBin(stated=0.2, observed=0.0, cases=2),
     CalibrationBin(stated=0.8, observed=0.5, cases=2)]
    """
    p, y = forecasts(probabilities, outcomes)
    where = _binned(p, bins, equal)
    sizes = np.bincount(where)
    there = sizes > 0
    stated = np.bincount(where, weights=p)[there] / sizes[there]
    observed = np.bincount(where, weights=y)[there] / sizes[there]
    return [
        CalibrationBin(float(s), float(o), int(n))
        for s, o, n in zip(stated, observed, sizes[there], strict=True)
    ]


def sweep_calibration_error(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """ECE with the most equal-mass bins whose observed rates still rise (Roelofs et al. 2022).

    "Mitigating Bias in Calibration Error Estimation", arXiv:2012.08668 (ECE-sweep): no number of
    bins to choose, and less bias than a fixed one.

    >>> sweep_calibration_error([0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0])
    0.0
    """
    p, y = forecasts(probabilities, outcomes)
    order = np.argsort(p, kind="stable")
    p, y = p[order], y[order]
    best = _gap(p, y, 1)[0]
    for bins in range(2, len(p) + 1):
        gap, rising = _gap(p, y, bins)
        if not rising:
            break
        best = gap
    return best


def brier_parts(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = 10
) -> BrierParts:
    """The Brier score split into what calibration, discrimination and the base rate make of it.

    Murphy (1973) over bins of equal mass: reliability sum n_b/n (p_b - o_b)^2 (0 is calibrated),
    resolution sum n_b/n (o_b - o)^2 (more is better), uncertainty o (1 - o). `within` is what
    binning hides (Stephenson et al. 2008): 0 where each bin has one stated probability.

    >>> parts = brier_parts([0.2, 0.2, 0.8, 0.8], [0, 0, 1, 1], bins=2)
    >>> [round(part, 4) for part in parts]
    [0.04, 0.25, 0.25, 0.0]
    """
    p, y = forecasts(probabilities, outcomes)
    rate = y.mean()
    curve = calibration_curve(p, y, bins=bins)
    stated, observed, sizes = (np.array(column) for column in zip(*curve, strict=True))
    share = sizes / len(p)
    reliability = float((share * (stated - observed) ** 2).sum())
    resolution = float((share * (observed - rate) ** 2).sum())
    uncertainty = float(rate * (1 - rate))
    within = float(((p - y) ** 2).mean()) - reliability + resolution - uncertainty
    return BrierParts(reliability, resolution, uncertainty, within)


class Isotonic(NamedTuple):
    """A rising curve through (knots, values), straight between them and flat outside."""

    knots: tuple[float, ...]
    values: tuple[float, ...]

    def probability(self, scores: npt.ArrayLike) -> FloatArray:
        """Probabilities of cases with these scores, shape (n,)."""
        return np.interp(finite(scores), self.knots, self.values)


def fit_isotonic(scores: npt.ArrayLike, outcomes: npt.ArrayLike) -> Isotonic:
    """The rising curve of least squared error, by pooling adjacent violators (Ayer et al. 1955).

    Needs no shape but a good many cases (Zadrozny & Elkan 2002; a thousand or so): with few,
    `calibration.fit_logistic` is steadier.

    Raises:
        MeasureError: no case, or outcomes other than 0 and 1.

    >>> fit_isotonic([1.0, 2.0, 3.0], [0, 1, 1]).probability([1.0, 1.5, 9.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    x, y = finite(scores), finite(outcomes)
    if not len(x) or len(x) != len(y) or not np.isin(y, (0, 1)).all():
        raise MeasureError("a fit needs one outcome of 0 or 1 for each case", cases=len(x))
    knots, where, sizes = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(where.ravel(), weights=y) / sizes
    return Isotonic(tuple(knots.tolist()), tuple(_pooled(means, sizes)))


def _pooled(means: FloatArray, sizes: IntArray) -> list[float]:
    blocks: list[tuple[float, float, int]] = []  # mean, weight, knots
    for mean, size in zip(means.tolist(), sizes.tolist(), strict=True):
        block = (mean, float(size), 1)
        while blocks and blocks[-1][0] >= block[0]:
            before = blocks.pop()
            weight = before[1] + block[1]
            pooled = (before[0] * before[1] + block[0] * block[1]) / weight
            block = (pooled, weight, before[2] + block[2])
        blocks.append(block)
    return [mean for mean, _, knots in blocks for _ in range(knots)]


def _gap(p: FloatArray, y: FloatArray, bins: int) -> tuple[float, bool]:
    """Calibration error over bins of equally many sorted cases, and whether their rates rise."""
    edges = np.linspace(0, len(p), bins + 1).astype(np.intp)[:-1]
    sizes = np.diff(edges, append=len(p))
    stated, observed = np.add.reduceat(p, edges) / sizes, np.add.reduceat(y, edges) / sizes
    gap = float((sizes * np.abs(stated - observed)).sum() / len(p))
    return gap, bool((np.diff(observed) >= 0).all())


def _binned(p: FloatArray, bins: int, equal: str) -> IntArray:
    if bins < 1:
        raise MeasureError("at least one bin is needed", bins=bins)
    if equal == "width":
        return np.minimum((p * bins).astype(np.intp), bins - 1)
    if equal == "mass":
        edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
        return np.searchsorted(edges, p, side="left")
    raise MeasureError("no such bins", got=equal, allowed=["mass", "width"])
