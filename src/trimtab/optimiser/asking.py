"""Asking within a budget: a chat that sets every call aside first, and keeps every reply.

Requests go in, replies come out: those of the journal for nothing, new ones through the budget. It
stands below whatever asks again (paces, repairs of judges), so that each attempt is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trimtab.experiments.pace import reply_refusal
from trimtab.kit.hashing import digest
from trimtab.optimiser.budget import Budget, Exhausted
from trimtab.optimiser.journal import Asked, JobJournal, Replied, cost_of
from trimtab.optimiser.prices import PriceOf, limit_of, worst_usd
from trimtab.ports import Chat, ChatReply

EXHAUSTED = Exhausted.code
_TRIES = 3
_PAUSE_S = 0.25
_IN_PASSING = (408, 409, 425, 500, 502, 503)


class AskedAgain:
    """Asks again what failed in passing, as a gateway does, each time within the budget.

    Implements `ports.Chat`. What says that there were too many is for a pace to ask again.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        reply = await self._chat.ask(request)
        for again in range(1, _TRIES):
            if reply.status not in _IN_PASSING or reply_refusal(reply) is not None:
                break
            await asyncio.sleep(_PAUSE_S * 2**again)
            reply = await self._chat.ask(request)
        return reply


class BudgetedChat:
    """Implements `ports.Chat`. Belongs to one event loop.

    Args:
        kept: replies of earlier attempts, by key.
        journal: None keeps nothing on disk.
        price_of: the price of a model; needed where dollars are limited.
        max_tokens: of an answer whose request sets no limit, None leaves it without one.
        timeout_s: for one call.
    """

    def __init__(
        self,
        chat: Chat,
        budget: Budget,
        *,
        kept: Mapping[str, Replied] | None = None,
        journal: JobJournal | None = None,
        price_of: PriceOf | None = None,
        max_tokens: int | None = None,
        timeout_s: float = 600.0,
    ) -> None:
        self._chat = chat
        self._budget = budget
        self._kept = dict(kept or {})
        self._walked = set[str]()
        self._journal = journal
        self._price_of = price_of
        self._max_tokens = max_tokens
        self._timeout_s = timeout_s
        self._in_flight: dict[str, asyncio.Future[ChatReply]] = {}

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        """The reply; where the budget is spent, one that says so, and nothing is asked."""
        if self._max_tokens is not None and limit_of(request) is None:
            request = {**request, "max_tokens": self._max_tokens}
        key = digest(["chat", request])
        while key in self._in_flight:
            reply = await asyncio.shield(self._in_flight[key])
            if reply.error is None:
                return reply
        kept = self._kept.get(key)
        if kept is not None:
            self._walk(kept)
            return kept.reply
        mine: asyncio.Future[ChatReply] = asyncio.get_running_loop().create_future()
        self._in_flight[key] = mine
        reply = ChatReply(status=0, error="it was not asked")
        try:
            reply = await self._asked(key, request)
        finally:
            del self._in_flight[key]
            mine.set_result(reply)
        return reply

    async def _asked(self, key: str, request: Mapping[str, Any]) -> ChatReply:
        worst = self._worst(request)
        if not await self._budget.reserve(worst):
            return ChatReply(status=0, error=f"no {self._budget.stopped} are left", code=EXHAUSTED)
        cost: Decimal | None = worst
        try:
            if self._journal is not None:
                self._journal.asks(Asked(key=key, worst_usd=worst))
            reply = await self._in_time(request)
            cost = cost_of(reply)
        finally:
            self._budget.settle(worst, cost)
        replied = Replied(key=key, reply=reply, worst_usd=worst, seconds=self._budget.elapsed_s)
        if self._journal is not None:
            self._journal.replies(replied)
        if reply.error is None:
            self._kept[key] = replied
        self._walk(replied)
        return reply

    async def _in_time(self, request: Mapping[str, Any]) -> ChatReply:
        """The reply, or that the time of the call or of the job was over."""
        left_s = self._budget.left_s
        limit_s = self._timeout_s if left_s is None else min(self._timeout_s, max(left_s, 0.0))
        try:
            async with asyncio.timeout(limit_s):
                return await self._chat.ask(request)
        except TimeoutError:
            return ChatReply(status=504, error=f"no answer in {limit_s:.0f} s")

    def _worst(self, request: Mapping[str, Any]) -> Decimal | None:
        if self._budget.caps.usd is None or self._price_of is None:
            return None
        price = self._price_of(str(request.get("model", "")))
        return None if price is None else worst_usd(request, price)

    def _walk(self, replied: Replied) -> None:
        if replied.key not in self._walked:
            self._walked.add(replied.key)
            self._budget.walk(replied.worst_usd, cost_of(replied.reply))
