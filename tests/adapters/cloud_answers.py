"""Answers that clouds document, for servers on loopback, and the reading of what comes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from tests.upstream import LAST_CHUNK, Answer, Request, Upstream, chunked, head, respond

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Part
from trimtab.kit import sse
from trimtab.ports import Call, Provider, Reply

T = TypeVar("T")


def answer(body: Any, status: int = 200) -> Answer:
    return respond(status, json.dumps(body).encode())


def stream(data: bytes, media_type: str, *, piece_bytes: int = 1) -> Answer:
    """A stream whose chunks are so many bytes each."""
    pieces = [data[n : n + piece_bytes] for n in range(0, len(data), piece_bytes)]
    opening = head(200, "OK", content_type=media_type, transfer_encoding="chunked")
    return [opening, b"".join(chunked(*pieces)), LAST_CHUNK]


def call(dialect: str, model: str, body: Any, **fields: Any) -> Call:
    encoded = json.dumps(body).encode()
    return Call(dialect=dialect, model=model, body=encoded, timeout_s=20.0, **fields)


def talk(work: Callable[[Upstream], Awaitable[T]], **settings: Any) -> tuple[T, list[Request]]:
    """What comes of some work beside a server on loopback, and what the server was asked."""

    async def scenario() -> tuple[T, list[Request]]:
        async with Upstream(**settings) as upstream:
            return await work(upstream), upstream.requests

    return asyncio.run(scenario())


def exchange(
    build: Callable[[Upstream], Provider], played: Answer, request: Call
) -> tuple[Reply, bytes, Request]:
    """One call of a provider before a server, which is asked as the last element says."""

    async def work(upstream: Upstream) -> tuple[Reply, bytes]:
        upstream.play(played)
        provider = build(upstream)
        try:
            return await asked(provider, request)
        finally:
            await provider.aclose()

    (reply, body), requests = talk(work)
    return reply, body, requests[-1]


async def read(reply: Reply) -> bytes:
    return b"".join([chunk async for chunk in reply.chunks])


async def asked(provider: Provider, request: Call) -> tuple[Reply, bytes]:
    """The reply and all of its body."""
    reply = await provider.send(request)
    return reply, await read(reply)


def parts(dialect: str, body: bytes, *, streamed: bool) -> Sequence[Part]:
    """What the answer says, as the gateway reads it."""
    reader = DIALECTS[dialect].reader()
    if not streamed:
        return reader.body(body)
    decoder = sse.Decoder()
    said = [part for event in decoder.feed(body) for part in reader.event(event)]
    assert decoder.rest == b""
    return [*said, *reader.end()]
