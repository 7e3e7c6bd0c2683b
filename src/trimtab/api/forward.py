"""Forwarding: a request to another process of this server, byte for byte, and its answer back.

Both ways at once and piece by piece, so that a body of any size or an answer without end takes no
memory here, and whoever does not read slows the other side down. A caller that goes away takes its
request along.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

from trimtab.api.asgi import Scope, Send
from trimtab.api.incoming import Receive
from trimtab.api.problem import problem
from trimtab.errors import Overloaded
from trimtab.kit.http1.errors import HTTPError
from trimtab.kit.http1.local import LocalCall

_log = logging.getLogger("trimtab.api")
# Those of one connection (RFC 9110, section 7.6.1); the other process has its own.
_OF_CONNECTION = frozenset(
    {b"connection", b"expect", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"}
)
_AWAY = Overloaded(
    "the process that keeps the records cannot be reached",
    fix="retry after a second; calls of the gateway are answered meanwhile",
    retry_after_s=1,
)


class Forwarder:
    """An ASGI application that has every request answered by the process behind a UNIX socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = await LocalCall.begin(
                self._path, scope["method"], _target(scope), _fields(scope)
            )
        except HTTPError as error:
            await _refuse(scope, send, error)
            return
        sending = asyncio.create_task(_send_body(call, receive, chunked=_is_chunked(scope)))
        try:
            await call.head()
            await _send_answer(call, send)
        except HTTPError as error:
            if sending.done():
                return  # the caller is gone
            if not call.status:
                await _refuse(scope, send, error)
            else:
                # To return is to say that it is not whole, and the server says so to the caller.
                _log.warning("%s %s was cut off: %s", scope["method"], scope["path"], error)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            call.close()


async def _send_body(call: LocalCall, receive: Receive, *, chunked: bool) -> None:
    """Send the body on as it comes, then wait for the caller to leave."""
    more = True
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            call.close()
            return
        data, more = message.get("body", b""), message.get("more_body", False)
        if chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            data += b"" if more else b"0\r\n\r\n"
        # It may answer before it has read everything, and then reads no more.
        with contextlib.suppress(HTTPError):
            await call.write(data)


async def _send_answer(call: LocalCall, send: Send) -> None:
    """Raises HTTPError when it is cut off."""
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in call.headers.items()
        if name.encode("latin-1") not in _OF_CONNECTION
    ]
    await send({"type": "http.response.start", "status": call.status, "headers": headers})
    async for piece in call.pieces():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(scope: Scope, send: Send, error: HTTPError) -> None:
    _log.warning("%s %s was not answered: %s", scope["method"], scope["path"], error)
    response = problem(_AWAY, None, scope["path"])
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in (
            *response.headers.items(),
            ("content-type", response.media_type),
            ("content-length", str(len(response.body))),
        )
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})


def _target(scope: Scope) -> bytes:
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return b"%b?%b" % (path, query) if query else path


def _fields(scope: Scope) -> list[tuple[bytes, bytes]]:
    fields = [field for field in scope["headers"] if field[0] not in _OF_CONNECTION]
    if not any(name == b"host" for name, _ in fields):
        fields.append((b"host", b""))  # HTTP/1.0 has none
    if _is_chunked(scope):
        fields.append((b"transfer-encoding", b"chunked"))
    return fields


def _is_chunked(scope: Scope) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])
