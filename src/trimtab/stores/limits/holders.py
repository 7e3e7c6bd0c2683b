"""Holders: who holds what of the limits that a server keeps, and what is put back of the dead.

A connection may be lost and come again; a process that is gone does not come again. So what a
holder held is put back some seconds after its last connection, unless it has another by then.
"""

from __future__ import annotations

import asyncio
import logging

from trimtab.ports import Quota
from trimtab.stores.limits.holdings import Holdings
from trimtab.stores.limits.memory import MemoryLimiter

_log = logging.getLogger("trimtab.limits")


class Holder:
    """One process, by the name it has given itself."""

    def __init__(self, limiter: MemoryLimiter) -> None:
        self._limiter = limiter
        self.holdings = Holdings()
        self.connections = 0
        self.leaving: asyncio.TimerHandle | None = None

    def claim(self, quota: Quota, amount: float, *, known: bool) -> None:
        """It says what it holds; one that was not known has to be believed."""
        now_s = self._limiter.now_s()
        self.holdings.put(quota, amount, now_s)
        if not known:
            self._limiter.give_back_now(quota, -amount)

    def release(self) -> int:
        """Put back what it held; of how many limits."""
        held = list(self.holdings)
        for quota, amount in held:
            self._limiter.give_back_now(quota, amount)
        return len(held)


class Holders:
    """Every holder of a server.

    Args:
        release_s: how long after its last connection a holder is taken to be gone.
    """

    def __init__(self, limiter: MemoryLimiter, *, release_s: float) -> None:
        self._limiter = limiter
        self._release_s = release_s
        self._known: dict[str, Holder] = {}

    def enter(self, name: str) -> tuple[Holder, bool]:
        """A holder that has connected, and whether it was known before."""
        holder = self._known.get(name)
        known = holder is not None
        if holder is None:
            holder = self._known[name] = Holder(self._limiter)
        if holder.leaving is not None:
            holder.leaving.cancel()
            holder.leaving = None
        holder.connections += 1
        return holder, known

    def leave(self, name: str) -> None:
        """A connection of a holder was lost."""
        holder = self._known.get(name)
        if holder is None:
            return
        holder.connections -= 1
        if not holder.connections:
            loop = asyncio.get_running_loop()
            holder.leaving = loop.call_later(self._release_s, self._gone, name)

    def close(self) -> None:
        """Wait for nobody any more."""
        for holder in self._known.values():
            if holder.leaving is not None:
                holder.leaving.cancel()
        self._known.clear()

    def _gone(self, name: str) -> None:
        count = self._known.pop(name).release()
        if count:
            _log.warning("a process is gone that held something of %d limits: put back", count)
