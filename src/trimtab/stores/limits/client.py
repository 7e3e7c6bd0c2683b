"""Quotas that another process of this machine keeps, asked for through its UNIX socket."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path
from typing import cast
from uuid import uuid4

import msgspec

from trimtab.errors import InvalidRequest, StoreError
from trimtab.ports import Grant, Quota
from trimtab.stores.limits import bucket, wire
from trimtab.stores.limits.address import unusable
from trimtab.stores.limits.holdings import Holdings

_MOST_WAITING = 4096
_TIMEOUT_S = 2.0
_RETRY_S = 0.2


class SocketLimiter:
    """Implements `ports.Limiter` by asking a `LimitServer`.

    Connects when it is first asked, and again after the connection was lost, at most every 0.2 s.
    Questions do not wait for the answers of earlier ones.
    """

    def __init__(self, path: Path, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._name = uuid4().hex
        self._holdings = Holdings()
        self._asking: _Asking | None = None
        self._connecting: asyncio.Task[_Asking] | None = None
        self._not_before_s = 0.0

    async def take(self, quota: Quota, wanted: float, *, at_least: float | None = None) -> Grant:
        bucket.need(quota, wanted, at_least)
        answer = await self._ask(wire.Question(True, quota, wanted, at_least))
        if answer.grant is None:
            raise unusable(self._path, "it gave no answer")
        self._holdings.add(quota, answer.grant.amount, time.monotonic())
        return answer.grant

    async def give_back(self, quota: Quota, amount: float, *, spent: float = 0.0) -> None:
        amount = bucket.amount(quota, amount)
        # Said or not, it is not held any more; only a debt is told again by whoever owes it.
        self._holdings.add(quota, -amount - spent, time.monotonic())
        try:
            await self._ask(wire.Question(False, quota, amount, spent=spent))
        except StoreError:
            self._holdings.add(quota, min(amount, 0.0), time.monotonic())
            raise

    async def aclose(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._asking is not None:
            await self._asking.aclose()

    def __repr__(self) -> str:
        return f"SocketLimiter({self._path})"

    async def _ask(self, question: wire.Question) -> wire.Answer:
        try:
            message = wire.framed(wire.encode(question))
        except UnicodeEncodeError:
            raise InvalidRequest("a limit's key is not valid text", where="key") from None
        if len(message) > wire.MAX_BYTES:
            raise InvalidRequest("a limit's key is too long", where="key")
        asking = self._asking
        if asking is None or asking.lost:
            asking = await self._connected()
        answer = await asking.ask(message)
        if answer.refusal is not None:
            raise answer.refusal.error()
        return answer

    async def _connected(self) -> _Asking:
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
        connecting = self._connecting
        try:
            # Whoever is cancelled does not take the connection away from the others.
            return await asyncio.shield(connecting)
        finally:
            if connecting.done() and self._connecting is connecting:
                self._connecting = None

    async def _connect(self) -> _Asking:
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before_s:
            raise unusable(self._path, "it was not there a moment ago")
        try:
            async with asyncio.timeout(self._timeout_s):
                _, asking = await loop.create_unix_connection(
                    lambda: _Asking(self._path, self._timeout_s), str(self._path)
                )
        except (OSError, TimeoutError) as error:
            self._not_before_s = loop.time() + _RETRY_S
            raise unusable(self._path, error) from None
        # Ahead of every question: who asks, and what it holds from before the connection was lost.
        asking.tell(wire.Claim(self._name))
        for quota, amount in self._holdings:
            asking.tell(wire.Claim(self._name, quota, amount))
        self._asking = asking
        return asking


class _Asking(asyncio.Protocol):
    """One connection of a limiter: questions in, their answers in the same order out."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._framing = wire.Framing()
        self._waiting: deque[tuple[asyncio.Future[wire.Answer], float]] = deque()
        self._transport: asyncio.Transport
        self._watch: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def lost(self) -> bool:
        return self._closed.done() or self._transport.is_closing()

    async def ask(self, message: bytes) -> wire.Answer:
        if self.lost:
            raise unusable(self._path, "the connection ended")
        if len(self._waiting) >= _MOST_WAITING:
            raise unusable(self._path, f"{_MOST_WAITING} questions wait for it")
        answer: asyncio.Future[wire.Answer] = self._loop.create_future()
        self._waiting.append((answer, self._loop.time() + self._timeout_s))
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout_s, self._look)
        self._transport.write(message)
        return await answer

    def tell(self, claim: wire.Claim) -> None:
        """Say something whose answer nobody needs."""
        answer: asyncio.Future[wire.Answer] = self._loop.create_future()
        answer.cancel()
        self._waiting.append((answer, self._loop.time() + self._timeout_s))
        self._transport.write(wire.framed(wire.encode(claim)))

    async def aclose(self) -> None:
        self._transport.close()
        await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._framing.feed(data):
                answer, _ = self._waiting.popleft()
                value = wire.decode_answer(message)
                if not answer.done():
                    answer.set_result(value)
        except (wire.Oversized, msgspec.MsgspecError, IndexError):
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        for answer, _ in self._waiting:
            if not answer.done():
                answer.set_exception(unusable(self._path, error or "the connection ended"))
        self._waiting.clear()
        if not self._closed.done():
            self._closed.set_result(None)

    def _look(self) -> None:
        """Give up a server that is stuck; otherwise look again when the oldest is due."""
        self._watch = None
        if not self._waiting:
            return
        due_s = self._waiting[0][1]
        if due_s <= self._loop.time():
            self._transport.abort()
        else:
            self._watch = self._loop.call_at(due_s, self._look)
