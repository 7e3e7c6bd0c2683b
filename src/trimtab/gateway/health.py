"""Health: what this process has seen of each target lately, and whether it should be asked now.

State is per `provider/model` and shared by all routes; which failures open a breaker is decided by
the settings of the route whose call failed. No I/O, no lock, constant time: one event loop uses it.

A call fails its target when it could not be reached, was too slow, or answered 5xx. A 4xx is an
answer. A caller who leaves says nothing about the target. A target that is over its limit (429) is
not at fault: it rests for as long as it asked, without a failure being counted and without a probe
afterwards.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

import msgspec

from trimtab.gateway.averages import ErrorRate, PeakAverage
from trimtab.ports import Clock
from trimtab.records.route import Breaker

BreakerState = Literal["closed", "open", "half_open"]

_NS_PER_S = 1_000_000_000
_LONGEST_REST_S = 300.0  # for which a provider's Retry-After can keep its target from being asked
_FAILED_S = 1.0  # stands for the latency of a target that never answered
_BUSY_S = 1e6  # stands for the latency of a target whose first call has not ended
_MOST_TARGETS = 4096


class TargetState(msgspec.Struct, frozen=True, kw_only=True):
    """One target as metrics and the API show it.

    `ready_in_s` is 0 for a target that is asked now. `first_byte_s` and `error_rate` are averages
    of about the last half minute of calls, None before anything was measured. The last three count
    since the process began, `failed` without `limited`.
    """

    target: str
    breaker: BreakerState
    ready_in_s: float
    failures_in_a_row: int
    in_flight: int
    first_byte_s: float | None
    error_rate: float | None
    calls: int
    failed: int
    limited: int


class Health:
    """The health of every target that was ever asked, up to a bound: idle ones are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._targets: dict[str, TargetHealth] = {}

    def of(self, target: str) -> TargetHealth:
        """The health of `provider/model`."""
        try:
            return self._targets[target]
        except KeyError:
            return self._added(target)

    def states(self) -> list[TargetState]:
        """Every target, by name."""
        now_ns = self._clock.monotonic_ns()
        return [self._targets[target].state(target, now_ns) for target in sorted(self._targets)]

    def forget(self, providers: Container[str]) -> None:
        """Begin anew with the targets of these providers; their calls in flight end unseen."""
        for target in list(self._targets):
            if target.partition("/")[0] in providers:
                del self._targets[target]

    def _added(self, target: str) -> TargetHealth:
        # A provider that lists no models lets callers name any: their names must not pile up.
        if len(self._targets) >= _MOST_TARGETS:
            idle = [name for name, health in self._targets.items() if health.idle]
            for name in idle[: _MOST_TARGETS // 2]:
                del self._targets[name]
        health = self._targets[target] = TargetHealth(self._clock)
        return health


class TargetHealth:
    """One target: its breaker, the calls in flight, how fast and how often it answers."""

    __slots__ = (
        "_calls",
        "_clock",
        "_epoch",
        "_error_rate",
        "_failed",
        "_failures",
        "_first_byte",
        "_limited",
        "_open_until_ns",
        "_probe",
        "_rest_until_ns",
        "in_flight",
        "troubled_ns",
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.in_flight = 0
        self.troubled_ns = 0  # when it last failed or was over its limit; 0: never
        self._failures = 0  # in a row
        self._epoch = 0  # how often the breaker opened
        self._open_until_ns = 0  # 0: closed
        self._rest_until_ns = 0
        self._probe: Slot | None = None
        self._first_byte = PeakAverage()
        self._error_rate = ErrorRate()
        self._calls = self._failed = self._limited = 0

    @property
    def idle(self) -> bool:
        """Whether forgetting it changes nothing but statistics."""
        return not (self.in_flight or self._open_until_ns or self._failures)

    def admits(self, now_ns: int) -> bool:
        """Whether it should be asked now: not resting, and closed or free for a probe."""
        if now_ns < self._rest_until_ns:
            return False
        opened = self._open_until_ns
        return not opened or (now_ns >= opened and self._probe is None)

    def ready_ns(self) -> int | None:
        """From when on it admits calls, in monotonic time; None while a probe is out."""
        if self._open_until_ns and self._probe is not None:
            return None
        return max(self._open_until_ns, self._rest_until_ns)

    def wait_s(self, now_ns: int) -> float:
        """About how long one more call would wait for a first byte.

        Average time to the first byte, times the calls in flight and this one (as in Finagle), over
        the share of calls that succeed, which gives the mean number of tries until one does. A
        target nobody asked is free for its first call and dear for the next: one at a time tries
        it.
        """
        expected_s = self._first_byte.estimate_s(now_ns)
        if not expected_s:
            return _BUSY_S * self.in_flight
        return expected_s * (self.in_flight + 1) / (1 - self._error_rate.estimate(now_ns))

    def enter(self) -> Slot:
        """A call begins. If the breaker is half open and no probe is out, this is the probe."""
        now_ns = self._clock.monotonic_ns()
        self.in_flight += 1
        self._calls += 1
        slot = Slot(self, now_ns, self._epoch)
        if self._open_until_ns and self._probe is None and now_ns >= self._open_until_ns:
            self._probe = slot
        return slot

    def state(self, target: str, now_ns: int) -> TargetState:
        breaker: BreakerState = "closed"
        if self._open_until_ns:
            breaker = "open" if now_ns < self._open_until_ns else "half_open"
        until_ns = max(self._open_until_ns, self._rest_until_ns)
        return TargetState(
            target=target,
            breaker=breaker,
            ready_in_s=max(0, until_ns - now_ns) / _NS_PER_S,
            failures_in_a_row=self._failures,
            in_flight=self.in_flight,
            first_byte_s=self._first_byte.known_s,
            error_rate=self._error_rate.known,
            calls=self._calls,
            failed=self._failed,
            limited=self._limited,
        )

    # -- what a slot reports -------------------------------------------------------------------

    def began(self, slot: Slot, measured: bool) -> None:
        if self._open_until_ns:
            self._answered(slot)
        if measured:
            now_ns = self._clock.monotonic_ns()
            self._first_byte.measured((now_ns - slot.started_ns) / _NS_PER_S, now_ns)

    def ended(self, slot: Slot) -> None:
        self._left(slot)
        self._answered(slot)
        self._error_rate.count(False, self._clock.monotonic_ns())

    def failed(self, slot: Slot, breaker: Breaker) -> None:
        """Count a failure; that of a call made before the breaker last opened is no news to it."""
        now_ns = self.released(slot, at_least_s=_FAILED_S if not self._first_byte.known_s else 0.0)
        self._error_rate.count(True, now_ns)
        self._failed += 1
        self.troubled_ns = now_ns
        if slot.epoch != self._epoch:
            return
        self._failures += 1
        if self._open_until_ns or self._failures >= breaker.failures:
            self._open_until_ns = now_ns + int(breaker.cooldown_s * _NS_PER_S)
            self._epoch += 1

    def limited(self) -> None:
        self._limited += 1
        self.troubled_ns = self._clock.monotonic_ns()

    def rest(self, seconds: float) -> None:
        until_ns = self._clock.monotonic_ns() + int(min(seconds, _LONGEST_REST_S) * _NS_PER_S)
        self._rest_until_ns = max(self._rest_until_ns, until_ns)

    def released(self, slot: Slot, *, at_least_s: float = 0.0) -> int:
        """A call is over without an answer; the time it waited in vain may be news."""
        self._left(slot)
        now_ns = self._clock.monotonic_ns()
        if not slot.begun:
            waited_s = (now_ns - slot.started_ns) / _NS_PER_S
            self._first_byte.at_least(max(waited_s, at_least_s), now_ns)
        return now_ns

    def _left(self, slot: Slot) -> None:
        self.in_flight -= 1
        if self._probe is slot:
            self._probe = None

    def _answered(self, slot: Slot) -> None:
        """An answer to a call made since the breaker last opened closes it."""
        if slot.epoch == self._epoch:
            self._open_until_ns = 0
            self._failures = 0
            self._probe = None


class Slot:
    """One call's place at a target, held from before it is made until its answer is over.

    The first of `ended`, `failed` and `release` gives it back; the others then do nothing.
    """

    __slots__ = ("_health", "_over", "begun", "epoch", "started_ns")

    def __init__(self, health: TargetHealth, started_ns: int, epoch: int) -> None:
        self._health = health
        self._over = False
        self.started_ns = started_ns
        self.epoch = epoch  # of the breaker
        self.begun = False

    def began(self, *, measured: bool = True) -> None:
        """The first byte of content is there: that closes an open breaker.

        Failures in a row are forgotten only when an answer `ended`, or else a target that breaks
        every answer off in the middle would never be left alone. `measured` False: it is not a
        time worth remembering.
        """
        if not self.begun and not self._over:
            self.begun = True
            self._health.began(self, measured)

    def ended(self) -> None:
        """The answer came whole, whatever its status: the target is up."""
        if not self._over:
            self._over = True
            self._health.ended(self)

    def failed(
        self,
        breaker: Breaker,
        *,
        rest_s: float | None = None,
        fault: bool = True,
        limited: bool = False,
    ) -> None:
        """The call failed.

        Args:
            rest_s: how long the provider wants to be left alone, bounded to 5 minutes; None: it
                did not say.
            fault: whether the target is to blame, which is what opens breakers.
            limited: it is over its limit, for the statistics.
        """
        if self._over:
            return
        self._over = True
        if limited:
            self._health.limited()
        if rest_s is not None:
            self._health.rest(rest_s)
        if fault:
            self._health.failed(self, breaker)
        else:
            self._health.released(self)

    def release(self) -> None:
        """The call was given up, and says nothing about the target but how long it kept silent."""
        if not self._over:
            self._over = True
            self._health.released(self)
