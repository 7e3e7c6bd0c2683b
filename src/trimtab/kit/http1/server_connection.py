"""One connection of a server: bytes to turns and back, one turn at a time, with back-pressure.

What arrives while a request is being answered waits, up to a bound; then reading stops. When the
client goes away the turn is told at once. A connection ends after an answer, not in one: what the
client still sends is let go for a moment, for a reset could take the answer from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from trimtab.kit.http1.server_head import Heads
from trimtab.kit.http1.server_limits import RequestRefused, ServerLimits
from trimtab.kit.http1.server_quick import QuickReader
from trimtab.kit.http1.server_reader import RequestReader
from trimtab.kit.http1.server_request import Request, shared_scope
from trimtab.kit.http1.server_turn import Turn


class Owner(Protocol):
    """What a connection needs of its server."""

    limits: ServerLimits
    heads: Heads
    quick: QuickReader
    draining: bool

    def begin(self, turn: Turn) -> None:
        """Let the application answer."""

    def opened(self, connection: ServerConnection) -> None: ...

    def lost(self, connection: ServerConnection) -> None: ...


class ServerConnection(asyncio.Protocol):
    """A socket of one client, driven by the event loop; implements `server_turn.Wire`."""

    __slots__ = (
        "_ahead",
        "_ahead_bytes",
        "_drain",
        "_heard_s",
        "_loop",
        "_owner",
        "_paused",
        "_reader",
        "_refusal",
        "_since_s",
        "_transport",
        "_turn",
        "_unread",
        "_unread_left",
        "_unsent",
        "ending",
        "full",
        "heads",
        "write",
    )

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self.heads = owner.heads
        self.full = False
        self.ending = False  # the last byte was sent
        self._turn: Turn | None = None
        self._unread: Request | None = None  # answered, and its body is let go
        self._unread_left = 0
        self._refusal: RequestRefused | None = None
        self._ahead: list[bytes] = []
        self._ahead_bytes = 0
        self._paused = False
        self._drain: asyncio.Future[None] | None = None
        self._unsent = (0, 0.0)  # bytes that were not sent when that was last looked at
        self._heard_s = self._since_s = loop.time()

    # Callbacks of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.write: Callable[[bytes], None] = self._transport.write
        self._reader = RequestReader(shared_scope(transport), self._owner.limits, self._owner.quick)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self.ending:
            return
        self._heard_s = self._loop.time()
        turn = self._turn
        if (turn is not None and turn.request.complete) or self._ahead or self._reader.ready:
            self._ahead.append(data)
            self._ahead_bytes += len(data)
            if self._ahead_bytes >= self._owner.limits.buffer_bytes:
                self._pause()
        else:
            self._feed(data)

    def pause_writing(self) -> None:
        self.full = True
        self._unsent = (self._transport.get_write_buffer_size(), self._loop.time())

    def resume_writing(self) -> None:
        self.full = False
        if self._drain is not None:
            if not self._drain.done():
                self._drain.set_result(None)
            self._drain = None

    def connection_lost(self, _: Exception | None) -> None:
        self.ending = True
        self._reader.close()
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.disconnect()
        self.resume_writing()
        self._owner.lost(self)

    # For the turn.

    @property
    def closing(self) -> bool:
        return self._owner.draining

    def taken(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    async def drained(self) -> None:
        if self._drain is None:
            self._drain = self._loop.create_future()
        await asyncio.shield(self._drain)

    def done(self, turn: Turn, *, keep: bool) -> None:
        if turn is not self._turn:
            return
        self._turn = None
        self._since_s = self._loop.time()
        request = turn.request
        if not keep or self._owner.draining:
            self._end(linger=not request.complete)
            return
        if not request.complete:
            self._let_go(request)
            return
        if not self._ahead:
            self.taken()  # a large body that came whole, or that nobody took, stopped it
        if self._reader.ready or self._ahead or self._refusal is not None:
            # The application may have something to do after its answer.
            self._loop.call_soon(self._advance)

    def abort(self) -> None:
        self.ending = True
        self._transport.abort()

    # For the server.

    def drain(self) -> None:
        """Close as soon as what was begun is answered."""
        if self._turn is None and self._reader.between:
            self._end(linger=False)

    def look(self, now_s: float) -> None:
        """Do what is due."""
        turn = self._turn
        if self.ending:
            if now_s - self._since_s > self._owner.limits.linger_s and not self._is_sending(now_s):
                self._transport.abort()
        elif self.full:
            if not self._is_sending(now_s):
                self.abort()
        elif turn is not None:
            self._look_at(turn, now_s)
        else:
            self._look_between(now_s)

    def _look_at(self, turn: Turn, now_s: float) -> None:
        if not turn.receiving_since_s or turn.request.complete:
            return
        if now_s - max(turn.receiving_since_s, self._heard_s) > self._owner.limits.body_s:
            self._refuse(RequestRefused(408, "the body of the request did not come"))

    def _look_between(self, now_s: float) -> None:
        limits, waited_s = self._owner.limits, now_s - self._since_s
        if self._unread is not None:
            if waited_s > limits.unread_s:
                self._end(linger=True)
        elif not self._reader.between:
            if waited_s > limits.head_s:
                self._refuse(RequestRefused(408, "the head of the request did not come"))
        elif waited_s > limits.idle_s or self._owner.draining:
            self._end(linger=False)

    # From here to there.

    def _feed(self, data: bytes) -> None:
        reader = self._reader
        if reader.between and self._turn is None:
            self._since_s = self._heard_s
        try:
            reader.feed(data)
        except RequestRefused as refusal:
            self._refusal = refusal
        turn = self._turn
        if turn is not None:
            if self._refusal is not None and not turn.request.complete:
                self._refuse(self._refusal)
                return
            turn.wake()
            if turn.request.buffered_bytes >= self._owner.limits.buffer_bytes:
                self._pause()
        elif self._unread is not None:
            self._let_go_of(self._unread, len(data))
        else:
            self._advance()

    def _advance(self) -> None:
        """Begin the next turn, if there is one."""
        if self._turn is not None or self._unread is not None or self.ending:
            return
        reader = self._reader
        if not reader.ready and self._ahead and self._refusal is None:
            self._feed_ahead()
        elif reader.ready:
            request = reader.ready.popleft()
            if self._refusal is not None and not request.complete:
                self._refuse(self._refusal)
                return
            self._turn = turn = Turn(request, self)
            if turn.request.buffered_bytes >= self._owner.limits.buffer_bytes:
                self._pause()
            self._owner.begin(turn)
            if self._ahead and not request.complete:
                self._feed_ahead()
        elif self._refusal is not None:
            self._refuse(self._refusal)
        elif self._owner.draining and reader.between:
            self._end(linger=False)

    def _feed_ahead(self) -> None:
        data = b"".join(self._ahead)
        self._ahead.clear()
        self._ahead_bytes = 0
        self.taken()
        self._feed(data)

    def _let_go(self, request: Request) -> None:
        """Read the rest of a body that nobody wants."""
        self._unread = request
        self._unread_left = self._owner.limits.unread_bytes
        self._since_s = self._loop.time()
        request.let_go()
        self.taken()

    def _let_go_of(self, request: Request, size_bytes: int) -> None:
        self._unread_left -= size_bytes
        if request.complete:
            self._unread = None
            self._since_s = self._heard_s
            self._advance()
        elif self._unread_left < 0 or self._refusal is not None:
            self._end(linger=True)

    def _refuse(self, refusal: RequestRefused) -> None:
        """Answer an error where no answer has begun, and end the connection."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.disconnect()
            if turn.started:
                self.abort()
                return
        self.write(self.heads.error(refusal.status, refusal.what))
        self._end(linger=True)

    def _end(self, *, linger: bool) -> None:
        """Close; `linger`: let what still comes go for a moment, and then close."""
        self.ending = True
        self._since_s = self._loop.time()
        self._ahead.clear()
        self.taken()
        if linger and self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _is_sending(self, now_s: float) -> bool:
        """Whether something waits to be sent, and went on being sent within `write_s`."""
        size, since_s = self._unsent
        now_unsent = self._transport.get_write_buffer_size()
        if now_unsent != size:
            self._unsent = (now_unsent, now_s)
            return now_unsent > 0
        return size > 0 and now_s - since_s <= self._owner.limits.write_s

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()
