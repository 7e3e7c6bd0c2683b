"""A gateway with a route that is cached, before a provider that a test scripts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from tests.stations.virtual import VirtualClock
from tests.stations.wiring import (
    CALLER,
    DONE,
    FAR,
    Script,
    Wired,
    event,
    said,
    usage,
    wired,
)

from trimtab.dialects.llm import DIALECTS
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller
from trimtab.gateway.cache import AnswerCache
from trimtab.kit.clock import SystemClock
from trimtab.ports import Clock, Provider
from trimtab.records import ModelCard, ModelTarget, Price, Route
from trimtab.records.route import CacheSettings, Retries, Timeouts

PRICE = Price(input=Decimal(1_000), output=Decimal(2_000))
CARD = ModelCard(id=FAR, provider="far", price=PRICE)
COST_USD = Decimal("0.007")  # of 3 tokens read and 2 written
LIMIT_BYTES = 1 << 20
STOP = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
FINISHED = [said("Hel"), said("lo"), STOP, usage(3, 2), DONE]
CHAT = Route(
    name="chat",
    targets=(ModelTarget(model=FAR),),
    retries=Retries(attempts=0),
    timeouts=Timeouts(first_token_s=20, idle_s=20, total_s=20),
    cache=CacheSettings(),
)


def ann(**changes: Any) -> Caller:
    return msgspec.structs.replace(CALLER, **{"user": "ann", **changes})


def body(text: str = "Hello?", **fields: Any) -> bytes:
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": "chat", "messages": messages, **fields}).encode()


def answered(text: str = "Hi", **fields: Any) -> bytes:
    """A whole answer that used 3 and 2 tokens."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    choice["finish_reason"] = fields.pop("reason", "stop")
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return msgspec.json.encode({"id": "a", "choices": [choice], "usage": usage, **fields})


class Cached(Wired):
    """The gateway with its cache."""

    cache: AnswerCache
    far: Script

    async def put(
        self, said: bytes, caller: Caller | None = None, *, dialect: str = "openai.chat"
    ) -> tuple[str | None, bytes]:
        """What the cache said of a request, and its answer."""
        answer, written = await self.whole(said, caller, dialect=dialect)
        return answer.headers.get("x-trimtab-cache"), written

    async def whole(
        self, said: bytes, caller: Caller | None = None, *, dialect: str = "openai.chat"
    ) -> tuple[Answer, bytes]:
        answer = await self.gateway.ask(DIALECTS[dialect], said, caller or ann())
        try:
            return answer, b"".join([chunk async for chunk in answer.chunks])
        finally:
            await answer.chunks.aclose()


@asynccontextmanager
async def cached(
    data: Path,
    *providers: Provider,
    route: Route = CHAT,
    limit_bytes: int = LIMIT_BYTES,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[Cached]:
    cache = AnswerCache(clock or SystemClock(), limit_bytes=limit_bytes)
    far = Script(cards=[CARD])
    all_of_them: Sequence[Provider] = providers or (far,)
    async with wired(
        data,
        providers=all_of_them,
        routes=settings.pop("routes", [route]),
        cache=cache,
        **settings,
    ) as plain:
        room = Cached(plain.gateway, plain.journal, plain.recorder, plain.telemetry)
        room.cache, room.far = cache, far
        yield room


def moved() -> VirtualClock:
    """A clock that a test moves."""
    return VirtualClock()
