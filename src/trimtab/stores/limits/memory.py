"""Token buckets in this process, for one event loop. Gone with the process, shared with nobody."""

from __future__ import annotations

from trimtab.kit.clock import NS_PER_S, SystemClock
from trimtab.ports import Clock, Grant
from trimtab.stores.limits.bucket import Bucket, Take

_FIRST_SWEEP = 1024


class MemoryLimiter:
    """Implements `ports.Limiter`.

    A take never awaits, so takes of one event loop cannot interleave. Buckets that have filled up
    again are forgotten, so memory follows the keys in use and not all keys ever seen.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._buckets: dict[str, tuple[Bucket, float]] = {}
        self._sweep_at = _FIRST_SWEEP

    async def take(self, key: str, *, cost: float, capacity: float, rate_per_s: float) -> Grant:
        take = Take(cost, capacity, rate_per_s)
        take.check()
        now_s = self._clock.monotonic_ns() / NS_PER_S
        known, _ = self._buckets.get(key, (None, 0.0))
        bucket, grant = take.of(known, now_s=now_s)
        self._buckets[key] = (bucket, take.full_at_s(bucket))
        if len(self._buckets) >= self._sweep_at:
            self._sweep(now_s)
        return grant

    async def aclose(self) -> None:
        self._buckets.clear()

    def _sweep(self, now_s: float) -> None:
        """Forget full buckets; waiting until their number doubles makes a take O(1) on average."""
        self._buckets = {
            key: (bucket, full_at_s)
            for key, (bucket, full_at_s) in self._buckets.items()
            if full_at_s > now_s
        }
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._buckets))
