"""An HTTP/1.1 server for an ASGI application: one event loop, sockets in, turns of it out.

It speaks HTTP/1.1 and 1.0 with keep-alive, one request at a time of each connection. It compresses
nothing, offers no other protocol, believes no header about who the client is, and writes no log of
requests. Two readers could disagree about nothing that it accepts (`server_reader`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Iterable
from functools import partial

from trimtab.kit.http1.server_connection import ServerConnection
from trimtab.kit.http1.server_head import Heads
from trimtab.kit.http1.server_limits import ServerLimits
from trimtab.kit.http1.server_quick import QuickReader
from trimtab.kit.http1.server_turn import Application, Turn

_LOOKS_S = 1.0  # how often connections are looked at, at the least
# Connections that wait to be accepted; of one too many the client tries again after a second.
_BACKLOG = 4096
_EAGER = sys.version_info >= (3, 12)


class HTTP1Server:
    """Serves one application on any number of sockets; belongs to one event loop.

    Args:
        tls: of sockets that are not UNIX sockets; None for plain HTTP.

    ```python
    server = HTTP1Server(app)
    await server.start([listener])
    await server.aclose(drain_s=30)
    ```
    """

    def __init__(
        self,
        app: Application,
        *,
        limits: ServerLimits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.limits = limits or ServerLimits()
        self.heads = Heads()
        self.quick = QuickReader(self.limits)
        self.draining = False
        self._app = app
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._connections: set[ServerConnection] = set()
        self._turns: set[Turn] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._waited = asyncio.Event()  # nothing is open any more, or there is no time left

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    async def start(self, listeners: Iterable[socket.socket]) -> None:
        """Begin to accept on sockets that are bound, and that this server will close."""
        self._loop = asyncio.get_running_loop()
        for listener in listeners:
            made = partial(ServerConnection, self, self._loop)
            if listener.family == getattr(socket, "AF_UNIX", None):
                server = await self._loop.create_unix_server(made, sock=listener, backlog=_BACKLOG)
            else:
                server = await self._loop.create_server(
                    made, sock=listener, ssl=self._tls, backlog=_BACKLOG
                )
            self._servers.append(server)
        self._look()

    async def aclose(self, *, drain_s: float = 0.0) -> None:
        """Stop accepting, finish what was begun within `drain_s`, and close everything."""
        self.draining = True
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.drain()
        self._notice()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._waited.wait()
        for connection in list(self._connections):
            connection.abort()
        tasks = [turn.task for turn in self._turns if turn.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._turns.clear()  # one that was cancelled before it began did not say that it ended
        self._waited.clear()
        self._notice()
        await self._waited.wait()
        if self._looking is not None:
            self._looking.cancel()

    def hurry(self) -> None:
        """Let `aclose` wait no longer."""
        self._waited.set()

    def _notice(self) -> None:
        if not self._connections and not self._turns:
            self._waited.set()

    # For the connections.

    def opened(self, connection: ServerConnection) -> None:
        self._connections.add(connection)

    def lost(self, connection: ServerConnection) -> None:
        self._connections.discard(connection)
        if self.draining:
            self._notice()

    def begin(self, turn: Turn) -> None:
        self._turns.add(turn)
        work = turn.run(self._app, self._ended)
        if _EAGER:
            # Most answers need not wait for the loop to come round before they begin.
            turn.task = asyncio.Task(work, loop=self._loop, eager_start=True)  # type: ignore[call-arg]
        else:
            turn.task = self._loop.create_task(work)

    def _ended(self, turn: Turn) -> None:
        self._turns.discard(turn)
        if self.draining:
            self._notice()

    def _look(self) -> None:
        now_s = self._loop.time()
        for connection in list(self._connections):
            connection.look(now_s)
        every_s = min(_LOOKS_S, self.limits.shortest_s / 4)
        self._looking = self._loop.call_later(every_s, self._look)
