"""The client itself: requests in, responses out, a pool of connections behind each origin."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from trimtab.kit.http1.client_settings import DEFAULT_SETTINGS, ClientSettings
from trimtab.kit.http1.connection import Connection, Response, Timeouts
from trimtab.kit.http1.errors import ConnectError, ConnectTimeout, Disconnected
from trimtab.kit.http1.parser import ResponseParser
from trimtab.kit.http1.pool import Pool
from trimtab.kit.http1.request import Origin, encode_head, parse_url

_NO_HEADERS: Mapping[str, str] = {}
_DEFAULT_TIMEOUTS = Timeouts()


class HTTP1Client:
    """An HTTP/1.1 client with one connection pool per origin; belongs to one event loop.

    ```python
    client = HTTP1Client()
    response = await client.request("GET", "https://example.org/")
    async for chunk in response.chunks(): ...
    await client.aclose()
    ```
    """

    def __init__(self, settings: ClientSettings = DEFAULT_SETTINGS) -> None:
        self._settings = settings
        self._ssl_context = settings.ssl_context
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
            parser = ResponseParser(method, max_head_bytes=self._settings.max_head_bytes)
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
            settings = self._settings
            pool = self._pools[origin] = Pool(
                origin,
                ssl_context=self._tls() if origin.scheme == "https" else None,
                max_connections=settings.max_connections,
                keepalive_s=settings.keepalive_s,
                buffer_bytes=settings.buffer_bytes,
                allowed_address=settings.allowed_address,
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
