"""One connection and the response it is carrying: deadlines, back-pressure, and who may read.

A `Connection` carries one request at a time. Bytes from the socket go through a `ResponseParser` to
the `Response` that the caller reads; when the response is whole the connection is handed back, and
when anything goes wrong it is aborted. It never retries and never opens another connection.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

import msgspec

from trimtab.kit.http1.errors import Disconnected, HTTPError, ProtocolError, ReadTimeout
from trimtab.kit.http1.parser import ResponseParser

# Routers drop connections that are silent for minutes, as one waiting for a slow answer is.
_TCP_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 4))


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long a request may take, in seconds.

    `connect_s`: waiting for a free connection, or making one, the TLS handshake included.
    `first_byte_s`: from sending the request to the whole head of the response.
    `idle_s`: between two reads of the body, while the caller keeps up.
    `total_s`: from the start to the last byte of the body, however fast the caller reads. It also
    takes back the connection of a response that was forgotten.
    """

    connect_s: float = 10.0
    first_byte_s: float = 600.0
    idle_s: float = 600.0
    total_s: float = 600.0


class Response:
    """The answer to a request: `status`, `headers` (names in lower case), then the body.

    Iterate it (or `chunks()`) to the end, or close it; either frees the connection. Equal headers
    are joined with ", ". Bytes come as they arrived, without transfer coding.
    """

    __slots__ = ("_connection", "_failure", "_waiter", "parser")

    def __init__(self, connection: Connection, parser: ResponseParser) -> None:
        self.parser = parser
        self._connection = connection
        self._failure: HTTPError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def status(self) -> int:
        return self.parser.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.parser.headers

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives: this object, which is its own iterator."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The bytes that have arrived, at least one; waits for them when there are none.

        Cancelling the wait closes the connection.
        Raises:
            Disconnected, ProtocolError, ReadTimeout: the body did not end as it should; all bytes
                received before that have been handed out.
        """
        while True:
            if data := self.parser.take():
                self._connection.resume(self)
                return data
            if self._failure is not None:
                raise self._failure
            if self.parser.complete:
                raise StopAsyncIteration
            await self._news()

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self])

    async def head(self) -> None:
        """Wait for status and headers; the client does this before it hands the response out."""
        while not self.parser.status:
            if self._failure is not None:
                raise self._failure
            await self._news()

    async def aclose(self) -> None:
        """Stop reading; before the end of the body this closes the connection."""
        self._connection.cancel(self)

    def wake(self, failure: HTTPError | None = None) -> None:
        """For the connection: something changed, for the last time if it is a failure."""
        if failure is not None and self._failure is None:
            self._failure = failure
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _news(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("another task is already reading this response")
        self._waiter = self._connection.waiter()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self._connection.cancel(self)
            raise
        finally:
            self._waiter = None


class Connection(asyncio.Protocol):
    """A socket to one origin, driven by the event loop.

    Args:
        loop: the running loop.
        on_free: called when a response is whole and the connection can carry another.
        on_lost: called once, when the socket is gone.
        keepalive_s: how long it stays open without a request.
        buffer_bytes: how much body may wait for a slow reader before reading stops; one more read
            (up to 256 KiB) may already be on its way.
    """

    __slots__ = (
        "_buffer_bytes",
        "_keepalive_s",
        "_last_read",
        "_loop",
        "_on_free",
        "_on_lost",
        "_paused",
        "_response",
        "_timeouts",
        "_timer",
        "_total_at",
        "_transport",
        "holds_slot",
        "lost",
        "requests",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        on_free: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
        keepalive_s: float,
        buffer_bytes: int,
    ) -> None:
        self.requests = 0
        self.holds_slot = False
        self.lost: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._on_free = on_free
        self._on_lost = on_lost
        self._keepalive_s = keepalive_s
        self._buffer_bytes = buffer_bytes
        self._response: Response | None = None
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_read = 0.0
        self._total_at = 0.0
        self._timeouts = Timeouts()

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    def send(
        self, head: bytes, body: bytes, parser: ResponseParser, timeouts: Timeouts, total_at: float
    ) -> Response:
        """Start a request; its response will be read by `parser`, until loop time `total_at`."""
        response = Response(self, parser)
        self.requests += 1
        if self._transport.is_closing():
            response.wake(Disconnected("the server closed the connection before the request"))
            return response
        self._response = response
        self._timeouts = timeouts
        self._total_at = total_at
        self._last_read = self._loop.time()
        self._schedule()
        self._transport.writelines((head, body) if body else (head,))
        return response

    def waiter(self) -> asyncio.Future[None]:
        """Something to wait for in the loop of this connection."""
        return self._loop.create_future()

    def resume(self, response: Response) -> None:
        """The reader has taken what was buffered: read on if reading had stopped."""
        if self._paused and response is self._response:
            self._paused = False
            self._last_read = self._loop.time()
            self._schedule()
            self._transport.resume_reading()

    def cancel(self, response: Response) -> None:
        """The reader gives up; the rest of its response is unwanted."""
        if response is self._response:
            self.abort(Disconnected("the response was closed before its end"))

    def abort(self, failure: HTTPError | None = None) -> None:
        """Close the socket now, failing the response in flight."""
        response, self._response = self._response, None
        if response is not None:
            response.wake(failure or Disconnected("the client was closed"))
        self._transport.abort()

    # Callbacks of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _TCP_KEEPALIVE:
            if hasattr(socket, option):
                raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            # Nobody asked: whatever this is, it must not be read as the next response.
            self._transport.abort()
            return
        parser = response.parser
        had_head = parser.status
        try:
            parser.feed(data)
        except ProtocolError as error:
            self.abort(error)
            return
        if parser.status:
            # Bytes of a head do not count: it has one deadline, however slowly it drips in.
            self._last_read = self._loop.time()
        if parser.complete:
            self._finish(parser)
        elif parser.buffered_bytes >= self._buffer_bytes:
            self._pause()
        elif not had_head:
            self._schedule()
        response.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        response, self._response = self._response, None
        if response is not None:
            response.wake(_verdict(response.parser, exc))
        self.lost.set_result(None)
        self._on_lost(self)

    def _finish(self, parser: ResponseParser) -> None:
        self._response = None
        # A server that answered before the whole request was sent will not read the rest of it.
        sent = self._transport.get_write_buffer_size() == 0
        if parser.keep_alive and sent and not self._transport.is_closing():
            self._schedule()
            self._on_free(self)
        else:
            self._transport.abort()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    # One timer, moved lazily: most requests neither create nor cancel one.

    def _due(self) -> float:
        response = self._response
        if response is None:
            return self._last_read + self._keepalive_s
        if self._paused:
            return self._total_at
        silence_s = self._timeouts.idle_s if response.status else self._timeouts.first_byte_s
        return min(self._last_read + silence_s, self._total_at)

    def _schedule(self) -> None:
        due = self._due()
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        if now < self._due():
            self._schedule()
        elif self._response is None:
            self._transport.abort()
        else:
            self.abort(ReadTimeout(self._overdue(self._response, now)))

    def _overdue(self, response: Response, now: float) -> str:
        if now >= self._total_at:
            return f"the response took longer than {self._timeouts.total_s:g} s"
        if response.status:
            return f"nothing came for {self._timeouts.idle_s:g} s in the middle of the body"
        return f"no response came within {self._timeouts.first_byte_s:g} s"


def _verdict(parser: ResponseParser, exc: Exception | None) -> HTTPError | None:
    """What the end of the connection means for the response on it."""
    if exc is not None:
        return Disconnected(f"the connection broke: {exc}")
    try:
        parser.end()
    except Disconnected as error:
        return error
    return None
