"""What the tests of the HTTP/1.1 client share: a server, a client, and a request between them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.upstream import Answer, Upstream, respond

from trimtab.kit.http1 import ClientSettings, HTTP1Client, Response

Run = Callable[[Callable[[], Awaitable[None]]], None]
OK = respond(200, b"ok", content_type="text/plain")


@contextlib.asynccontextmanager
async def talking(*answers: Answer, **settings: Any) -> AsyncIterator[tuple[Upstream, HTTP1Client]]:
    """An upstream that plays `answers`, then says ok to everything, and a client."""
    async with Upstream(handler=lambda _: OK) as upstream:
        upstream.play(*answers)
        client = HTTP1Client(ClientSettings(**settings))
        try:
            yield upstream, client
        finally:
            await client.aclose()


async def get(client: HTTP1Client, upstream: Upstream, **options: Any) -> Response:
    return await client.request("GET", f"{upstream.url}/path?q=1", **options)


async def fetched(client: HTTP1Client, upstream: Upstream, **options: Any) -> bytes:
    return await (await get(client, upstream, **options)).read()
