"""A worker that hammers one quota, as a process; prints how much it was let through.

    quota_worker.py WHERE WORKERS CAPACITY RATE_PER_S COST SECONDS

WHERE is a socket's path or a redis:// URL. It begins at its first line of input, so that several
begin together, and prints what it took and how often it asked the limiter.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from trimtab.gateway.leases import LeasedQuotas
from trimtab.kit.clock import SystemClock
from trimtab.ports import Grant, Limiter, Quota
from trimtab.stores.limits.client import SocketLimiter
from trimtab.stores.limits.valkey import ValkeyLimiter


class Counted:
    """A limiter that counts how often it is asked."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.asked = 0

    async def take(self, quota: Quota, wanted: float, *, at_least: float | None = None) -> Grant:
        self.asked += 1
        return await self.limiter.take(quota, wanted, at_least=at_least)

    async def give_back(self, quota: Quota, amount: float, *, spent: float = 0.0) -> None:
        await self.limiter.give_back(quota, amount, spent=spent)

    async def aclose(self) -> None:
        await self.limiter.aclose()


async def hammer(quotas: LeasedQuotas, quota: Quota, cost: float, seconds: float) -> float:
    """How much one task of a worker was let through in so much time."""
    admitted, end_s = 0.0, quotas.now_s() + seconds
    while (now_s := quotas.now_s()) < end_s:
        ok = quotas.try_take(quota, cost, now_s)
        if ok is None:
            ok = await quotas.take(quota, cost)
        if ok:
            admitted += cost
        await asyncio.sleep(0 if ok else 0.002)
    return admitted


async def main(where: str, workers: int, quota: Quota, cost: float, seconds: float) -> None:
    opened = ValkeyLimiter.open(where) if "://" in where else SocketLimiter(Path(where))
    limiter = Counted(opened)
    quotas = LeasedQuotas(limiter, SystemClock(), workers=workers)
    tasks = [hammer(quotas, quota, cost, seconds) for _ in range(8)]
    admitted = sum(await asyncio.gather(*tasks))
    await quotas.aclose()
    await limiter.aclose()
    sys.stdout.write(json.dumps({"admitted": admitted, "asked": limiter.asked}))


if __name__ == "__main__":
    place, *numbers = sys.argv[1:]
    count, capacity, rate_per_s, each, time_s = map(float, numbers)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    asyncio.run(main(place, int(count), Quota("hammered", capacity, rate_per_s), each, time_s))
