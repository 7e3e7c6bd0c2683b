"""Leases: quotas shared with other processes, spent from what was fetched ahead.

A worker takes a little of a quota from the limiter that all share (its lease), admits requests from
that without asking anybody, and has it topped up in the background before it is empty.

How much may be admitted. Let `used` be what the limiter counts as used of a quota of `capacity` and
`rate`; a take never lifts it above the capacity, and it sinks by at most `rate` a second. So of the
takes less what was given back, in any t seconds, net <= capacity + rate * t. A worker admits only
what it took: with L the sum of all leases that are held when those t seconds begin,

    admitted <= net + L <= capacity + rate * t + L.

A lease is topped up to 1/100 of what is left divided by the number of workers, and refunds beyond
that are given back, so L <= capacity / 100. A take that is larger than that is for requests that
wait for it and is spent when it arrives. For a budget, of which nothing refills, L was taken from
the budget itself: admitted <= capacity. What can go beyond are debts, which are work already done
(real use above the estimate), and what is admitted while the limiter is away.

While it is away, each worker goes on with its share of what was left when it last heard, refilling
at its share of the rate, and with one request more at most. What it then admits it tells the
limiter when that is back. A refund that was under way when the limiter went away is not repeated:
whether it arrived is not known, and the quota must not be credited twice.

What a worker held that was killed is put back by the limiter: its leases, and what it had set aside
for requests that nobody will settle. What was spent it has been told, so that stays.
"""

from __future__ import annotations

import asyncio
import logging
import math

from trimtab.errors import StoreError
from trimtab.gateway.lease import Lease
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock, Limiter, Quota

_log = logging.getLogger("trimtab.gateway")


class LeasedQuotas:
    """Implements `Quotas` over a limiter that others use too. Belongs to one event loop.

    Args:
        workers: how many processes, on all hosts, take from the limiter.
        idle_s: a lease that nothing was taken from for so long is given back.
        retry_s: how often a limiter that is away is tried again.
        patience_s: how long a request waits for the limiter before it counts as away.
    """

    shared = True

    def __init__(
        self,
        limiter: Limiter,
        clock: Clock,
        *,
        workers: int,
        idle_s: float = 3.0,
        retry_s: float = 1.0,
        patience_s: float = 0.5,
    ) -> None:
        self._limiter = limiter
        self._clock = clock
        self._workers = max(1, workers)
        self._idle_s = idle_s
        self._retry_s = retry_s
        self._patience_s = patience_s
        self._leases: dict[str, Lease] = {}
        self._owing: dict[str, Lease] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    def now_s(self) -> float:
        return self._clock.monotonic_ns() / NS_PER_S

    @property
    def away(self) -> bool:
        """Whether the limiter cannot be reached, and this worker goes on alone."""
        return self._probing is not None

    # -- request path --------------------------------------------------------------------------

    def try_take(self, quota: Quota, cost: float, now_s: float) -> bool | None:
        lease = self._leases.get(quota.key)
        if lease is None or lease.quota is not quota:
            lease = self._lease(quota)
        rest = lease.rest - cost
        if rest >= 0:
            lease.rest = rest
            lease.touched = True
            if rest < lease.low and lease.renewal is None and self._probing is None:
                self._renew(lease)
            return True
        if self._probing is not None:
            return lease.take_alone(cost, now_s, workers=self._workers)
        if now_s < lease.refused_until_s and cost >= lease.refused_cost:
            return False
        return None

    async def take(self, quota: Quota, cost: float) -> bool:
        if cost > quota.capacity:
            return False
        lease = self._lease(quota)
        if lease.owed > 0 and lease.alone is None:  # not given back yet
            lease.rest, lease.owed = lease.rest + lease.owed, 0.0
        try:
            while (taken := self.try_take(quota, cost, self.now_s())) is None:
                lease = self._lease(quota)
                lease.waiting.append(cost)
                try:
                    async with asyncio.timeout(self._patience_s):
                        # Whoever is cancelled does not take the lease away from the others.
                        await asyncio.shield(self._renew(lease))
                except TimeoutError:
                    self._lost(StoreError(f"no answer in {self._patience_s:g} s"))
                finally:
                    lease.waiting.remove(cost)
            return taken
        finally:
            if not lease.waiting:
                self._trim(lease)

    def give_back(self, quota: Quota, amount: float, spent: float = 0.0) -> None:
        lease = self._leases.get(quota.key) or self._lease(quota)
        lease.spent += spent
        if lease.alone is not None:
            lease.alone.give_back(amount, self.now_s())
            lease.owed += amount
            return
        lease.rest += amount
        if amount > 0:
            lease.refused_until_s = 0.0
        lease.trim()
        self._owe(lease)

    def wait_s(self, quota: Quota, cost: float, now_s: float) -> float:
        if cost > quota.capacity:
            return math.inf
        lease = self._lease(quota)
        if lease.alone is not None:
            return lease.alone.wait_s(min(cost, lease.alone.capacity), now_s)
        return max(0.0, lease.retry_at_s - now_s)

    def left(self, quota: Quota) -> float:
        lease = self._leases.get(quota.key) or self._lease(quota)
        if lease.alone is not None:
            return lease.rest + (lease.alone.capacity - lease.alone.used) * self._workers
        return lease.rest + lease.remains

    # -- beside it -----------------------------------------------------------------------------

    async def ask(self, quota: Quota) -> float:
        lease = self._lease(quota)
        try:
            grant = await self._limiter.take(quota, 0)
        except StoreError as error:
            self._lost(error)
            return self.left(quota)
        lease.remains = grant.left
        return grant.left + lease.rest + lease.owed

    async def aclose(self) -> None:
        """Give everything back; the limiter itself stays open."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        renewals = [lease.renewal for lease in self._leases.values() if lease.renewal]
        if renewals:
            await asyncio.wait(renewals)
        for lease in self._leases.values():
            lease.level = lease.low = 0.0
            self._trim(lease)
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        probing, self._probing = self._probing, None
        if probing is not None:
            probing.cancel()
            await asyncio.wait([probing])

    def _lease(self, quota: Quota) -> Lease:
        """The lease of a quota, which may be new, or new in its limits."""
        lease = self._leases.get(quota.key)
        if lease is None:
            lease = self._leases[quota.key] = Lease(quota)
            if self._sweeping is None:
                loop = asyncio.get_running_loop()
                self._sweeping = loop.call_later(self._idle_s, self._sweep)
        elif lease.quota is not quota:
            lease.adjust(quota, workers=self._workers)
        return lease

    def _renew(self, lease: Lease) -> asyncio.Task[None]:
        """Top a lease up, or wait for that to end where it has begun."""
        if lease.renewal is None:
            lease.renewal = asyncio.create_task(self._renewed(lease))
        return lease.renewal

    async def _renewed(self, lease: Lease) -> None:
        quota, least = lease.quota, min(lease.waiting, default=0.0)
        needed = max(0.0, least - lease.rest)
        wanted = max(lease.level, sum(lease.waiting)) - lease.rest
        try:
            grant = await self._limiter.take(
                quota, max(needed, min(wanted, quota.capacity)), at_least=needed
            )
        except StoreError as error:
            self._lost(error)
            return
        finally:
            lease.renewal = None
        lease.rest += grant.amount
        lease.heard(grant.left, least, workers=self._workers)
        if grant.ok:
            lease.refused_until_s = 0.0
        elif needed:
            lease.refuse(least, now_s=self.now_s(), retry_after_s=grant.retry_after_s)
        if not lease.waiting:
            self._trim(lease)

    def _trim(self, lease: Lease) -> None:
        if lease.trim():
            self._owe(lease)

    def _owe(self, lease: Lease) -> None:
        if not lease.owed and not lease.spent:
            return
        self._owing[lease.quota.key] = lease
        if self._flushing is None and self._probing is None:
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        """Tell the limiter what is given back, all that there is at once."""
        try:
            while self._owing and self._probing is None:
                owing, self._owing = self._owing, {}
                await asyncio.gather(*map(self._settle, owing.values()))
        finally:
            self._flushing = None

    async def _settle(self, lease: Lease) -> None:
        amount, lease.owed = lease.owed, 0.0
        spent, lease.spent = lease.spent, 0.0
        if not amount and not spent:
            return
        try:
            await self._limiter.give_back(lease.quota, amount, spent=spent)
        except StoreError as error:
            lease.owed += min(amount, 0.0)
            self._owing[lease.quota.key] = lease
            self._lost(error)

    def _sweep(self) -> None:
        """Give idle leases back, and forget those of which nothing is left."""
        self._sweeping = None
        for key, lease in list(self._leases.items()):
            if lease.idle:
                del self._leases[key]
            elif lease.touched:
                lease.touched = False
            elif not lease.waiting and lease.renewal is None:
                lease.level, lease.low = 0.0, -1.0
                self._trim(lease)
        if self._leases:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(self._idle_s, self._sweep)

    # -- while the limiter is away -------------------------------------------------------------

    def _lost(self, error: StoreError) -> None:
        if self._probing is not None:
            return
        _log.warning("limits are kept by this worker alone until they can be shared: %s", error)
        self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        """Wait until the limiter answers, then tell it what was admitted meanwhile."""
        while True:
            await asyncio.sleep(self._retry_s)
            quota = next((lease.quota for lease in self._leases.values()), None)
            if quota is None:
                break
            try:
                await self._limiter.take(quota, 0)
                break
            except StoreError:
                continue
        self._probing = None
        _log.info("limits are shared again")
        for lease in self._leases.values():
            lease.alone = None
            self._owe(lease)
