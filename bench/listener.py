"""What a listener costs: CPU microseconds of its process per request, over loopback.

    python bench/listener.py [--seconds 3]

The same ASGI application is served by Trimtab's own listener and by uvicorn (httptools, uvloop),
each in a process of its own, on connections that are kept open. A request is a small POST with the
headers of a usual client; it is echoed whole, or answered with 32 server-sent events. `base`
answers fixed bytes without reading HTTP: what event loop and kernel cost in any case. CPU time is
that of the serving process, so the client's costs are not in it. The machine may be busy: of some
short rounds, in turns, the one that cost least counts, and the ratios are of one run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn
import uvloop

from trimtab.kit.http1.server import HTTP1Server

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY = b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * 150 + b'"}]}'
EVENT = b"data: " + b"y" * 200 + b"\n\n"
EVENTS = 32
KINDS = ("uvicorn", "trimtab", "base")
ROUNDS = 5
FIELDS = (
    b"Host: 127.0.0.1:8321\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate\r\n"
    b"Connection: keep-alive\r\nUser-Agent: bench/1.0\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer sk-bench\r\n"
)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]


async def app(scope: Message, receive: Receive, send: Send) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"] == "/cpu":
        body = str(time.process_time()).encode()
    headers = [(b"content-type", b"application/json"), *SECURITY]
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in range(EVENTS):
            await send({"type": "http.response.body", "body": EVENT, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b""})
        return
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Base(asyncio.Protocol):
    """Answers without reading; only the question for CPU time is understood."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET"):
            text = str(time.process_time()).encode()
            head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text)
            self.transport.write(head + text)
        else:
            self.transport.write(ANSWER)


async def serve(kind: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if kind == "uvicorn":
        settings = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            server_header=False,
            log_config=None,
            proxy_headers=False,
        )
        await uvicorn.Server(settings).serve([listener])
    elif kind == "trimtab":
        await HTTP1Server(app).start([listener])
        await asyncio.Event().wait()
    else:
        server = await asyncio.get_running_loop().create_server(Base, sock=listener)
        await server.serve_forever()


async def measure(port: int, path: str, connections: int, seconds: float) -> tuple[float, float]:
    """CPU microseconds of the server per request, and requests per second."""
    question = b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (
        path.encode(),
        FIELDS,
        len(BODY),
        BODY,
    )
    ending = b"0\r\n\r\n" if path == "/stream" else BODY
    done = 0
    stop_at = time.perf_counter() + 0.1

    async def work() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < stop_at:
            writer.write(question)
            await reader.readuntil(ending)
            done += 1
        writer.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    done, before, began = 0, await cpu_s(port), time.perf_counter()
    stop_at = began + seconds
    await asyncio.gather(*(work() for _ in range(connections)))
    return (await cpu_s(port) - before) / done * 1e6, done / (time.perf_counter() - began)


async def cpu_s(port: int) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /cpu HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    text = await reader.read(100)
    writer.close()
    return float(text)


def main(seconds: float) -> None:
    print(
        f"{'listener':10} {'answer':8} {'conns':>5} {'CPU us':>8} {'req/s':>8}   of uvicorn's CPU"
    )
    with contextlib.ExitStack() as stack:
        ports = {kind: stack.enter_context(served(kind)) for kind in KINDS}
        for path, connections in (("/echo", 1), ("/echo", 64), ("/stream", 64)):
            best: dict[str, tuple[float, float]] = {}
            for _ in range(ROUNDS):
                for kind, port in ports.items():
                    if (kind, path) != ("base", "/stream"):
                        found = uvloop.run(measure(port, path, connections, seconds / ROUNDS))
                        best[kind] = min(found, best.get(kind, found))
            for kind, (cpu_us, per_s) in best.items():
                ratio = cpu_us / best["uvicorn"][0]
                row = f"{cpu_us:8.1f} {per_s:8.0f}   {ratio:.2f}"
                print(f"{kind:10} {path[1:]:8} {connections:5} {row}", flush=True)


@contextlib.contextmanager
def served(kind: str) -> Iterator[int]:
    """The port of a listener in a process of its own."""
    command = [sys.executable, __file__, "--serve", kind]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield int(server.stdout.readline())
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        uvloop.run(serve(options.serve))
    else:
        main(options.seconds)
