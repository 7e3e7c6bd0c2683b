"""The client itself: requests in, responses out, a pool of connections behind each origin."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping

from trimtab.kit.http1.connection import Connection, Response, Timeouts
from trimtab.kit.http1.errors import ConnectError, ConnectTimeout, Disconnected
from trimtab.kit.http1.parser import ResponseParser
from trimtab.kit.http1.pool import Pool
from trimtab.kit.http1.request import Origin, encode_head, parse_url

_NO_HEADERS: Mapping[str, str] = {}
_DEFAULT_TIMEOUTS = Timeouts()


class HTTP1Client:
    """An HTTP/1.1 client with one connection pool per origin; belongs to one event loop.

    Args:
        max_connections: open at once to one origin; further requests wait in order.
        keepalive_s: how long an unused connection stays open.
        max_head_bytes: largest response head accepted.
        buffer_bytes: body bytes that may wait for a slow reader before reading from the socket
            stops.
        ssl_context: for https; None means the system's certificate authorities, with host names
            checked.
        allowed_address: asked with each address that a host resolves to, before it is connected
            to; None allows all.

    ```python
    client = HTTP1Client()
    response = await client.request("GET", "https://example.org/")
    async for chunk in response.chunks(): ...
    await client.aclose()
    ```
    """

    def __init__(
        self,
        *,
        max_connections: int = 1000,
        keepalive_s: float = 60.0,
        max_head_bytes: int = 65_536,
        buffer_bytes: int = 262_144,
        ssl_context: ssl.SSLContext | None = None,
        allowed_address: Callable[[str], bool] | None = None,
    ) -> None:
        self._max_connections = max_connections
        self._keepalive_s = keepalive_s
        self._max_head_bytes = max_head_bytes
        self._buffer_bytes = buffer_bytes
        self._ssl_context = ssl_context
        self._allowed_address = allowed_address
        self._pools: dict[Origin, Pool] = {}
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def open_connections(self) -> int:
        """Sockets open now, idle ones included."""
        return sum(pool.open_connections for pool in self._pools.values())

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes = b"",
        timeouts: Timeouts = _DEFAULT_TIMEOUTS,
    ) -> Response:
        """Send a request and return when the head of its response is here.

        A reused connection may turn out to have been closed by the server meanwhile. Then, if no
        byte of a response came, the request is sent once more on a new connection. Cancelling
        closes the connection.

        Args:
            url: absolute, http or https.
            headers: names and values as they go on the wire; `Host`, `Content-Length` and
                `Connection` are set here.
            body: sent with its length; the response may come before it is all sent.
        Raises:
            ValueError: the URL, the method or a header is malformed; nothing was sent.
            ConnectError: no connection; nothing was sent.
            Disconnected, ProtocolError, ReadTimeout: no response.
        """
        address = parse_url(url)
        head = encode_head(method, address, headers, body_bytes=len(body))
        pool = self._pool(address.origin)
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        total_at = loop.time() + timeouts.total_s
        for attempt in (1, 2):
            connection = pool.idle() if attempt == 1 else None
            if connection is None:
                connection = await _acquire(pool, timeouts, total_at, fresh=attempt == 2)
            parser = ResponseParser(method, max_head_bytes=self._max_head_bytes)
            response = connection.send(head, body, parser, timeouts, total_at)
            try:
                await response.head()
            except Disconnected:
                stale = connection.requests > 1 and not parser.received
                if attempt == 2 or not stale or self._closed:
                    raise
            else:
                break
        return response

    async def aclose(self) -> None:
        """Close every connection; requests in flight fail. May be called more than once."""
        self._closed = True
        for pool in self._pools.values():
            await pool.aclose()

    def _pool(self, origin: Origin) -> Pool:
        if self._closed:
            raise ConnectError("the client was closed")
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(
                origin,
                ssl_context=self._tls() if origin.scheme == "https" else None,
                max_connections=self._max_connections,
                keepalive_s=self._keepalive_s,
                buffer_bytes=self._buffer_bytes,
                allowed_address=self._allowed_address,
            )
        return pool

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            # Made when first needed: reading the certificate store takes some 20 ms.
            self._ssl_context = ssl.create_default_context()
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context


async def _acquire(pool: Pool, timeouts: Timeouts, total_at: float, *, fresh: bool) -> Connection:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(min(loop.time() + timeouts.connect_s, total_at)):
            return await pool.acquire(fresh=fresh)
    except TimeoutError:
        raise ConnectTimeout(
            f"no free connection to {pool.origin} within {timeouts.connect_s:g} s"
        ) from None
