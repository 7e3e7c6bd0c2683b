"""Pace: how many calls may be judged, so that judging never takes the machine from answering."""

from __future__ import annotations

from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock


class Pace:
    """A token bucket (RFC 2697, with one rate): `per_s` in the long run, `burst` in advance.

    Args:
        per_s: calls a second.
        burst: how many may be judged at once after a quiet time.
    """

    def __init__(self, per_s: float, clock: Clock, *, burst: int = 1_000) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._room = float(burst)
        self._then_ns = clock.monotonic_ns()

    def room(self) -> int:
        """How many calls may be judged now."""
        now_ns = self._clock.monotonic_ns()
        earned = (now_ns - self._then_ns) / NS_PER_S * self._per_s
        self._room, self._then_ns = min(self._burst, self._room + earned), now_ns
        return int(self._room)

    def spend(self, calls: int) -> None:
        """These were judged; more than there was room for is owed."""
        self._room -= calls
