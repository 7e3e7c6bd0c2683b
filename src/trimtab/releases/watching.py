"""Watching: whether a canary is proved worse than what it runs beside, at any look. Pure.

What each call says of a figure goes in, in batches; what is proved comes out. Usual tests looked at
again and again until one of them says something take back one good canary in three; these do not
(`measures.sequential`).

A session counts once, with the mean of its calls in the interval of `every_s` in which it was first
seen: a value that changed after it was counted would no longer be one that may be looked at at any
time. So that a canary which only begins to fail on its second day is not measured by its first,
there are two stretches: all of its life and, once the first `window_s` are over, the present one,
in which every session counts anew. Each has half of the figure's alpha; of that of the windows the
n-th has 1 / (n (n + 1)), which adds up to all of it however many there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from trimtab.measures.sequential import Capital, capital
from trimtab.records import Watch, Watched

Arm = Literal["canary", "main"]
Standing = Literal["worse", "within", "unknown"]

_NS_PER_S = 1_000_000_000
_RATES = ("error", "blocked", "slow")


class Sight(NamedTuple):
    """What one call says of a figure, in the figure's own unit; `unit` is whose call it was."""

    arm: Arm
    unit: str
    time_ns: int
    value: float


class Side:
    """One arm in one stretch: how much worse its calls are, session by session."""

    def __init__(self, high: float) -> None:
        self.harm: Capital = capital(0.0, high)
        self.calls = 0
        self._units: set[int] = set()

    @property
    def units(self) -> int:
        return self.harm.n

    def take(self, batch: Sequence[tuple[str, float, int]]) -> None:
        """Sessions with the mean harm of their calls, and how many those are."""
        fresh = []
        for unit, harm, calls in batch:
            self.calls += calls
            key = hash(unit)
            if key not in self._units:
                self._units.add(key)
                fresh.append(harm)
        if fresh:
            self.harm = self.harm.plus(fresh)


class Stretch:
    """Both arms from a moment on.

    Args:
        level: the chance that it ever says worse of what is not.
    """

    def __init__(self, began_ns: int, high: float, level: float) -> None:
        self.began_ns = began_ns
        self.level = level
        self.canary, self.main = Side(high), Side(high)

    def side(self, arm: Arm) -> Side:
        return self.canary if arm == "canary" else self.main

    def proves_excess(self, margin: float) -> bool:
        """Whether the canary is worse by more than the margin."""
        if not self.canary.units or not self.main.units or margin >= self.canary.harm.high:
            return False
        evidence = self.canary.harm.evidence_above(self.main.harm, margin)
        return evidence >= -math.log(self.level)


class Figure:
    """One watched figure of a canary; it takes what calls say, and remembers what it has proved.

    Args:
        alpha: the chance that it ever says worse of a canary that is not; its part of the watch's.
        began_ns: when the canary began. What happened before must not be given.
    """

    def __init__(self, watched: Watched, watch: Watch, *, alpha: float, began_ns: int) -> None:
        self.watched = watched
        self.alpha = alpha
        self.began_ns = began_ns
        self.clipped = 0
        self.low, self.high = bounds(watched)
        self.proof: Stretch | None = None
        self._every_ns = max(1, int(watch.every_s * _NS_PER_S))
        self._window_ns = max(self._every_ns, int(watch.window_s * _NS_PER_S))
        self._number = 0
        self.whole = self._stretch(began_ns, alpha / 2)
        self._window: Stretch | None = None

    def see(self, sights: Iterable[Sight]) -> None:
        """Take what calls said; the same calls in other batches, cut between intervals, are the
        same evidence."""
        slots: dict[int, list[Sight]] = {}
        for sight in sights:
            slot = max(0, sight.time_ns - self.began_ns) // self._every_ns
            slots.setdefault(slot, []).append(sight)
        for slot in sorted(slots):
            self._see_slot(slot, slots[slot])

    def look(self) -> Stretch | None:
        """What proves the canary worse than the margin allows, once something does."""
        for stretch in self._stretches(self._number):
            if self.proof is None and stretch.proves_excess(self.watched.margin):
                self.proof = stretch
        return self.proof

    def _see_slot(self, slot: int, sights: Sequence[Sight]) -> None:
        window = slot * self._every_ns // self._window_ns
        if window > self._number:
            self.look()  # before what the last window says is forgotten
            self._begin_window(window)
        for arm in ("canary", "main"):
            means = self._means([sight for sight in sights if sight.arm == arm])
            for stretch in self._stretches(window):
                stretch.side(arm).take(means)

    def _stretches(self, window: int) -> tuple[Stretch, ...]:
        """Those that a window is part of; what is late for its own still counts for the whole."""
        if self._window is None or window < self._number:
            return (self.whole,)
        return (self.whole, self._window)

    def _means(self, sights: Sequence[Sight]) -> list[tuple[str, float, int]]:
        found: dict[str, list[float]] = {}
        for sight in sorted(sights, key=lambda sight: (sight.time_ns, sight.unit)):
            found.setdefault(sight.unit, []).append(self._harm(sight.value))
        return [(unit, sum(harms) / len(harms), len(harms)) for unit, harms in found.items()]

    def _harm(self, value: float) -> float:
        """How bad a value is, from 0 up. What lies outside of the bounds is taken as the nearer."""
        inside = min(max(value, self.low), self.high)
        self.clipped += inside != value
        return self.high - inside if is_better_high(self.watched) else inside - self.low

    def _begin_window(self, number: int) -> None:
        self._number = number
        began_ns = self.began_ns + number * self._window_ns
        self._window = self._stretch(began_ns, self.alpha / 2 / (number * (number + 1)))

    def _stretch(self, began_ns: int, level: float) -> Stretch:
        return Stretch(began_ns, self.high - self.low, level)


def figures_of(watch: Watch, began_ns: int) -> tuple[Figure, ...]:
    """The figures of a watch, which share its alpha."""
    alpha = watch.alpha / len(watch.figures)
    return tuple(Figure(one, watch, alpha=alpha, began_ns=began_ns) for one in watch.figures)


def bounds(watched: Watched) -> tuple[float, float]:
    """Between which numbers a figure is: a rate, dollars up to its limit, or the score's own."""
    if watched.figure in _RATES:
        return 0.0, 1.0
    if watched.figure == "cost":
        return 0.0, watched.limit or 1.0
    return watched.low, watched.high


def is_better_high(watched: Watched) -> bool:
    return watched.figure == "score" and watched.higher_is_better


def is_rate(watched: Watched) -> bool:
    return watched.figure in _RATES
