"""Preferences between competitors: win rates, and a ladder of strengths from pairwise verdicts.

Pure numpy. A verdict is 1 where the first competitor won, 0 where it lost and 1/2 for a tie; what a
judge called differently when the two were swapped is a tie.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, finite
from trimtab.measures.distributions import student_quantile
from trimtab.measures.intervals import (
    Measured,
    clustered_rate,
    rare_interval,
    standard_error,
    wilson,
)
from trimtab.measures.resampling import bootstrap_totals

__all__ = ["Ladder", "bradley_terry", "elo", "length_controlled_win_rate", "win_rate"]

Clusters = Sequence[Hashable] | None


def win_rate(
    verdicts: npt.ArrayLike, *, clusters: Clusters = None, confidence: float = 0.95
) -> Measured:
    """Share of the pairs won, a tie counting half.

    Interval: Wilson's where there is no tie, else that of a mean of values in [0, 1].

    Args:
        verdicts: shape (n,), each in [0, 1].

    >>> win_rate([1.0, 1.0, 0.5, 0.0]).value
    0.625
    """
    won = _verdicts(verdicts)
    value = float(won.mean())
    if np.isin(won, (0.0, 1.0)).all():
        if clusters is None:
            return Measured(value, *wilson(int(won.sum()), len(won), confidence))
        return Measured(value, *clustered_rate(won, clusters, confidence))
    seen, counts = np.unique(won, return_counts=True)
    usual = seen[counts == counts.max()]
    found = [rare_interval(won - one, clusters, confidence, span=1.0) for one in usual]
    low = min(one + bounds.low for one, bounds in zip(usual, found, strict=True))
    high = max(one + bounds.high for one, bounds in zip(usual, found, strict=True))
    return Measured(value, max(0.0, float(low)), min(1.0, float(high)))


def _verdicts(verdicts: npt.ArrayLike) -> FloatArray:
    won = finite(verdicts)
    if len(won) == 0 or won.min() < 0 or won.max() > 1:
        raise MeasureError("a verdict is 1 (won), 0 (lost) or 1/2 (tie)", verdicts=len(won))
    return won


class Ladder(NamedTuple):
    """Strengths, in the order of `competitors`: log odds of winning against one of strength 0."""

    competitors: tuple[Hashable, ...]
    strengths: tuple[Measured, ...]


def bradley_terry(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    verdicts: npt.ArrayLike,
    *,
    anchor: Hashable | None = None,
    clusters: Clusters = None,
    ridge: float = 0.01,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = 1_000,
) -> Ladder:
    """Strengths with P(i beats j) = 1 / (1 + exp(s_j - s_i)) (Bradley & Terry 1952).

    Maximum likelihood by Newton's method, ties as half a win for each. Intervals: accelerated
    bootstrap over pairs, or over clusters.

    Args:
        first, second: n competitors each.
        verdicts: n verdicts from the first one's side.
        anchor: the competitor of strength 0, whose interval is a point; None: the mean is 0.
        ridge: weight of the sum of squared strengths in the likelihood. It is what keeps a
            competitor finite that never lost, or was never compared with some of the others; 0
            gives the plain estimate.
        seed, resamples: of the bootstrap.
    Returns:
        Competitors by falling strength.
    Raises:
        MeasureError: a competitor against itself, fewer than two pairs, or, with ridge 0, a set of
            competitors that the others never beat.

    >>> ladder = bradley_terry("aab", "bcc", [1, 1, 0.5], anchor="c")
    >>> ladder.competitors[0], ladder.strengths[-1]
    ('a', Measured(value=0.0, low=0.0, high=0.0))
    """
    won = _verdicts(verdicts)
    names = list(dict.fromkeys([*first, *second]))
    rows = _wins(first, second, won, names)
    k = len(names)
    if anchor is not None and anchor not in names:
        raise MeasureError("the anchor was never compared", got=str(anchor))
    if ridge <= 0 and not _connected(rows.sum(axis=0).reshape(k, k)):
        raise MeasureError(
            "without ridge every group of competitors must have lost to another",
            fix="compare more pairs, or give ridge",
        )
    zero = None if anchor is None else names.index(anchor)

    def strengths(totals: FloatArray) -> FloatArray:
        # in a resample somebody may never have lost, whatever holds for the whole
        return _fitted(totals.reshape(-1, k, k), max(ridge, 1e-3), zero)

    values = _fitted(rows.sum(axis=0).reshape(1, k, k), ridge, zero)[0]
    bounds = bootstrap_totals(rows, strengths, clusters, confidence, seed=seed, resamples=resamples)
    order = sorted(range(k), key=lambda i: -values[i])
    return Ladder(
        tuple(names[i] for i in order),
        tuple(Measured(float(values[i]), *bounds[i]) for i in order),
    )


def _wins(
    first: Sequence[Hashable], second: Sequence[Hashable], won: FloatArray, names: list[Hashable]
) -> FloatArray:
    """For each pair its k x k table of wins, flat."""
    k, number = len(names), {name: i for i, name in enumerate(names)}
    if not len(first) == len(second) == len(won):
        raise MeasureError("every pair needs two competitors and a verdict", verdicts=len(won))
    a = np.array([number[name] for name in first], dtype=np.intp)
    b = np.array([number[name] for name in second], dtype=np.intp)
    if (a == b).any():
        raise MeasureError("a competitor is compared with itself", row=int(np.argmax(a == b)))
    rows, index = np.zeros((len(won), k * k)), np.arange(len(won))
    rows[index, a * k + b] = won
    rows[index, b * k + a] = 1 - won
    return rows


def _connected(wins: FloatArray) -> bool:
    """Whether a chain of wins leads from each to each (Hunter 2004, assumption 1)."""
    reach = (wins > 0) | np.eye(len(wins), dtype=np.bool_)
    for _ in range(len(wins).bit_length()):
        reach = (reach.astype(np.intp) @ reach.astype(np.intp)) > 0
    return bool(reach.all())


def _fitted(wins: FloatArray, ridge: float, zero: int | None) -> FloatArray:
    """Strengths of each table of wins, shape (b, k, k) to (b, k)."""
    k = wins.shape[1]
    games = wins + wins.transpose(0, 2, 1)
    s = np.zeros(wins.shape[:2])
    # strengths have no origin of their own: a weight on their mean, which is 0, gives them one
    origin = np.full((k, k), 1.0) + ridge * np.eye(k)
    for _ in range(50):
        chance = 0.5 * (1 + np.tanh(0.5 * (s[:, :, None] - s[:, None, :])))
        slope = (wins - games * chance).sum(axis=2) - ridge * s
        bend = -games * chance * (1 - chance)
        bend[:, range(k), range(k)] = -bend.sum(axis=2)
        step = np.linalg.solve(bend + origin, slope[:, :, None])[:, :, 0]
        # half the curvature may be missing far from the optimum: no step longer than 2
        step *= np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
        s = s + step
        if np.abs(step).max() < 1e-10:
            break
    return np.asarray(s - (s.mean(axis=1) if zero is None else s[:, zero])[:, None])


def elo(strength: float, *, anchor: float = 1_000.0) -> float:
    """A strength on the scale of chess: 400 points are odds of ten to one.

    >>> elo(math.log(10))
    1400.0
    """
    return anchor + 400 / math.log(10) * strength


def length_controlled_win_rate(
    verdicts: npt.ArrayLike,
    length_differences: npt.ArrayLike,
    *,
    clusters: Clusters = None,
    ridge: float = 1e-3,
    confidence: float = 0.95,
) -> Measured:
    """The win rate that would be seen if the two answers were always equally long.

    Logistic regression of the verdict on tanh(length difference / its standard deviation), read at
    difference 0: the model and length terms of AlpacaEval-LC (Dubois et al. 2024, arXiv:2404.04475,
    eq. 1); its term for the difficulty of an instruction needs other models' answers and is left
    out. Interval: Student's t on the log odds with the cluster-robust sandwich.

    Args:
        verdicts: shape (n,), each in [0, 1].
        length_differences: shape (n,), length of the first answer less that of the second, in any
            unit.
        ridge: weight per pair of the squared coefficients; keeps them finite.
    Raises:
        MeasureError: fewer than two independent pairs.

    >>> longer_wins = length_controlled_win_rate([1, 1, 1, 0] * 20, [50, 40, 60, -50] * 20)
    >>> longer_wins.value < 0.7
    True
    """
    won, apart = _verdicts(verdicts), finite(length_differences)
    if len(won) != len(apart):
        raise MeasureError("every verdict needs a length difference", verdicts=len(won))
    spread = float(apart.std())
    lean = np.tanh(apart / spread) if spread > 0 else np.zeros_like(apart)
    design = np.column_stack([np.ones_like(lean), lean])
    beta, bread = _logistic(design, won, ridge * len(won))
    chance = 0.5 * (1 + np.tanh(0.5 * design @ beta))
    influence = (design * (won - chance)[:, None]) @ bread[0]
    error = standard_error(influence * len(won), clusters)
    half = student_quantile((1 + confidence) / 2, max(1.0, error.df - 1)) * error.value
    value, low, high = (
        float(0.5 * (1 + math.tanh(0.5 * x))) for x in (beta[0], beta[0] - half, beta[0] + half)
    )
    return Measured(value, low, high)


def _logistic(design: FloatArray, won: FloatArray, ridge: float) -> tuple[FloatArray, FloatArray]:
    """Coefficients, and the inverse of the curvature at them."""
    penalty = ridge * np.eye(design.shape[1])
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        chance = 0.5 * (1 + np.tanh(0.5 * design @ beta))
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, design.T @ (won - chance) - ridge * beta)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return beta, np.asarray(np.linalg.inv(curvature), dtype=np.float64)
