"""Quotas in this process, for one event loop. Gone with the process, shared with nobody."""

from __future__ import annotations

from trimtab.kit.clock import NS_PER_S, SystemClock
from trimtab.kit.meter import Meter
from trimtab.ports import Clock, Grant, Quota
from trimtab.stores.limits import bucket

_FIRST_SWEEP = 1024


class MemoryLimiter:
    """Implements `ports.Limiter`; `take_now` and `give_back_now` are the same without awaiting.

    A take never awaits, so takes of one event loop cannot interleave. Buckets that have filled up
    again and budgets that were not used for `keep_s` are forgotten, so memory follows the keys in
    use and not all keys ever seen.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._meters: dict[str, tuple[Meter, float]] = {}  # and how long a budget is kept
        self._sweep_at = _FIRST_SWEEP

    async def take(self, quota: Quota, wanted: float, *, at_least: float | None = None) -> Grant:
        return self.take_now(quota, wanted, at_least=at_least)

    async def give_back(self, quota: Quota, amount: float, *, spent: float = 0.0) -> None:
        del spent  # Whoever takes lives as long as this limiter.
        self.give_back_now(quota, amount)

    async def aclose(self) -> None:
        self._meters.clear()

    def take_now(self, quota: Quota, wanted: float, *, at_least: float | None = None) -> Grant:
        least = bucket.need(quota, wanted, at_least)
        now_s = self.now_s()
        return bucket.granted(self._meter(quota, now_s), wanted, least, now_s)

    def give_back_now(self, quota: Quota, amount: float) -> None:
        amount = bucket.amount(quota, amount)
        now_s = self.now_s()
        self._meter(quota, now_s).give_back(amount, now_s)

    def now_s(self) -> float:
        """Seconds of the monotonic clock."""
        return self._clock.monotonic_ns() / NS_PER_S

    def _meter(self, quota: Quota, now_s: float) -> Meter:
        known = self._meters.get(quota.key)
        if known is not None:
            meter = known[0]
            meter.left(now_s)  # what leaked so far leaked at the old rate
            meter.capacity, meter.rate_per_s = quota.capacity, quota.rate_per_s
            if not quota.rate_per_s and quota.taken > meter.used:
                meter.used = quota.taken
            return meter
        if len(self._meters) >= self._sweep_at:
            self._sweep(now_s)
        meter = Meter(
            capacity=quota.capacity,
            rate_per_s=quota.rate_per_s,
            now_s=now_s,
            used=max(0.0, quota.taken),
        )
        self._meters[quota.key] = (meter, quota.keep_s)
        return meter

    def _sweep(self, now_s: float) -> None:
        """Forget what is not in use; until their number doubles, so a take is O(1) on average."""
        self._meters = {
            key: (meter, keep_s)
            for key, (meter, keep_s) in self._meters.items()
            if min(meter.empty_at_s(), meter.at_s + keep_s) > now_s
        }
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._meters))
