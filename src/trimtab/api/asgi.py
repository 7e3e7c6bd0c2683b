"""The ASGI application: routes a request to its endpoint and sends what comes back.

Every request is limited in size, gets a principal, is checked against the permission of its route,
and is answered: a known error in the caller's dialect, an unknown one as a logged 500 without its
text. A caller that goes away in the middle of a stream stops the work behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import suppress
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.routing import Match, Route

from trimtab.api import inflate, web
from trimtab.api.http import ByteStream, Endpoint, Request, Response
from trimtab.api.incoming import Incoming, Message, Receive
from trimtab.api.intake import Intake, Share
from trimtab.api.problem import problem
from trimtab.api.table import TABLE
from trimtab.app import App
from trimtab.errors import (
    InvalidRequest,
    NotFound,
    RequestError,
    StoreError,
    TooLarge,
    TrimtabError,
)
from trimtab.governance import access
from trimtab.kit.http1.server_turn import TURN

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger("trimtab.api")
_BODY_IDLE_S = 60
_PATIENCE_S = 0.1  # Answers that come sooner are not worth a task that looks for their caller.
_NO_PARAMETERS: Mapping[str, str] = {}
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]


class Disconnected(Exception):
    """The caller went away before its request was read."""


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    status = 405


class RequestTimeout(RequestError):
    code = "request_timeout"
    status = 408


class InternalError(TrimtabError):
    code = "internal_error"


class Server:
    """One application over one App; the App is opened and closed by whoever runs the server.

    Args:
        table: what it answers.
    """

    def __init__(self, app: App, table: Sequence[Endpoint] = TABLE) -> None:
        self._app = app
        self.intake = Intake(app.config.limits.ingest_bytes)
        self._routes = [
            (Route(endpoint.path, _unused, methods=[endpoint.method]), endpoint)
            for endpoint in table
        ]
        # Looked up before the patterns, which take a microsecond each.
        self._plain = {
            (endpoint.method, endpoint.path): endpoint
            for endpoint in reversed(table)
            if "{" not in endpoint.path
        }

    def answers(self, scope: Scope) -> bool:
        """Whether the table has an endpoint for this request."""
        if (scope["method"], scope["path"]) in self._plain:
            return True
        return any(route.matches(scope)[0] is Match.FULL for route, _ in self._routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            incoming = Incoming(receive, scope["headers"], scope.get(TURN))
            await self._http(scope, incoming, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Incoming, send: Send) -> None:
        endpoint: Endpoint | None = None
        try:
            endpoint, path = self._endpoint(scope)
            response = await self._handle(endpoint, path, scope, receive)
        except TrimtabError as error:
            if isinstance(error, StoreError):
                _log.error("%s %s: %s", scope["method"], scope["path"], error)
            is_nowhere = endpoint is None and isinstance(error, NotFound)
            page = _nowhere(scope) if is_nowhere else None
            response = page or problem(error, endpoint, scope["path"], _content_type(scope))
        except Disconnected:
            return
        except Exception:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            failure = InternalError(
                "Trimtab failed to handle this request", fix="the server's log has the details"
            )
            response = problem(failure, endpoint, scope["path"], _content_type(scope))
        await _send(response, receive, send, head=scope["method"] == "HEAD")

    def _endpoint(self, scope: Scope) -> tuple[Endpoint, Mapping[str, str]]:
        """The endpoint of a path and method, and the parameters in the path."""
        plain = self._plain.get((scope["method"], scope["path"]))
        if plain is not None:
            return plain, _NO_PARAMETERS
        other_methods = set()
        for route, endpoint in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                return endpoint, child["path_params"]
            if match is Match.PARTIAL:
                other_methods.add(endpoint.method)
        if other_methods:
            allowed = sorted(other_methods)
            raise MethodNotAllowed(
                f"{scope['path'][:200]} does not take {scope['method'][:20]}",
                fix=f"use {' or '.join(allowed)}",
                allowed=allowed,
            )
        raise NotFound(
            f"there is nothing at {scope['path'][:200]}", fix="see GET /api/v1/openapi.json"
        )

    async def _handle(
        self, endpoint: Endpoint, path: Mapping[str, str], scope: Scope, receive: Incoming
    ) -> Response:
        headers = _headers(scope["headers"])
        public = endpoint.permission is None
        principal = access.PUBLIC if public else self._app.access.principal(headers)
        if endpoint.permission:
            access.require(principal, endpoint.permission)
        with self.intake.share() as share:
            request = Request(
                app=self._app,
                principal=principal,
                path=path,
                query=_known(scope["query_string"], endpoint),
                headers=headers,
                body=await self._body(endpoint, receive, headers, share),
                method=endpoint.method,
                target=_target(scope),
            )
            if endpoint.abandons:
                return await _unless_gone(endpoint.handler(request), receive)
            # The server cancels nothing, so a change is finished though nobody waits for it.
            return await endpoint.handler(request)

    async def _body(
        self, endpoint: Endpoint, receive: Incoming, headers: Mapping[str, str], share: Share
    ) -> bytes:
        limits = self._app.config.limits
        if endpoint.method == "GET":
            return b""
        pieces = _pieces(receive, headers, limits.body_bytes)
        encoding = headers.get("content-encoding", "")
        if endpoint.bulk:
            return await inflate.whole(
                pieces, encoding, limit_bytes=limits.inflated_bytes, share=share
            )
        if encoding not in ("", "identity"):
            raise InvalidRequest(
                f"content-encoding {encoding[:50]!r} is not supported here",
                where="content-encoding",
                fix="send the body uncompressed",
            )
        ready = receive.ready()
        if ready is not None:
            if len(ready) > limits.body_bytes:
                raise _too_large(limits.body_bytes)
            return ready
        first = await anext(pieces)
        return first if receive.whole else b"".join([first, *[piece async for piece in pieces]])


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By name, in lower case as ASGI has them."""
    try:
        return {name.decode("latin-1"): value.decode() for name, value in raw}
    except UnicodeDecodeError:
        return {name.decode("latin-1"): _header(value) for name, value in raw}


def _header(value: bytes) -> str:
    """Names of users come as UTF-8; what is not UTF-8 is ISO 8859-1 (RFC 9110, section 5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _content_type(scope: Scope) -> str:
    """What the caller sent, and reads."""
    return next((_header(value) for name, value in scope["headers"] if name == b"content-type"), "")


def _target(scope: Scope) -> str:
    """The path and query of a request as they came."""
    path: str = scope["raw_path"].decode("latin-1")
    query: bytes = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


def _nowhere(scope: Scope) -> Response | None:
    """For whoever opens an address that is no page."""
    accept = (_header(value) for name, value in scope["headers"] if name == b"accept")
    is_read = scope["method"] in ("GET", "HEAD")
    return web.nowhere(_target(scope), ", ".join(accept)) if is_read else None


async def _unused() -> None:
    """Starlette's Route wants an endpoint; only its matching is used."""


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _query(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=100)
    except (UnicodeDecodeError, ValueError):
        raise InvalidRequest(
            "the query string cannot be read", fix="percent-encode it as UTF-8"
        ) from None


def _known(raw: bytes, endpoint: Endpoint) -> dict[str, str]:
    """The query, unless the management API does not know part of it, or takes part of it once.

    A filter that is misspelt or one of two, and ignored, would answer with the wrong records.
    """
    if not raw:
        return {}
    pairs = _query(raw)
    query = dict(pairs)
    if endpoint.dialect != "problem" or not endpoint.path.startswith("/api/v1/"):
        return query
    unknown = sorted(set(query) - set(endpoint.query))
    if unknown:
        known = ", ".join(endpoint.query) or "none"
        raise InvalidRequest(
            f"there is no query parameter {unknown[0][:50]!r}",
            where=f"query parameter {unknown[0][:50]}",
            fix=f"leave it out; this path takes {known}",
        )
    if len(query) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(
            f"the query parameter {twice!r} is sent more than once",
            where=f"query parameter {twice}",
            fix="send it once; conditions of a filter go side by side in one"
            if twice == "filter"
            else "send it once",
        )
    return query


async def _pieces(receive: Receive, headers: Mapping[str, str], limit: int) -> AsyncIterator[bytes]:
    """The body as it comes, refused as soon as it is known to be too large.

    Raises:
        TooLarge: over `limit` bytes on the wire.
    """
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    size = 0
    while True:
        message = await _next_piece(receive)
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        yield chunk
        if not message.get("more_body"):
            return


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the request body is larger than {limit} bytes",
        fix="send less, or raise limits.body_bytes",
        limit_bytes=limit,
    )


async def _next_piece(receive: Receive) -> Message:
    try:
        async with asyncio.timeout(_BODY_IDLE_S):
            return await receive()
    except TimeoutError:
        raise RequestTimeout(
            f"no part of the request body came for {_BODY_IDLE_S} s", fix="send the body at once"
        ) from None


async def _unless_gone(handling: Awaitable[Response], receive: Incoming) -> Response:
    """Run a handler, and cancel it when its caller goes away."""
    with _Watch(receive, after_s=_PATIENCE_S) as watch:
        response = await handling
        if watch.gone:
            await _close(response)
    return response


class _Watch:
    """Cancels the task it is entered in when the caller goes away, which becomes Disconnected.

    Args:
        after_s: how long not to look, where looking takes a task.
    """

    __slots__ = ("_after_s", "_looking", "_receive", "_task", "_timer", "gone")

    def __init__(self, receive: Incoming, *, after_s: float = 0.0) -> None:
        self._receive = receive
        self._after_s = after_s
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self.gone = False

    def __enter__(self) -> _Watch:
        turn = self._receive.turn
        if turn is not None:
            self._task = turn.task or _this_task()
            turn.on_gone = self._leave
            if turn.disconnected:
                self._leave()
            return self
        self._task = _this_task()
        if self._after_s:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._after_s, self._look)
        else:
            self._look()
        return self

    def __exit__(self, *_: object) -> None:
        if self._receive.turn is not None:
            self._receive.turn.on_gone = None
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        if self.gone:
            self._task.uncancel()
            raise Disconnected from None

    def _look(self) -> None:
        self._looking = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        if not self.gone:
            self.gone = True
            self._task.cancel()


def _this_task() -> asyncio.Task[Any]:
    return cast("asyncio.Task[Any]", asyncio.current_task())


async def _send(response: Response, receive: Incoming, send: Send, *, head: bool) -> None:
    headers = [(b"content-type", response.media_type.encode("latin-1"))]
    headers += [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in response.headers.items()
        if name.lower() != "content-length"
    ]
    if response.stream is None:
        headers.append((b"content-length", str(len(response.body)).encode()))
    start = {"type": "http.response.start", "status": response.status}
    try:
        await send({**start, "headers": headers + _SECURITY_HEADERS})
        if response.stream is None:
            body = b"" if head else response.body
            if not head and not receive.whole:
                await send({"type": "http.response.body", "body": body, "more_body": True})
                await receive.drain()
                body = b""
            await send({"type": "http.response.body", "body": body})
        else:
            await _stream(response.stream, receive, send)
    finally:
        await _close(response)


async def _stream(stream: ByteStream, receive: Incoming, send: Send) -> None:
    """Send pieces as they come, until the end or until nobody listens."""
    with suppress(Disconnected), _Watch(receive):
        async for chunk in stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _close(response: Response) -> None:
    if response.stream is not None:
        await response.stream.aclose()
