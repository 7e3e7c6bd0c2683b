"""Lease: what one worker holds of one quota, as values. Who asks the limiter is in `leases`."""

from __future__ import annotations

import asyncio
import math

from trimtab.kit.meter import Meter
from trimtab.ports import Quota

_SHARE = 0.01
_REFUSED_S = 1.0


class Lease:
    """What this worker holds of one quota."""

    __slots__ = (
        "alone",
        "level",
        "low",
        "owed",
        "quota",
        "refused_cost",
        "refused_until_s",
        "remains",
        "renewal",
        "rest",
        "retry_at_s",
        "spent",
        "touched",
        "waiting",
    )

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.rest = 0.0  # to spend
        self.level = 0.0  # up to which it is topped up
        self.low = -1.0  # below which it is topped up
        self.owed = 0.0  # to be given back; negative: spent without having been taken
        self.spent = 0.0  # for good, of what was taken, and not told yet
        self.remains = max(0.0, quota.capacity - quota.taken)  # at the limiter, when last heard
        self.waiting: list[float] = []  # what requests wait for
        self.renewal: asyncio.Task[None] | None = None
        self.refused_cost = math.inf
        self.refused_until_s = 0.0
        self.retry_at_s = 0.0
        self.touched = True
        self.alone: Meter | None = None  # while the limiter is away

    @property
    def idle(self) -> bool:
        busy = self.touched or self.waiting or self.renewal or self.alone
        return not (busy or self.rest or self.owed or self.spent)

    def heard(self, remains: float, cost: float, *, workers: int) -> None:
        """What remains at the limiter; from now on so much is held ahead for requests of `cost`."""
        self.remains = remains
        # In whole units, of which sums are exact in floating point.
        self.level = float(max(0.0, remains) * _SHARE // workers)
        self.low = self.level / 2 if self.level >= 2 * cost else -1.0

    def adjust(self, quota: Quota, *, workers: int) -> None:
        """Follow a quota that may have new limits."""
        if self.quota[:3] != quota[:3]:
            self.heard(self.remains + quota.capacity - self.quota.capacity, 0.0, workers=workers)
            self.refused_until_s = 0.0
            self.alone = None
        self.quota = quota

    def refuse(self, cost: float, *, now_s: float, retry_after_s: float) -> None:
        """Remember that the limiter refused; it is not asked for as much again for a moment."""
        self.refused_cost = cost
        self.retry_at_s = now_s + retry_after_s
        self.refused_until_s = now_s + min(retry_after_s, _REFUSED_S)

    def trim(self) -> bool:
        """Owe what is beyond the level, or was spent without being taken; whether there is any."""
        beyond = self.rest - min(max(self.rest, 0.0), self.level)
        self.rest -= beyond
        self.owed += beyond
        return bool(beyond)

    def take_alone(self, cost: float, now_s: float, *, workers: int) -> bool:
        """Take from this worker's share, until nothing of it is left."""
        share = self.alone
        if share is None:
            capacity = self.quota.capacity / workers
            share = self.alone = Meter(
                capacity=capacity,
                rate_per_s=self.quota.rate_per_s / workers,
                now_s=now_s,
                used=max(0.0, capacity - self.remains / workers),
            )
        self.touched = True
        if share.left(now_s) <= 0:
            return False
        share.give_back(-cost, now_s)
        self.owed -= cost
        return True
