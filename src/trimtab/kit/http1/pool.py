"""The connections to one origin: reused newest first, at most so many, waited for in order.

A *slot* is the right to have a connection open. Whoever acquires gets an idle connection, or a slot
and makes one, or waits in a first-come queue. A slot returns when its socket is gone.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable

from trimtab.kit.http1.connection import Connection
from trimtab.kit.http1.errors import ConnectError
from trimtab.kit.http1.request import Origin


class Pool:
    """Connections to `origin`, at most `max_connections`; `ssl_context` None means plain TCP.

    `allowed_address` is asked with each address before it is connected to; None allows all.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        ssl_context: ssl.SSLContext | None,
        max_connections: int,
        keepalive_s: float,
        buffer_bytes: int,
        allowed_address: Callable[[str], bool] | None = None,
    ) -> None:
        self.origin = origin
        self._allowed_address = allowed_address
        self._ssl_context = ssl_context
        self._max_connections = max_connections
        self._keepalive_s = keepalive_s
        self._buffer_bytes = buffer_bytes
        self._loop = asyncio.get_running_loop()
        self._slots_taken = 0
        self._idle: list[Connection] = []
        self._sockets: set[Connection] = set()
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._closed = False

    @property
    def open_connections(self) -> int:
        """Sockets open now, idle ones included."""
        return len(self._sockets)

    def idle(self) -> Connection | None:
        """The connection that was used last among those that are free."""
        return self._idle.pop() if self._idle else None

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """A connection to send on: a free one unless `fresh`, else a new one, waiting for a slot.

        A `fresh` request has already had its turn, so it waits at the head of the queue.
        Raises:
            ConnectError: it could not be made, or the pool was closed.
        """
        while True:
            spare = self.idle()
            if spare is None:
                if self._slots_taken < self._max_connections:
                    self._slots_taken += 1
                    return await self._connect()
                spare = await self._wait(first=fresh)
                if spare is None:
                    return await self._connect()
            if not fresh:
                return spare
            if spare.holds_slot:
                spare.holds_slot = False
                spare.abort()
                return await self._connect(after=spare)

    async def aclose(self) -> None:
        """Abort every connection and every wait; return when the sockets are closed."""
        self._closed = True
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(ConnectError("the client was closed"))
        sockets = list(self._sockets)
        for connection in sockets:
            connection.abort()
        for connection in sockets:
            await asyncio.shield(connection.lost)

    async def _wait(self, *, first: bool) -> Connection | None:
        """Queue for a connection, or for None: a slot to make one with."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        enqueue: Callable[..., None] = self._waiters.appendleft if first else self._waiters.append
        enqueue(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._hand_on(waiter.result())
            raise

    async def _connect(self, *, after: Connection | None = None) -> Connection:
        """Open a connection with the slot the caller owns, or give the slot back."""
        try:
            self._check_open()
            if after is not None:
                await asyncio.shield(after.lost)
            connection = await self._dial()
        except BaseException as error:
            self._hand_on(None)
            if isinstance(error, OSError) and not isinstance(error, ConnectError):
                raise ConnectError(f"could not connect to {self.origin}: {error}") from error
            raise
        connection.holds_slot = True
        self._sockets.add(connection)
        if self._closed:
            connection.abort()
        self._check_open()
        return connection

    async def _dial(self) -> Connection:
        origin, tls = self.origin, self._ssl_context
        if self._allowed_address is None:
            _, connection = await self._loop.create_connection(
                self._new, origin.host, origin.port, ssl=tls
            )
            return connection
        found = await self._loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        failure: OSError = OSError("the name has no address")
        for *_, address in found:
            host = str(address[0])
            if not self._allowed_address(host):
                # One is enough to refuse: a name that leads there at times is not to be trusted.
                raise ConnectError(f"{origin} leads to an address that may not be called")
        for *_, address in found:
            try:
                # By address, so that what was judged is what is connected to.
                _, connection = await self._loop.create_connection(
                    self._new,
                    str(address[0]),
                    origin.port,
                    ssl=tls,
                    server_hostname=origin.host if tls else None,
                )
            except OSError as error:
                failure = error
            else:
                return connection
        raise failure

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectError("the client was closed")

    def _new(self) -> Connection:
        return Connection(
            self._loop,
            on_free=self._hand_on,
            on_lost=self._forget,
            keepalive_s=self._keepalive_s,
            buffer_bytes=self._buffer_bytes,
        )

    def _hand_on(self, connection: Connection | None) -> None:
        """Give a free connection, or a free slot (None), to who waits longest; else keep it."""
        if connection is not None and not connection.usable:
            return  # its slot comes back when its socket is gone
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is None:
            self._slots_taken -= 1
        else:
            self._idle.append(connection)

    def _forget(self, connection: Connection) -> None:
        self._sockets.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.holds_slot:
            connection.holds_slot = False
            self._hand_on(None)
