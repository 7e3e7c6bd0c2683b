"""A request that is coming in: what an application sees of it, and the body as far as it came."""

from __future__ import annotations

import asyncio
import socket
from typing import Any


class Request:
    """One request: `scope` for an application, and what has come of its body.

    `complete`: the whole body has come, though perhaps it was not taken yet. `expects`: the client
    waits for `100 Continue` before it sends the body. `unwanted`: the body is let go. `taken`: some
    of the body was.
    """

    __slots__ = (
        "_body",
        "buffered_bytes",
        "complete",
        "expects",
        "keep_alive",
        "scope",
        "taken",
        "unwanted",
    )

    def __init__(
        self, scope: dict[str, Any], *, keep_alive: bool, expects: bool, complete: bool = False
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.expects = expects
        self.complete = complete
        self.unwanted = False
        self.taken = False
        self.buffered_bytes = 0
        self._body: list[bytes] = []

    def add(self, data: bytes) -> None:
        if not self.unwanted:
            self._body.append(data)
            self.buffered_bytes += len(data)

    def take(self) -> bytes:
        """All body bytes received and not yet taken; empty when there are none."""
        body = self._body
        if not body:
            return b""
        self.taken = True
        data = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        self.buffered_bytes = 0
        return data

    def let_go(self) -> None:
        self.unwanted = True
        self.take()


def shared_scope(transport: asyncio.BaseTransport) -> dict[str, Any]:
    """What the scopes of all requests of a connection have in common."""
    raw = transport.get_extra_info("socket")
    local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    by_path = raw is not None and raw.family == getattr(socket, "AF_UNIX", None)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "scheme": "https" if transport.get_extra_info("ssl_object") is not None else "http",
        "root_path": "",
        "server": (str(local), None) if by_path else tuple(local[:2]),
        "client": None if by_path or not remote else tuple(remote[:2]),
    }
