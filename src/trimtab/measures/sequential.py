"""Confidence sequences: intervals that may be looked at after every batch, and stopped on.

The chance that the interval *ever* misses the truth is at most 1 - confidence, however often one
looks and whenever one stops; a usual interval looked at forty times misses 30 % of the time. The
price is width. A `Tally` keeps two numbers; a `Capital` keeps two curves and adapts to the
variance, so it is far narrower for scores, or paired differences, that are nearly always alike.
Each takes one stream, and two of a kind make an A/B comparison with any split of the traffic.

Values are immutable: `plus` gives a new one. Nothing is assumed of the scores but their bounds
and that each has the same mean given those before it (of its arm). Scores that go together, such as
the turns of one session, are one score: their mean.

Evidence is the logarithm of an e-value, which by itself exceeds log(1 / alpha) with a chance of at
most alpha, ever, if the supposed value is true; `p_value` turns it into an always-valid p-value,
and the smallest one over all looks is valid too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, finite
from trimtab.measures.intervals import Interval, Measured

__all__ = ["Capital", "Tally", "capital", "p_value", "tally"]

# Bets and mixtures are fixed before the first score, so they are set for this alpha whatever the
# confidence that is asked for later; that costs a little width, never validity.
_DESIGN_ALPHA = 0.05
# Of the capital that is staked on two arms, the share staked on both at once.
_PAIRED = 0.9


def p_value(evidence: float) -> float:
    """The p-value that this much evidence gives: min(1, exp(-evidence)).

    >>> round(p_value(3.0), 3)
    0.05
    """
    return math.exp(-max(0.0, evidence))


class Tally(NamedTuple):
    """A stream of scores in [low, high], by number and sum, under the normal mixture.

    With s = (high - low) / 2, E exp(t (X - mean)) <= exp(t^2 s^2 / 2) (Hoeffding 1963). Mixed over
    a normal t that gives the e-process sqrt(r / (V + r)) exp((S - n mean)^2 / (2 (V + r))),
    V = n s^2 (Robbins 1970; Howard et al. 2021, arXiv:1810.08240, eq. 14).
    """

    low: float
    high: float
    mixture: float
    n: int = 0
    total: float = 0.0

    def plus(self, scores: npt.ArrayLike) -> Tally:
        """With these scores added.

        Raises:
            MeasureError: a score outside [low, high].
        """
        array = _bounded(scores, self.low, self.high)
        return self._replace(n=self.n + len(array), total=self.total + float(array.sum()))

    @property
    def mean(self) -> float:
        """Mean so far; the middle of the bounds before the first score."""
        return self.total / self.n if self.n else (self.low + self.high) / 2

    def interval(self, confidence: float = 0.95) -> Interval:
        """Where the mean is, at any time."""
        return _around(self.mean, self._noise, self._price, confidence, self.low, self.high)

    def evidence(self, mean: float) -> float:
        """Evidence against this mean."""
        return _evidence(self.mean - mean, self._noise, self._price)

    def over(self, baseline: Tally, confidence: float = 0.95) -> Measured:
        """By how much this arm's mean exceeds the baseline's, at any time.

        The two arms' e-processes multiply; their product at the baseline's mean that suits the
        supposed difference best is an e-value against the difference.
        """
        _comparable(self, baseline)
        value, span = self.mean - baseline.mean, self.high - self.low
        noise, price = self._noise + baseline._noise, self._price + baseline._price
        return Measured(value, *_around(value, noise, price, confidence, -span, span))

    def evidence_over(self, baseline: Tally, difference: float = 0.0) -> float:
        """Evidence against this arm's mean exceeding the baseline's by just this difference."""
        _comparable(self, baseline)
        excess = self.mean - baseline.mean - difference
        return _evidence(excess, self._noise + baseline._noise, self._price + baseline._price)

    @property
    def _variance(self) -> float:
        return self.n * (self.high - self.low) ** 2 / 4

    @property
    def _noise(self) -> float:
        return (self._variance + self.mixture) / self.n**2 if self.n else math.inf

    @property
    def _price(self) -> float:
        return 0.5 * math.log1p(self._variance / self.mixture)


def tally(low: float = 0.0, high: float = 1.0, *, planned: int = 1_000) -> Tally:
    """An empty stream of scores in [low, high]; of paired differences, [-1, 1] for example.

    Args:
        planned: after how many scores the interval should be about as narrow as it can be. It is
            valid at any other time, but 7 % wider than need be at ten times as many and 27 % at a
            tenth.

    >>> half = tally(planned=400).plus([0.0, 1.0] * 200)
    >>> low, high = half.interval()
    >>> round(low, 3), round(high, 3)
    (0.424, 0.576)
    """
    _check_bounds(low, high, planned)
    # Waudby-Smith et al. 2021, arXiv:2103.06476, eq. 11: the mixture that is narrowest at `planned`
    log = -2 * math.log(_DESIGN_ALPHA)
    return Tally(low, high, planned * (high - low) ** 2 / 4 / (log + math.log1p(log)))


def _around(
    middle: float, noise: float, price: float, confidence: float, low: float, high: float
) -> Interval:
    enough = _threshold(confidence) + price
    if not math.isfinite(noise):
        return Interval(low, high)
    half = math.sqrt(2 * noise * enough)
    return Interval(max(low, middle - half), min(high, middle + half))


def _evidence(excess: float, noise: float, price: float) -> float:
    return excess**2 / (2 * noise) - price if math.isfinite(noise) else 0.0


class Capital(NamedTuple):
    """A stream of scores in [low, high], by what bets on its mean have won.

    For every supposed mean m of a grid on [0, 1] two gamblers stake a share of what they have on
    each score being above, or below, m: K+ = prod(1 + b (X - m)), K- = prod(1 - b (X - m)).
    If m is true neither can grow except by luck, so m is excluded once either has 2 / alpha times
    what it started with. Stakes follow the variance seen so far (the hedged capital process with
    predictable plug-in of Waudby-Smith & Ramdas 2024, arXiv:2010.09686, thm. 3 and eq. 26).

    Attributes:
        above, below: log K+ and log K- over the grid, shape (points,).
        deviation: sum of the squared distances of the scores from the mean expected before each.
    """

    low: float
    high: float
    above: FloatArray
    below: FloatArray
    n: int = 0
    total: float = 0.0
    deviation: float = 0.0

    def plus(self, scores: npt.ArrayLike) -> Capital:
        """With these scores added, in the order in which they came.

        Raises:
            MeasureError: a score outside [low, high].
        """
        array = _bounded(scores, self.low, self.high)
        x = (array - self.low) / (self.high - self.low)
        count = self.n + np.arange(1, len(x) + 1)
        expected = (0.5 + self.total + np.cumsum(x)) / (count + 1)
        deviation = self.deviation + np.cumsum((x - expected) ** 2)
        before = (0.25 + np.concatenate([[self.deviation], deviation[:-1]])) / count
        stakes = np.sqrt(2 * math.log(2 / _DESIGN_ALPHA) / (before * count * np.log1p(count)))
        above, below = _won(x, stakes, len(self.above))
        return self._replace(
            above=self.above + above,
            below=self.below + below,
            n=self.n + len(x),
            total=self.total + float(x.sum()),
            deviation=float(deviation[-1]) if len(x) else self.deviation,
        )

    @property
    def mean(self) -> float:
        """Mean so far; the middle of the bounds before the first score."""
        share = self.total / self.n if self.n else 0.5
        return self.low + share * (self.high - self.low)

    def interval(self, confidence: float = 0.95) -> Interval:
        """Where the mean is, at any time; bounds are rounded outwards to the grid."""
        enough = _threshold(confidence) + math.log(2)
        steps, span = len(self.above) - 1, self.high - self.low
        too_low = np.flatnonzero(self.above >= enough)
        too_high = np.flatnonzero(self.below >= enough)
        first = int(too_low[-1]) if len(too_low) else 0
        last = int(too_high[0]) if len(too_high) else steps
        return Interval(self.low + span * first / steps, self.low + span * last / steps)

    def evidence(self, mean: float) -> float:
        """Evidence against this mean, at least."""
        place = (mean - self.low) / (self.high - self.low) * (len(self.above) - 1)
        if not 0 <= place <= len(self.above) - 1:
            raise MeasureError("no such mean", got=mean, low=self.low, high=self.high)
        best = max(self.above[math.ceil(place)], self.below[math.floor(place)])
        return float(best) - math.log(2)

    def over(self, baseline: Capital, confidence: float = 0.95) -> Measured:
        """By how much this arm's mean exceeds the baseline's, at any time.

        Gamblers bet that one arm is above and the other below the means supposed; a tenth is kept
        by some who bet on one arm alone, which rules out the pairs of means that are far from the
        truth together. A difference is excluded once every pair of means that has it is.
        """
        _comparable(self, baseline)
        steps, span = len(self.above) - 1, self.high - self.low
        enough = _threshold(confidence)
        low = _last(lambda k: _excess(self, baseline, k) >= enough, -steps, steps)
        high = -_last(lambda k: _excess(baseline, self, k) >= enough, -steps, steps)
        return Measured(self.mean - baseline.mean, span * low / steps, span * high / steps)

    def evidence_over(self, baseline: Capital, difference: float = 0.0) -> float:
        """Evidence against this arm's mean exceeding the baseline's by just this difference."""
        _comparable(self, baseline)
        steps = len(self.above) - 1
        place = difference / (self.high - self.low) * steps
        if not -steps <= place <= steps:
            raise MeasureError("no such difference", got=difference)
        more = _excess(self, baseline, math.ceil(place))
        return max(more, _excess(baseline, self, math.ceil(-place)))

    def evidence_above(self, baseline: Capital, difference: float = 0.0) -> float:
        """Evidence that this arm's mean exceeds the baseline's by more than this difference.

        For one question asked beforehand: nothing is staked on the other direction.
        """
        _comparable(self, baseline)
        steps = len(self.above) - 1
        place = difference / (self.high - self.low) * steps
        if not -steps <= place <= steps:
            raise MeasureError("no such difference", got=difference)
        return _excess(self, baseline, math.ceil(place), directions=1)


def capital(low: float = 0.0, high: float = 1.0, *, steps: int = 1_000) -> Capital:
    """An empty stream of scores in [low, high]; of paired differences, [-1, 1] for example.

    Args:
        steps: fineness of the grid of means; bounds are rounded outwards to multiples of
            (high - low) / steps. Time and memory are in proportion to it.

    >>> low, high = capital().plus([0.0, 1.0] * 200).interval()
    >>> round(low, 3), round(high, 3)
    (0.405, 0.59)
    """
    _check_bounds(low, high, steps)
    return Capital(low, high, np.zeros(steps + 1), np.zeros(steps + 1))


def _won(x: FloatArray, stakes: FloatArray, points: int) -> tuple[FloatArray, FloatArray]:
    """What these scores add to the logarithms of K+ and K-. Nobody stakes more than half."""
    means = np.linspace(0.0, 1.0, points)
    with np.errstate(divide="ignore"):
        most_above, most_below = 0.5 / means, 0.5 / (1 - means)
    above, below = np.zeros(points), np.zeros(points)
    for start in range(0, len(x), 256):  # a product of 256 factors of 1/2 is still a double
        part = slice(start, start + 256)
        apart, stake = x[part, None] - means, stakes[part, None]
        above += np.log((1 + np.minimum(stake, most_above) * apart).prod(axis=0))
        below += np.log((1 - np.minimum(stake, most_below) * apart).prod(axis=0))
    return above, below


def _excess(arm: Capital, other: Capital, k: int, *, directions: int = 2) -> float:
    """Evidence that `arm` exceeds `other` by more than k steps: the least over all pairs of means.

    What is staked on two arms at once is divided among the directions that are asked about.

    `above` falls and `below` rises with the mean, so in a cell of the grid each is worth at least
    what it is at one end of the cell. Pairs are counted off by either arm's mean, the other's held
    on the grid, and with the bets on that arm alone: so both results fall with k.
    """
    steps = len(arm.above) - 1
    cell = np.arange(steps)
    both, alone = math.log(_PAIRED / directions), math.log((1 - _PAIRED) / 4)
    by_arm = arm.above[1:] + other.below[np.clip(cell - k, 0, steps)] + both
    by_other = arm.above[np.clip(cell + 1 + k, 0, steps)] + other.below[:-1] + both
    return max(
        float(np.maximum(by_arm, np.maximum(arm.above[1:], arm.below[:-1]) + alone).min()),
        float(np.maximum(by_other, np.maximum(other.above[1:], other.below[:-1]) + alone).min()),
    )


def _last(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The last k in [low, high] where a falling condition holds; low if it never does."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _threshold(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise MeasureError("confidence must be between 0 and 1", confidence=confidence)
    return -math.log(1 - confidence)


def _bounded(scores: npt.ArrayLike, low: float, high: float) -> FloatArray:
    array = finite(scores)
    if len(array) and not (low <= array.min() and array.max() <= high):
        raise MeasureError(
            "a score lies outside its bounds",
            fix="give the bounds that scores have by definition, not those seen",
            low=low,
            high=high,
        )
    return array


def _check_bounds(low: float, high: float, count: int) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high and count >= 2):
        raise MeasureError("bounds must be finite, low < high", low=low, high=high, got=count)


def _comparable(arm: Tally | Capital, baseline: Tally | Capital) -> None:
    if (arm.low, arm.high) != (baseline.low, baseline.high):
        raise MeasureError(
            "two arms need the same bounds of their scores",
            got=[arm.low, arm.high],
            allowed=[baseline.low, baseline.high],
        )
    if (
        isinstance(arm, Capital)
        and isinstance(baseline, Capital)
        and len(arm.above) != len(baseline.above)
    ):
        raise MeasureError("two arms need grids of the same fineness")
