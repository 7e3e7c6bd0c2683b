"""What the tests of listeners share: a listener around any application, and a raw client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    MutableMapping,
    Sequence,
)
from typing import Any, NamedTuple

import uvloop

from trimtab.api.listeners import Listener, OwnListener, UvicornListener
from trimtab.kit.http1.parser import ResponseParser
from trimtab.kit.http1.server import HTTP1Server, ServerLimits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
LISTENERS = ("trimtab", "uvicorn")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
IDLE_S = 5.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A client that sends what it is told, byte for byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._ahead = b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, method: str = "GET") -> Answer:
        """The next whole response; raises Disconnected where it breaks off."""
        parser = ResponseParser(method)
        while not parser.complete:
            data, self._ahead = self._ahead, b""
            data = data or await asyncio.wait_for(self.reader.read(65_536), IDLE_S)
            if not data:
                parser.end()
                break
            self._ahead = _fed(parser, data)
        return _answer(parser)

    async def asked(self, data: bytes, method: str = "GET") -> Answer:
        await self.send(data)
        return await self.answer(method)

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        ahead, self._ahead = self._ahead, b""
        with contextlib.suppress(ConnectionResetError):
            while data := await asyncio.wait_for(self.reader.read(65_536), IDLE_S):
                ahead += data
        return ahead

    async def rest_of(self, ending: bytes) -> int:
        """How many bytes come until those that end with `ending`."""
        size, tail = 0, b""
        while not tail.endswith(ending):
            data = await asyncio.wait_for(self.reader.read(1 << 20), IDLE_S)
            assert data, "the server closed"
            size += len(data)
            tail = (tail + data)[-len(ending) :]
        return size

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), IDLE_S)


def _answer(parser: ResponseParser) -> Answer:
    return Answer(parser.status, dict(parser.headers), parser.take())


def _fed(parser: ResponseParser, data: bytes) -> bytes:
    """Feed one response and no byte more; what is left over."""
    for at in range(len(data)):
        parser.feed(data[at : at + 1])
        if parser.complete:
            return data[at + 1 :]
    return b""


def asked(port: int, pieces: Sequence[bytes], requests: Sequence[bytes]) -> list[Answer]:
    """What a server answers to requests that are sent in pieces."""
    answers: list[Answer] = []
    with socket.create_connection(("127.0.0.1", port), timeout=IDLE_S) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            wire.sendall(piece)
        ahead = b""
        for _ in requests:
            parser = ResponseParser("POST")
            while not parser.complete:
                data, ahead = ahead or wire.recv(65_536), b""
                assert data, "the server closed"
                ahead = _fed(parser, data)
            answers.append(_answer(parser))
    return answers


@contextlib.contextmanager
def listening_in_thread(kind: str, app: App) -> Iterator[int]:
    """`app` served in a thread of its own; the port."""
    loop, stop, ready = uvloop.new_event_loop(), asyncio.Event(), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        async with listening(kind, app) as at:
            ports.append(at.address[1])
            ready.set()
            await stop.wait()

    def main() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=main)
    thread.start()
    assert ready.wait(60)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)


class Listening:
    """A listener that serves, and where."""

    def __init__(self, front: Listener, address: Any, tls: ssl.SSLContext | None) -> None:
        self.front = front
        self.address = address
        self._tls = tls

    @contextlib.asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        if isinstance(self.address, str):
            reader, writer = await asyncio.open_unix_connection(self.address)
        else:
            name = "localhost" if self._tls else None
            reader, writer = await asyncio.open_connection(
                *self.address[:2], ssl=self._tls, server_hostname=name
            )
        try:
            yield Wire(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Limited(OwnListener):
    """Trimtab's listener with limits other than those of a configuration."""

    def __init__(self, app: App, limits: ServerLimits) -> None:
        self._server = HTTP1Server(app, limits=limits)


@contextlib.asynccontextmanager
async def listening(
    kind: str,
    app: App,
    *,
    limits: ServerLimits | None = None,
    opened: socket.socket | None = None,
    tls: tuple[Any, ssl.SSLContext] | None = None,
) -> AsyncIterator[Listening]:
    """`app` served by a listener, on a socket of its own or on `opened`.

    Args:
        limits: for Trimtab's listener; uvicorn has its own.
        tls: what is served with, and what clients trust.
    """
    opened = opened or socket.create_server(("127.0.0.1", 0))
    address = opened.getsockname()
    given = tls[0] if tls else None
    front: Listener
    if limits is not None:
        front = _Limited(app, limits)
    else:
        front = (OwnListener if kind == "trimtab" else UvicornListener)(app, given)
    await front.start([opened])
    try:
        yield Listening(front, address, tls[1] if tls else None)
    finally:
        await front.finish(1)
        opened.close()


async def whole_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client is gone")
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def reply(
    send: Send, body: bytes = b"ok", status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Answers with what was read: method, path, query, headers, body."""
    body = await whole_body(receive)
    heads = [b"%b=%b" % field for field in scope["headers"]]
    told = [scope["method"].encode(), b"%b?%b" % (scope["raw_path"], scope["query_string"])]
    await reply(send, b"\n".join([*told, scope["path"].encode(), *heads, b"", body]))
