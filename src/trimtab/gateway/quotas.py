"""Quotas as the request path uses them: taken without awaiting wherever that is possible.

`LocalQuotas` is exact and for one process. `leases.LeasedQuotas` shares them with other processes.
"""

from __future__ import annotations

from typing import Protocol

from trimtab.kit.clock import NS_PER_S
from trimtab.kit.meter import Meter
from trimtab.ports import Clock, Quota

_FIRST_SWEEP = 1024


class Quotas(Protocol):
    """Takes from limits; `now_s` is `now_s()`, read once for all that one request takes.

    `shared` says whether other processes take from them too.
    """

    shared: bool

    def now_s(self) -> float:
        """Seconds of the monotonic clock."""
        ...

    def try_take(self, quota: Quota, cost: float, now_s: float) -> bool | None:
        """Whether `cost` was taken; None when that can only be said by `take`."""
        ...

    async def take(self, quota: Quota, cost: float) -> bool:
        """Whether `cost` was taken, asking whoever must be asked."""
        ...

    def give_back(self, quota: Quota, amount: float, spent: float = 0.0) -> None:
        """Return what was not used; negative: more was used than taken, as debt if need be.

        `spent`: how much was used for good of what was taken; see `ports.Limiter`.
        """
        ...

    def wait_s(self, quota: Quota, cost: float, now_s: float) -> float:
        """How long after a refusal `cost` could be taken; infinite where waiting does not help."""
        ...

    def left(self, quota: Quota) -> float:
        """What was left after the last take, as far as this process knows; below 0: debt."""
        ...

    async def ask(self, quota: Quota) -> float:
        """What is left for all that share it, or `left` where they cannot be asked."""
        ...

    async def aclose(self) -> None:
        """Return everything that is held and not used."""
        ...


class _Kept(Meter):
    """A meter, and the quota as it was when the meter was last adjusted to it."""

    __slots__ = ("quota",)

    def __init__(self, quota: Quota, now_s: float) -> None:
        super().__init__(
            capacity=quota.capacity,
            rate_per_s=quota.rate_per_s,
            now_s=now_s,
            used=quota.taken,
        )
        self.quota = quota


class LocalQuotas:
    """Implements `Quotas` for the only process that serves; nothing awaits, nothing is estimated.

    What is not in use is forgotten: buckets that are full again, budgets after their `keep_s`.
    """

    shared = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._sweep_at = _FIRST_SWEEP

    def now_s(self) -> float:
        return self._clock.monotonic_ns() / NS_PER_S

    def try_take(self, quota: Quota, cost: float, now_s: float) -> bool | None:
        kept = self._kept.get(quota.key)
        if kept is None or kept.quota is not quota:
            kept = self._adjusted(quota, now_s)
        return kept.take(cost, now_s)

    async def take(self, quota: Quota, cost: float) -> bool:
        return bool(self.try_take(quota, cost, self.now_s()))

    def give_back(self, quota: Quota, amount: float, spent: float = 0.0) -> None:
        del spent  # Whoever takes lives as long as what is kept.
        kept = self._kept.get(quota.key) or self._adjusted(quota, self.now_s())
        kept.give_back(amount, self.now_s() if amount < 0 else 0.0)

    def wait_s(self, quota: Quota, cost: float, now_s: float) -> float:
        return self._adjusted(quota, now_s).wait_s(cost, now_s)

    def left(self, quota: Quota) -> float:
        kept = self._kept.get(quota.key)
        return quota.capacity - (quota.taken if kept is None else kept.used)

    async def ask(self, quota: Quota) -> float:
        now_s = self.now_s()
        return self._adjusted(quota, now_s).left(now_s)

    async def aclose(self) -> None:
        """Nothing is held elsewhere."""

    def _adjusted(self, quota: Quota, now_s: float) -> _Kept:
        """The meter of a quota, which may be new, or new in its limits."""
        kept = self._kept.get(quota.key)
        if kept is None:
            if len(self._kept) >= self._sweep_at:
                self._sweep(now_s)
            kept = self._kept[quota.key] = _Kept(quota, now_s)
        elif kept.quota is not quota:
            kept.left(now_s)  # what leaked so far leaked at the old rate
            kept.capacity, kept.rate_per_s, kept.quota = quota.capacity, quota.rate_per_s, quota
            if not quota.rate_per_s and quota.taken > kept.used:
                kept.used = quota.taken  # by requests made while there was no such limit
        return kept

    def _sweep(self, now_s: float) -> None:
        """Forget what is not in use; until their number doubles, so a take is O(1) on average."""
        self._kept = {
            key: kept
            for key, kept in self._kept.items()
            if min(kept.empty_at_s(), kept.at_s + kept.quota.keep_s) > now_s
        }
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._kept))
