"""`ports.Upstream` on aiohttp: the built-in client's understudy, should that ever be in doubt.

It keeps the same promises with a library that many others run, at about twice the cost for each
request. Where they differ: bytes that arrive together with the break of a connection may be lost
(the break itself never is).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import weakref
from collections.abc import AsyncIterator, Mapping
from typing import Any

from trimtab.errors import MissingExtra
from trimtab.kit.http1 import (
    DEFAULT_SETTINGS,
    ClientSettings,
    ConnectError,
    ConnectTimeout,
    Disconnected,
    HTTPError,
    ProtocolError,
    ReadTimeout,
    Timeouts,
    encode_head,
    parse_url,
)

try:
    import aiohttp
    from yarl import URL
except ImportError:
    raise MissingExtra.named("aiohttp", needed_for="calls of providers through aiohttp") from None

_NO_HEADERS: Mapping[str, str] = {}
_DEFAULT_TIMEOUTS = Timeouts()
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# aiohttp sends these again by itself.
_REPEATED = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"})


class AiohttpClient:
    """Implements `trimtab.ports.Upstream`; belongs to one event loop.

    Raises:
        MissingExtra: on import, without aiohttp.
    """

    def __init__(self, settings: ClientSettings = DEFAULT_SETTINGS) -> None:
        self._settings = settings
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @property
    def open_connections(self) -> int:
        return sum(1 for each in self._sockets if each.fileno() != -1)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes = b"",
        timeouts: Timeouts = _DEFAULT_TIMEOUTS,
    ) -> AiohttpResponse:
        """As `HTTP1Client.request`."""
        # The same requests are refused, with the same words.
        encode_head(method, parse_url(url), headers, body_bytes=len(body))
        total_at = asyncio.get_running_loop().time() + timeouts.total_s
        for last in (method in _REPEATED, True):
            attempt = _Attempt(timeouts, total_at)
            try:
                return await self._send(method, url, headers, body, attempt)
            except Disconnected:
                if last or not attempt.may_be_stale or self._closed:
                    raise
        raise AssertionError("the second attempt is the last")

    async def aclose(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, attempt: _Attempt
    ) -> AiohttpResponse:
        if self._closed:
            raise ConnectError("the client was closed")
        try:
            async with attempt.deadline:
                response = await self._open().request(
                    method,
                    URL(url, encoded=True),
                    headers=headers,
                    data=body or None,
                    allow_redirects=False,
                    trace_request_ctx=attempt,
                )
        except TimeoutError as error:
            raise attempt.overdue() from error
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise self._failure(error, attempt) from error
        if response.status == 101:
            response.close()
            raise ProtocolError("the server switched protocols without being asked")
        return AiohttpResponse(response, attempt)

    def _failure(self, error: Exception, attempt: _Attempt) -> HTTPError:
        if self._closed:
            return ConnectError("the client was closed")
        if isinstance(error, aiohttp.ClientResponseError):
            return ProtocolError(f"the response is not HTTP/1.1: {error.message}")
        if not attempt.connected:
            return ConnectError(f"could not connect: {error}")
        if isinstance(error, aiohttp.ServerDisconnectedError):
            # Without the beginning of a head its message is a text.
            attempt.may_be_stale = attempt.reused and isinstance(error.message, str)
            return Disconnected("the server closed the connection without a whole response head")
        attempt.may_be_stale = attempt.reused and isinstance(error, aiohttp.ClientOSError)
        return Disconnected(f"the connection broke: {error}")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    limit_per_host=self._settings.max_connections,
                    keepalive_timeout=self._settings.keepalive_s,
                    ssl=self._settings.ssl_context or True,
                    socket_factory=self._socket,
                ),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_AUTOMATIC,
                trace_configs=[_tracing()],
                read_bufsize=self._settings.buffer_bytes // 2,
                max_line_size=self._settings.max_head_bytes,
                max_field_size=self._settings.max_head_bytes,
            )
        return self._session

    def _socket(self, where: Any) -> socket.socket:
        family, kind, protocol, _, address = where
        if self._settings.allowed_address is not None and not self._settings.allowed_address(
            str(address[0])
        ):
            raise PermissionError(
                errno.EACCES, "the name leads to an address that may not be called"
            )
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        self._sockets.add(made)
        return made


class _Attempt:
    """One try at a request: its deadlines, and what became of its connection."""

    def __init__(self, timeouts: Timeouts, total_at: float) -> None:
        self.timeouts = timeouts
        self.total_at = total_at
        self.connected = False
        self.reused = False
        self.may_be_stale = False
        self._loop = asyncio.get_running_loop()
        self.deadline = asyncio.timeout_at(self._until(timeouts.connect_s))

    def connect(self, *, reused: bool) -> None:
        """A connection was found: from now on the server's answer is waited for."""
        self.connected, self.reused = True, reused
        self.deadline.reschedule(self._until(self.timeouts.first_byte_s))

    def idle(self) -> asyncio.Timeout:
        """The deadline of one read."""
        return asyncio.timeout_at(self._until(self.timeouts.idle_s))

    def overdue(self) -> HTTPError:
        """The error for a deadline that passed before the answer began."""
        if not self.connected:
            return ConnectTimeout(f"no free connection within {self.timeouts.connect_s:g} s")
        if self._loop.time() >= self.total_at:
            return ReadTimeout(f"the response took longer than {self.timeouts.total_s:g} s")
        return ReadTimeout(f"no response came within {self.timeouts.first_byte_s:g} s")

    def silent(self) -> ReadTimeout:
        """The error for a deadline that passed in the middle of the body."""
        if self._loop.time() >= self.total_at:
            return ReadTimeout(f"the response took longer than {self.timeouts.total_s:g} s")
        return ReadTimeout(f"nothing came for {self.timeouts.idle_s:g} s in the middle of the body")

    def _until(self, seconds: float) -> float:
        return min(self._loop.time() + seconds, self.total_at)


class AiohttpResponse:
    """Implements `trimtab.ports.UpstreamResponse`."""

    def __init__(self, response: aiohttp.ClientResponse, attempt: _Attempt) -> None:
        self._response = response
        self._attempt = attempt
        self._ended: Exception | None = None
        self._broke: HTTPError | None = None
        connection = response.connection
        if connection is not None and connection.protocol is not None:
            closed = connection.protocol.closed
            if closed is not None:
                closed.add_done_callback(self._lost)
        joined: dict[str, str] = {}
        for name, value in response.headers.items():
            key = name.lower()
            joined[key] = f"{joined[key]}, {value}" if key in joined else value
        self.headers: Mapping[str, str] = joined
        # A response that is forgotten gives its connection back, too.
        loop = asyncio.get_running_loop()
        self._total = loop.call_at(attempt.total_at, self._end, None)

    @property
    def status(self) -> int:
        return self._response.status

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._ended is not None:
            raise self._ended
        try:
            async with self._attempt.idle():
                data = await self._response.content.readany()
        except asyncio.CancelledError:
            self._end(Disconnected("the response was closed before its end"))
            raise
        except TimeoutError:
            raise self._end(self._attempt.silent()) from None
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            # A RuntimeError is what reading from a closed session is called.
            raise self._end(_broken(error)) from error
        if not data:
            raise self._end(self._broke or StopAsyncIteration())
        return data

    async def aclose(self) -> None:
        self._end(Disconnected("the response was closed before its end"))

    def _lost(self, closed: asyncio.Future[None]) -> None:
        """The connection is gone: aiohttp does not tell every body that it will not go on."""
        error = None if closed.cancelled() else closed.exception()
        if error is not None:
            self._broke = Disconnected(f"the connection broke: {error}")
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection was closed"))

    def _end(self, why: Exception | None) -> Exception:
        """Free the connection: closed, unless the body was read to its end."""
        self._total.cancel()
        self._response.close()
        self._ended = self._ended or why or self._attempt.silent()
        return self._ended


def _broken(error: Exception) -> HTTPError:
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return Disconnected(f"the connection broke: {error}")
    return Disconnected("the server closed the connection in the middle of the body")


def _tracing() -> aiohttp.TraceConfig:
    """Tells an attempt when it has a connection."""

    async def made(*told: Any) -> None:
        told[1].trace_request_ctx.connect(reused=False)

    async def reused(*told: Any) -> None:
        told[1].trace_request_ctx.connect(reused=True)

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(made)
    tracing.on_connection_reuseconn.append(reused)
    return tracing
