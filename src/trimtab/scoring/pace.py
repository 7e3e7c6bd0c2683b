"""Pace: how many calls may be judged, so that judging never takes the machine from answering."""

from __future__ import annotations

from trimtab.kit.clock import NS_PER_S
from trimtab.kit.meter import Meter
from trimtab.ports import Clock


class Pace:
    """`per_s` calls in the long run, `burst` in advance.

    Args:
        burst: how many may be judged at once after a quiet time.
    """

    def __init__(self, per_s: float, clock: Clock, *, burst: int = 1_000) -> None:
        self._clock = clock
        self._meter = Meter(capacity=burst, rate_per_s=per_s, now_s=self._now_s())

    def room(self) -> int:
        """How many calls may be judged now."""
        return int(self._meter.left(self._now_s()))

    def spend(self, calls: int) -> None:
        """These were judged; more than there was room for is owed."""
        self._meter.give_back(-calls, self._now_s())

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / NS_PER_S
