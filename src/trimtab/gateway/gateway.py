"""Gateway: admits a request, plans who answers it, and starts the exchange."""

from __future__ import annotations

import msgspec

from trimtab.dialects import openai_chat
from trimtab.errors import Overloaded, RateLimited
from trimtab.gateway.exchange import Answer, Exchange
from trimtab.gateway.journal import Journal
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.trace import Caller
from trimtab.ports import Clock, Limiter


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`requests_per_minute` is for each principal; None means no limit."""

    concurrency: int = 256
    requests_per_minute: int | None = None
    timeout_s: float = 600.0


class Gateway:
    """Answers chat completions.

    Args:
        snapshot: what can answer; swap it by assigning `gateway.snapshot`.
        journal: makes records durable.
        limiter: counts requests of each principal.
    """

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        journal: Journal,
        limiter: Limiter,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self.snapshot = snapshot
        self._journal = journal
        self._limiter = limiter
        self._clock = clock
        self._limits = limits
        self._in_flight = 0

    @property
    def in_flight(self) -> int:
        """Requests admitted and not yet answered to the end."""
        return self._in_flight

    async def chat(self, body: bytes, caller: Caller) -> Answer:
        """Answer one chat completion request.

        Raises:
            InvalidRequest, NotFound, RateLimited, Overloaded: refused before anything was called.
            ProviderError: nothing answered; the failed call is on record.
            NotDurable: the call could not be recorded, so its answer is withheld.
        """
        request = openai_chat.read_request(body)
        plan = self.snapshot.plan(caller.project, request.model)
        self._enter()
        try:
            await self._admit(caller)
            exchange = Exchange(
                request,
                plan,
                caller,
                journal=self._journal,
                clock=self._clock,
                timeout_s=self._limits.timeout_s,
            )
        except BaseException:
            self._leave()
            raise
        exchange.when_done(self._leave)
        return await exchange.answer()

    def _enter(self) -> None:
        """Take a place before anything is awaited, so that no two requests take the same one."""
        if self._in_flight >= self._limits.concurrency:
            raise Overloaded(
                f"{self._in_flight} requests are in flight, the most this server takes at once",
                fix="retry after a second, or raise limits.concurrency",
                retry_after_s=1,
            )
        self._in_flight += 1

    def _leave(self) -> None:
        self._in_flight -= 1

    async def _admit(self, caller: Caller) -> None:
        rate = self._limits.requests_per_minute
        if rate is None:
            return
        key = f"requests:{caller.project}:{caller.principal}"
        grant = await self._limiter.take(key, cost=1, capacity=rate, rate_per_s=rate / 60)
        if not grant.ok:
            raise RateLimited(
                f"over {rate} requests a minute",
                fix=f"retry after {grant.retry_after_s:.1f} s",
                retry_after_s=grant.retry_after_s,
            )
