"""The body of a request as it comes, and what is left of it when the answer is already known.

A connection that is closed with unread bytes is reset, and a caller that is still sending then sees
no answer. So some of what was not read is taken in and let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from trimtab.kit.http1.server_turn import Turn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

_MOST_BYTES = 64 << 20
_IDLE_S = 1.0
_MOST_S = 20.0


class Incoming:
    """A `receive` that knows whether all of the body has come; `whole` also when the caller left.

    Args:
        receive: that of the ASGI server.
        headers: those of the request; without a length or an encoding of transfer it has no body.
        turn: the request itself, where the server lets its applications see it.
    """

    def __init__(
        self,
        receive: Receive,
        headers: Iterable[tuple[bytes, bytes]],
        turn: Turn | None = None,
    ) -> None:
        self._receive = receive
        self.turn = turn
        self.whole = not any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in headers
        )

    def ready(self) -> bytes | None:
        """The whole body, if that can be said without waiting."""
        body = self.turn.whole() if self.turn is not None else None
        if body is not None:
            self.whole = True
        return body

    async def __call__(self) -> Message:
        message = await self._receive()
        self.whole = message["type"] != "http.request" or not message.get("more_body")
        return message

    async def drain(self) -> None:
        """Let go of the rest of the body: of 64 MiB of it, and as long as it keeps coming."""
        left = _MOST_BYTES
        try:
            async with asyncio.timeout(_MOST_S):
                while not self.whole and left > 0:
                    async with asyncio.timeout(_IDLE_S):
                        left -= len((await self()).get("body", b""))
        except TimeoutError:
            return
