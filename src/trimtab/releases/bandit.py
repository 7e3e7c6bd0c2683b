"""Bandit: shares of releases that follow what is learnt of their scores. Pure.

Thompson sampling in batches (Thompson 1933; Chapelle & Li 2011, section 3, who find that it bears
feedback which comes late and in batches): a release's share is the chance that its mean is the
greatest, given what was seen, drawn from its posterior. Scores are bounded and a session is one
observation, its mean x scaled to [0, 1], which adds x to one count of a beta distribution and
1 - x to the other, from Beta(1, 1). That is exact for scores of 0 and 1 (Agrawal & Goyal 2012,
algorithm 1); any other bounded score varies less than such a one of the same mean, so for them the
posterior is wider than need be: the shares follow later, never sooner, than they should.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from trimtab.records import Bandit

_DRAWS = 20_000
_PRIOR_UNITS = 30  # sessions of each release after which half of what is learnt counts
_MOST_UNITS = 500_000
_MOVES = 0.01


class Judged(NamedTuple):
    """A score of a call: of which release and session, and when it was made."""

    version: int
    unit: str
    time_ns: int
    number: float


class ArmLearnt(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one release of a split.

    `mean` is the posterior mean of its score and [`low`, `high`] hold 95 % of the posterior;
    `sessions` are those it rests on. `best` is the chance that its mean is the best of all, and
    `share` what it would get of the split.
    """

    version: int
    sessions: int
    mean: float
    low: float
    high: float
    best: float
    share: float


class Memory:
    """The mean score of each session on each release, of those that are not too old.

    A session is forgotten `window_s` after its last score, and the oldest where there are too many.
    Scores outside of the bounds count as the nearer bound.
    """

    def __init__(self, bandit: Bandit) -> None:
        self._bandit = bandit
        self._units: OrderedDict[tuple[int, str], tuple[float, int, int]] = OrderedDict()
        self._sums: dict[int, tuple[float, int]] = {}
        self.clipped = 0

    def add(self, scores: Iterable[Judged]) -> None:
        """Take scores in the order in which they were made."""
        bandit = self._bandit
        for version, unit, time_ns, number in scores:
            inside = min(max(number, bandit.low), bandit.high)
            self.clipped += inside != number
            x = (inside - bandit.low) / (bandit.high - bandit.low)
            total, calls, last_ns = self._units.pop((version, unit), (0.0, 0, 0))
            if calls:
                self._count(version, -total / calls, -1)
            self._units[version, unit] = (total + x, calls + 1, max(last_ns, time_ns))
            self._count(version, (total + x) / (calls + 1), 1)

    def forget(self, before_ns: int) -> None:
        """Forget sessions whose last score was made before a moment."""
        while self._units:
            key, (total, calls, last_ns) = next(iter(self._units.items()))
            if last_ns >= before_ns and len(self._units) <= _MOST_UNITS:
                return
            del self._units[key]
            self._count(key[0], -total / calls, -1)

    def counts(self, version: int) -> tuple[float, int]:
        """The sum of the scaled means of a release's sessions, and how many there are."""
        return self._sums.get(version, (0.0, 0))

    def _count(self, version: int, x: float, units: int) -> None:
        total, count = self.counts(version)
        # Sums of many steps back and forth would drift below 0.
        self._sums[version] = (max(0.0, total + x) if count + units else 0.0, count + units)


def learnt(
    bandit: Bandit,
    weights: Mapping[int, float],
    counts: Mapping[int, tuple[float, int]],
    *,
    seed: int = 0,
) -> tuple[ArmLearnt, ...]:
    """What is known of each release of a split, and the share that it should have.

    Until every release has some sessions the shares stay near those they began with: what is learnt
    counts n / (n + 30), n the sessions of the release with the fewest. Three scores move next to
    nobody.

    Args:
        weights: the split as it was written, by version.
        counts: of each version the sum of its sessions' means, scaled to [0, 1], and their number.
    """
    versions = sorted(weights)
    sums = [counts.get(version, (0.0, 0)) for version in versions]
    good = np.array([1 + total for total, _ in sums])
    bad = np.array([1 + number - total for total, number in sums])
    draws = np.random.default_rng(seed).beta(good, bad, size=(_DRAWS, len(versions)))
    quality = draws if bandit.higher_is_better else 1 - draws
    best = np.bincount(quality.argmax(axis=1), minlength=len(versions)) / _DRAWS
    fewest = min(number for _, number in sums)
    shares = blended(
        best, [weights[version] for version in versions], fewest / (fewest + _PRIOR_UNITS)
    )
    shares = floored(shares, bandit.floor)
    span = bandit.high - bandit.low
    means = bandit.low + span * good / (good + bad)
    lows, highs = bandit.low + span * np.quantile(draws, (0.025, 0.975), axis=0)
    return tuple(
        ArmLearnt(
            version=version,
            sessions=sums[index][1],
            mean=float(means[index]),
            low=float(lows[index]),
            high=float(highs[index]),
            best=float(best[index]),
            share=float(shares[index]),
        )
        for index, version in enumerate(versions)
    )


def blended(
    best: Sequence[float] | np.ndarray, weights: Sequence[float], part: float
) -> np.ndarray:
    """`part` of what is learnt, and the rest of what was written."""
    total = sum(weights)
    written = np.array([weight / total for weight in weights])
    found: np.ndarray = part * np.asarray(best) + (1 - part) * written
    return found


def floored(shares: np.ndarray, floor: float) -> np.ndarray:
    """Shares of at least `floor` each, or even ones where there are too many for that.

    >>> floored(np.array([1.0, 0.0]), 0.05).round(3).tolist()
    [0.95, 0.05]
    """
    least = min(floor, 1 / len(shares))
    found: np.ndarray = least + (1 - least * len(shares)) * shares / shares.sum()
    return found


def moved(shares: Mapping[int, float], before: Mapping[int, float]) -> bool:
    """Whether some share is a point or more from what it was; less is not worth a change."""
    if shares.keys() != before.keys():
        return True
    return any(abs(share - before[version]) >= _MOVES for version, share in shares.items())
