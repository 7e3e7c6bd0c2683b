"""One request and its answer on a connection: `receive` and `send` of ASGI over a wire.

Nothing is lost silently: an application that fails, or that sends less than it promised, ends the
connection, so that its client cannot take what came for the whole answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from trimtab.kit.http1.server_head import Heads
from trimtab.kit.http1.server_request import Request

Message = MutableMapping[str, Any]
Application = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]

TURN = "trimtab.turn"
"""Where a scope has the turn itself, for applications that know this server."""

_log = logging.getLogger("trimtab.http")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_COPIED_BYTES = 65_536  # more than this is not copied to save a call
_NO_BODY = frozenset({204, 304})


class Wire(Protocol):
    """What a turn needs of its connection."""

    full: bool  # the client does not read
    heads: Heads

    @property
    def closing(self) -> bool:
        """Whether no further request will be answered."""
        ...

    def write(self, data: bytes) -> None: ...

    def taken(self) -> None:
        """What had come of the body was taken."""

    async def drained(self) -> None:
        """Wait until the client has read, or is gone."""

    def done(self, turn: Turn, *, keep: bool) -> None:
        """The answer is whole; `keep`: another may follow."""

    def abort(self) -> None: ...


class Turn:
    """A request that is being answered; a disconnected one answers into the void."""

    __slots__ = (
        "_chunked",
        "_empty",
        "_handed_out",
        "_head",
        "_left",
        "_waiter",
        "_wire",
        "answered",
        "disconnected",
        "keep",
        "on_gone",
        "receiving_since_s",
        "request",
        "started",
        "task",
    )

    def __init__(self, request: Request, wire: Wire) -> None:
        self.request = request
        self.started = False
        self.answered = False
        self.disconnected = False
        self.keep = False
        self.on_gone: Callable[[], None] | None = None  # called once, when the client is gone
        self.receiving_since_s = 0.0  # loop time; 0 while nobody waits for the body
        self.task: asyncio.Task[None] | None = None  # none yet where tasks start at once
        self._wire = wire
        self._head = b""  # not sent yet
        self._left: int | None = None
        self._chunked = False
        self._empty = False
        self._handed_out = False
        self._waiter: asyncio.Future[None] | None = None

    async def run(self, app: Application, ended: Callable[[Turn], None]) -> None:
        """Let an application answer, and say so when it has ended."""
        self.request.scope[TURN] = self
        try:
            await app(self.request.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._wire.abort()
            raise
        except Exception:
            _log.exception("the application failed")
            self._fail()
        else:
            if not self.answered and not self.disconnected:
                _log.error("the application returned before its answer was whole")
                self._fail()
        finally:
            del self.request.scope[TURN]  # or they would keep each other
            ended(self)

    def wake(self) -> None:
        """For the connection: something came, or nothing will come any more."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def disconnect(self) -> None:
        """For the connection: the client is gone, or not to be listened to."""
        self.disconnected = True
        self.wake()
        if self.on_gone is not None:
            self.on_gone()

    def whole(self) -> bytes | None:
        """The body, if all of it has come and none of it was handed out; `receive` gives it too."""
        request = self.request
        if self._handed_out or self.disconnected or not request.complete or request.taken:
            return None
        self._handed_out = True
        return request.take()

    async def receive(self) -> Message:
        request = self.request
        while not self.disconnected and not self.answered:
            if not self._handed_out:
                data = request.take()
                if request.complete:
                    self._handed_out = True
                    return {"type": "http.request", "body": data, "more_body": False}
                if data:
                    self._wire.taken()
                    return {"type": "http.request", "body": data, "more_body": True}
                if request.expects and not self.started:
                    request.expects = False
                    self._wire.write(_CONTINUE)
            await self._news()
        return {"type": "http.disconnect"}

    async def _news(self) -> None:
        loop = asyncio.get_running_loop()
        waiter = self._waiter
        if waiter is None:
            waiter = self._waiter = loop.create_future()
            self.receiving_since_s = loop.time()
        try:
            # Several may wait, and one that is cancelled must not wake the others.
            await asyncio.shield(waiter)
        finally:
            if waiter.done() and self._waiter is waiter:
                self._waiter = None
                self.receiving_since_s = 0.0

    async def send(self, message: Message) -> None:
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.body":
            self._body(message.get("body", b""), more=message.get("more_body", False))
        elif kind == "http.response.start":
            self._start(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"an HTTP connection does not take {kind!r}")
        if self._wire.full:
            await self._wire.drained()

    def _start(self, status: int, headers: Any) -> None:
        if self.started:
            raise RuntimeError("the answer has begun already")
        request, wire = self.request, self._wire
        head = wire.heads.encode(status, headers)
        self._left = head.length
        self._empty = request.scope["method"] == "HEAD" or status in _NO_BODY
        newer = request.scope["http_version"] == "1.1"
        framed = self._empty or head.length is not None or newer
        # A client that waits for `100 Continue` may or may not send the body that follows.
        waits = request.expects and not request.complete
        self.keep = not (head.closes or wire.closing or waits) and request.keep_alive and framed
        fields = b""
        if head.length is None and newer and not self._empty:
            self._chunked = True
            fields = b"transfer-encoding: chunked\r\n"
        if not self.keep:
            fields += b"connection: close\r\n"
        elif not newer:
            fields += b"connection: keep-alive\r\n"
        self.started = True
        self._head = head.encoded + fields + b"\r\n"
        if head.length is None:
            # A stream may begin long after its head.
            wire.write(self._head)
            self._head = b""

    def _body(self, data: bytes, *, more: bool) -> None:
        if not self.started:
            raise RuntimeError("the body came before the head of the answer")
        if self.answered:
            raise RuntimeError("the answer is whole already")
        if self._empty:
            data = b""
        elif self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body is not as long as its content-length says")
        elif self._chunked:
            data = _chunk(data, more=more)
        head, self._head = self._head, b""
        if head and len(data) > _COPIED_BYTES:
            self._wire.write(head)
            self._wire.write(data)
        elif head or data:
            self._wire.write(head + data if head else data)
        if not more:
            self.answered = True
            self.wake()
            self._wire.done(self, keep=self.keep)

    def _fail(self) -> None:
        if self.disconnected or self.answered:
            return
        self.disconnected = True
        wire = self._wire
        if self.started and not self._head:
            wire.abort()
            return
        wire.write(wire.heads.error(500, "Internal Server Error"))
        wire.done(self, keep=False)


def _chunk(data: bytes, *, more: bool) -> bytes:
    """RFC 9112, section 7.1; a chunk of no bytes would end the body."""
    if more:
        return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
