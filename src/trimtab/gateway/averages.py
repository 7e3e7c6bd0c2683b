"""Averages over unevenly spaced events, in which the older count for less. Pure.

An event that is `age` old weighs exp(-age / window) (Eckner 2012, "Algorithms for unevenly-spaced
time series: moving averages and other rolling operators"). Times are monotonic nanoseconds.
"""

from __future__ import annotations

from math import exp

_NS_PER_S = 1_000_000_000
WINDOW_NS = 30 * _NS_PER_S
_FORGET_NS = 600 * _NS_PER_S  # mean life of a time that nobody measures any more


class PeakAverage:
    """A moving average of times that jumps to a slower one at once and comes down slowly.

    It is the peak EWMA of Finagle (`loadbalancer/PeakEwma.scala`). `known_s` is None until a time
    was measured; what was only given up counts for choices and is not shown.
    """

    __slots__ = ("_known", "_measured_ns", "_seconds")

    def __init__(self) -> None:
        self._seconds = 0.0
        self._measured_ns = 0
        self._known = False

    @property
    def known_s(self) -> float | None:
        return self._seconds if self._known else None

    def measured(self, seconds: float, now_ns: int) -> None:
        if seconds > self._seconds or not self._known:
            self._seconds = seconds
        else:
            old = exp((self._measured_ns - now_ns) / WINDOW_NS)
            self._seconds = self._seconds * old + seconds * (1 - old)
        self._measured_ns = now_ns
        self._known = True

    def at_least(self, seconds: float, now_ns: int) -> None:
        """It would have taken longer than this: only news if that is longer than usual."""
        if seconds > self._seconds:
            self._seconds = seconds
            self._measured_ns = now_ns

    def estimate_s(self, now_ns: int) -> float:
        """What to expect; fades while nothing is measured, so that the slow get another chance."""
        return self._seconds * exp((self._measured_ns - now_ns) / _FORGET_NS)


class ErrorRate:
    """The share of calls that failed."""

    __slots__ = ("_calls", "_counted_ns", "_errors")

    def __init__(self) -> None:
        self._calls = 0.0
        self._errors = 0.0
        self._counted_ns = 0

    @property
    def known(self) -> float | None:
        """None before anything was counted."""
        return self._errors / self._calls if self._calls else None

    def count(self, error: bool, now_ns: int) -> None:
        old = exp((self._counted_ns - now_ns) / WINDOW_NS)
        self._calls = self._calls * old + 1
        self._errors = self._errors * old + error
        self._counted_ns = now_ns

    def estimate(self, now_ns: int) -> float:
        """What to expect: as if one more call had succeeded just now, so that it fades."""
        if not self._errors:
            return 0.0
        old = exp((self._counted_ns - now_ns) / WINDOW_NS)
        return self._errors * old / (self._calls * old + 1)
