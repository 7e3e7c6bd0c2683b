"""A model provider on loopback, for tests: answers chat completions, and misbehaves on request.

A real HTTP/1.1 server on a real socket. Without a script it behaves: it checks the credential,
reads the JSON and answers in OpenAI's shape, streamed or not. `play` queues answers for the next
requests; an answer is a list of steps, each bytes to write or a coroutine function that is given
the peer. What can go wrong with a provider is a function of this module that returns an answer.

    async with Upstream() as upstream:
        upstream.play(rate_limited(), cut_mid_stream())

`upstream_in_thread()` runs one for tests that are not asynchronous.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Peer:
    """One connection as the server sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    gone: asyncio.Event
    requests: int = 0


Step = bytes | Callable[[Peer], Awaitable[None]]
Answer = list[Step]


class HungUp(Exception):
    """The script wants the connection to end here."""


@dataclass
class Upstream:
    """A scriptable server. `key` None admits everybody; `handler` replaces the chat completions.

    Without `reads_body` it answers as soon as it has the head of a request, as a server does that
    refuses the body. `asked` is set when a request has arrived, `client_gone` when a client left
    a `hang`.
    """

    key: str | None = None
    handler: Callable[[Request], Answer] | None = None
    ssl_context: ssl.SSLContext | None = None
    reads_body: bool = True
    requests: list[Request] = field(default_factory=list)
    accepted: int = 0
    open: int = 0
    peak: int = 0
    _script: deque[Answer] = field(default_factory=deque)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Upstream:
        self.asked = asyncio.Event()
        self.client_gone = asyncio.Event()
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, ssl=self.ssl_context
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"{'https' if self.ssl_context else 'http'}://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What goes into a provider's configuration."""
        return f"{self.url}/v1"

    def play(self, *answers: Answer) -> None:
        """Answer the next requests like this, one each, before behaving again."""
        self._script.extend(answers)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            await self._converse(Peer(reader, writer, self.client_gone))
        except (HungUp, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _converse(self, peer: Peer) -> None:
        while True:
            request = await _read_request(peer.reader, with_body=self.reads_body)
            self.requests.append(request)
            peer.requests += 1
            self.asked.set()
            answer = self._script.popleft() if self._script else self._behave(request)
            for step in answer:
                if isinstance(step, bytes):
                    peer.writer.write(step)
                    await peer.writer.drain()
                else:
                    await step(peer)

    def _behave(self, request: Request) -> Answer:
        if self.handler is not None:
            return self.handler(request)
        credential = request.headers.get("authorization", "")
        if self.key is not None and credential != f"Bearer {self.key}":
            given = credential.removeprefix("Bearer ")
            return error_json(401, f"Incorrect API key provided: {given}.", "invalid_api_key")
        if (request.method, request.target) != ("POST", "/v1/chat/completions"):
            return error_json(404, f"Unknown request URL: {request.method} {request.target}")
        try:
            body = request.json
        except ValueError:
            return error_json(400, "We could not parse the JSON body of your request.")
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return error_json(400, "Invalid type for 'messages': expected a list.", "invalid_type")
        return chat_stream(body) if body.get("stream") else chat_completion(body)


async def _read_request(reader: asyncio.StreamReader, *, with_body: bool) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body_bytes = int(headers.get("content-length", "0")) if with_body else 0
    body = await reader.readexactly(body_bytes)
    return Request(method, target, headers, body)


@contextlib.contextmanager
def upstream_in_thread(**settings: Any) -> Iterator[Upstream]:
    """An `Upstream` with an event loop of its own, in another thread."""
    upstream = Upstream(**settings)
    started, stop = threading.Event(), None
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        nonlocal stop
        stop = asyncio.Event()
        async with upstream:
            started.set()
            await stop.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="upstream")
    thread.start()
    try:
        assert started.wait(60)
        yield upstream
    finally:
        assert stop is not None
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)


# -- steps -------------------------------------------------------------------------------------


async def hang(peer: Peer) -> None:
    """Say nothing until the client goes away."""
    with contextlib.suppress(ConnectionError):
        await peer.reader.read()
    peer.gone.set()
    raise HungUp


async def cut(peer: Peer) -> None:
    """Close the connection."""
    raise HungUp


async def reset(peer: Peer) -> None:
    """Break the connection with a TCP reset."""
    linger_0_s = struct.pack("ii", 1, 0)
    connection = peer.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0_s)
    peer.writer.transport.abort()
    raise HungUp


async def cut_if_reused(peer: Peer) -> None:
    """Close the connection unless this is its first request."""
    if peer.requests > 1:
        raise HungUp


async def breathe(peer: Peer) -> None:
    """Let a client on the same event loop read what was written."""
    for _ in range(3):
        await asyncio.sleep(0)


def once(event: asyncio.Event) -> Callable[[Peer], Awaitable[None]]:
    """Go on when the test says so."""

    async def wait(peer: Peer) -> None:
        await event.wait()

    return wait


# -- answers that are well formed --------------------------------------------------------------


def respond(
    status: int = 200,
    body: bytes = b"",
    *,
    reason: str = "Reason",
    content_type: str = "application/json",
    **headers: str,
) -> Answer:
    """A whole response with its length; underscores in header names stand for hyphens."""
    fields = {"content-type": content_type, "content-length": str(len(body)), **headers}
    return [head(status, reason, **fields) + body]


def head(status: int, reason: str = "Reason", **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return (f"HTTP/1.1 {status} {reason}\r\n" + "".join(lines) + "\r\n").encode("latin-1")


def chunked(*parts: bytes) -> list[bytes]:
    """Body parts in chunked transfer coding, without the last chunk."""
    return [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]


LAST_CHUNK = b"0\r\n\r\n"
STREAM_HEAD = head(
    200, "OK", content_type="text/event-stream; charset=utf-8", transfer_encoding="chunked"
)


def event_stream(*events: bytes) -> Answer:
    """Server-sent events, one chunk each, and a clean end."""
    return [STREAM_HEAD, *chunked(*events), LAST_CHUNK]


def error_json(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": None, "code": code}
    return respond(status, json.dumps({"error": error}).encode(), **headers)


def chat_completion(request: dict[str, Any]) -> Answer:
    text = _answer_text(request)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    body = {**_ids(request, "chat.completion"), "choices": [choice], "usage": _usage(request, text)}
    return respond(
        200,
        json.dumps(body).encode(),
        reason="OK",
        x_request_id="req_0001",
        openai_processing_ms="12",
        x_ratelimit_remaining_requests="59",
        set_cookie="session=secret",
    )


def chat_events(request: dict[str, Any]) -> list[bytes]:
    """The events of a streamed answer, `[DONE]` included."""
    text = _answer_text(request)
    ids = _ids(request, "chat.completion.chunk")
    deltas: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": word}, None) for word in re.findall(r"\S+\s*", text)]
    deltas.append(({}, "stop"))
    wire: list[dict[str, Any]] = [
        {**ids, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in deltas
    ]
    if (request.get("stream_options") or {}).get("include_usage"):
        wire.append({**ids, "choices": [], "usage": _usage(request, text)})
    return [*(sse_event(json.dumps(chunk)) for chunk in wire), sse_event("[DONE]")]


def chat_stream(request: dict[str, Any]) -> Answer:
    return event_stream(*chat_events(request))


def sse_event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def _answer_text(request: dict[str, Any]) -> str:
    return f"You said: {request['messages'][-1]['content']}"


def _ids(request: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": request["model"]}


def _usage(request: dict[str, Any], text: str) -> dict[str, int]:
    sent = sum(len(str(message.get("content")).split()) for message in request["messages"])
    received = len(text.split())
    return {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "total_tokens": sent + received,
    }


# -- what goes wrong with providers ------------------------------------------------------------


def rate_limited(retry_after_s: int = 7) -> Answer:
    return error_json(
        429,
        "Rate limit reached for requests",
        "rate_limit_exceeded",
        retry_after=str(retry_after_s),
        retry_after_ms=str(retry_after_s * 1000),
        x_should_retry="true",
        x_ratelimit_remaining_requests="0",
    )


def server_error_html() -> Answer:
    page = b"<html><body><h1>500 Internal Server Error</h1><hr>nginx</body></html>"
    return respond(500, page, content_type="text/html")


def hang_before_head() -> Answer:
    return [hang]


def hang_mid_stream(*events: bytes) -> Answer:
    return [STREAM_HEAD, *chunked(*events), hang]


def cut_mid_stream(*events: bytes) -> Answer:
    """The connection ends between two events: no last chunk, no `[DONE]`."""
    return [STREAM_HEAD, *chunked(*events), cut]


def cut_mid_body(body: bytes, *, missing_bytes: int) -> Answer:
    """A content length that promises more than comes."""
    promised = str(len(body) + missing_bytes)
    return [head(200, "OK", content_type="application/json", content_length=promised), body, cut]


def garbage_json() -> Answer:
    return respond(200, b'{"id": "chatcmpl-1", "choices": [{"mess\x00\xff')


def garbage_protocol() -> Answer:
    return [b"SSH-2.0-OpenSSH_9.2\r\n", hang]


def huge_head(size_bytes: int) -> Answer:
    return [head(200, "OK", x_padding="x" * size_bytes, content_length="2") + b"{}"]


def every_byte(raw: bytes) -> Answer:
    """The same bytes, one at a time; a client on the same event loop reads them one at a time."""
    return [step for index in range(len(raw)) for step in (raw[index : index + 1], breathe)]


def raw(answer: Answer) -> bytes:
    """An answer without misbehaviour as it is on the wire."""
    return b"".join(step for step in answer if isinstance(step, bytes))
