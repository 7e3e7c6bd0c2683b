"""Pace: how many calls are in flight, taught by those that were refused for being too many.

Additive increase, multiplicative decrease (Chiu and Jain 1989): a refusal halves what may be in
flight, every answer adds a little until the most is reached again. What whoever refused asked to
wait is waited by all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from trimtab.errors import ProviderError, StoreError
from trimtab.ports import Chat, ChatReply

T = TypeVar("T")
Refusal = Callable[[T], float | None]
"""Seconds to wait for an answer that says "too many"; None for any other answer, 0 if not said."""

ATTEMPTS = 8
_LONGEST_WAIT_S = 120.0
_FIRST_WAIT_S = 0.5
_TOO_MANY = (429, 503, 529)


class Pace:
    """A changing limit of calls in flight, for one event loop.

    Args:
        most: calls in flight at best, >= 1.

    `refusals` counts those that were told to wait, `limit` is what may be in flight now.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.refusals = 0
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._held_until = 0.0
        self._cut_at = 0.0

    async def through(
        self, call: Callable[[], Awaitable[T]], refusal: Refusal[T], *, attempts: int = ATTEMPTS
    ) -> T:
        """The answer to a call, made again for as long as it is refused for being too many.

        After `attempts`, or when the wait would be longer than two minutes, the refusal itself.
        """
        for attempt in range(attempts):
            if self._in_flight >= int(self.limit) or self._held_until:
                await self._turn()
            self._in_flight += 1
            begun_at = self._now() if self.refusals else 0.0
            try:
                answer = await call()
            finally:
                self._in_flight -= 1
                if self._waiting:
                    self._wake()
            wait_s = refusal(answer)
            if wait_s is None:
                if self.limit < self.most:
                    self._grow()
                return answer
            if wait_s > _LONGEST_WAIT_S or attempt == attempts - 1:
                return answer
            self._refused(wait_s or _FIRST_WAIT_S * 2**attempt, begun_at)
        raise AssertionError("no attempt was made")

    def _refused(self, wait_s: float, begun_at: float) -> None:
        """Halve the limit, once for all calls that were in flight together."""
        self.refusals += 1
        now = self._now()
        if begun_at >= self._cut_at:
            self.limit = max(1.0, self.limit / 2)
            self._cut_at = now
        self._held_until = max(self._held_until, now + min(wait_s, _LONGEST_WAIT_S))

    def _grow(self) -> None:
        self.limit = min(float(self.most), self.limit + 1.0 / self.limit)
        self._wake()

    async def _turn(self) -> None:
        while True:
            if self._held_until:
                await asyncio.sleep(max(0.0, self._held_until - self._now()))
                if self._now() >= self._held_until:
                    self._held_until = 0.0
            elif self._in_flight < int(self.limit):
                return
            else:
                place = asyncio.get_running_loop().create_future()
                self._waiting.append(place)
                await place

    def _wake(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class PacedChat:
    """A chat at a pace: refused calls are made again; implements `ports.Chat`."""

    def __init__(self, chat: Chat, pace: Pace) -> None:
        self._chat = chat
        self._pace = pace

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        return await self._pace.through(lambda: self._chat.ask(request), reply_refusal)


def reply_refusal(reply: ChatReply) -> float | None:
    """How long a reply asks to wait; None where it does not say that there were too many."""
    if reply.error is None or reply.status not in _TOO_MANY:
        return None
    if reply.retry_after_s is None:
        return 0.0 if reply.status == 429 else None
    return reply.retry_after_s


def error_refusal(error: BaseException) -> float | None:
    """The same of an exception: of ours, or of an HTTP client that tells a status."""
    fields = getattr(error, "fields", None)
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(error, "status", None)
    if status not in _TOO_MANY:
        status = getattr(response, "status_code", None)
    if status not in _TOO_MANY or isinstance(error, ProviderError | StoreError):
        return None  # asked again, whatever is down is still down
    said = fields.get("retry_after_s") if isinstance(fields, dict) else _header(response)
    try:
        wait_s = float(said) if said is not None else None
    except (TypeError, ValueError):
        wait_s = None
    if wait_s is None:
        return 0.0 if status == 429 else None
    return max(0.0, wait_s)


def _header(response: object) -> Any:
    headers = getattr(response, "headers", None)
    get = getattr(headers, "get", None)
    return get("retry-after") if callable(get) else None
