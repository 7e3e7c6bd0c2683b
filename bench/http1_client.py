"""What the HTTP/1.1 client costs: CPU microseconds per request, over loopback.

    python bench/http1_client.py [--seconds 3]

The server runs in a process of its own and answers with fixed bytes, so the figures are those of
the client alone. A request carries 2.3 kB; an answer is 2.3 kB of JSON, or 32 server-sent events
written one by one. Wall time depends on how busy the machine is; CPU time hardly does. httpx (or
httpx2) and aiohttp are measured beside it where they are installed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import uvloop

from trimtab.kit.http1 import HTTP1Client

BODY = b"x" * 2_300
EVENT = b"data: " + b"y" * 200 + b"\n\n"
EVENTS = 32
JSON_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2300\r\n\r\n"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
Fetch = Callable[[str], Awaitable[int]]


class Server(asyncio.Protocol):
    """Counts request bytes instead of parsing them: every request here has the same size."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if found and len(body) >= len(BODY):
            self.buffer = b""
            if head.startswith(b"POST /stream"):
                self.transport.write(STREAM_HEAD)
                asyncio.get_running_loop().call_soon(self.event, EVENTS)
            else:
                self.transport.write(JSON_ANSWER + BODY)

    def event(self, left: int) -> None:
        if not left:
            self.transport.write(b"0\r\n\r\n")
            return
        self.transport.write(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        asyncio.get_running_loop().call_soon(self.event, left - 1)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def measure(fetch: Fetch, url: str, connections: int, seconds: float) -> dict[str, float]:
    """Run `fetch` in `connections` loops at once; figures per request."""
    done = 0
    stop_at = 0.0

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < stop_at:
            await fetch(url)
            done += 1

    stop_at = time.perf_counter() + 0.3
    await asyncio.gather(*(work() for _ in range(connections)))
    done = 0
    cpu, wall = time.process_time(), time.perf_counter()
    stop_at = wall + seconds
    await asyncio.gather(*(work() for _ in range(connections)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu_us": cpu / done * 1e6, "per_s": done / wall, "busy": cpu / wall}


async def with_trimtab(run: Callable[[Fetch], Awaitable[None]]) -> None:
    client = HTTP1Client()
    headers = {"content-type": "application/json", "authorization": "Bearer sk-bench"}

    async def fetch(url: str) -> int:
        response = await client.request("POST", url, headers=headers, body=BODY)
        return sum([len(chunk) async for chunk in response])

    await run(fetch)
    await client.aclose()


async def with_httpx(run: Callable[[Fetch], Awaitable[None]]) -> None:
    httpx = importlib.import_module("httpx2" if importlib.util.find_spec("httpx2") else "httpx")
    headers = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1000)) as client:

        async def fetch(url: str) -> int:
            async with client.stream("POST", url, headers=headers, content=BODY) as response:
                return sum([len(chunk) async for chunk in response.aiter_raw()])

        await run(fetch)


async def with_aiohttp(run: Callable[[Fetch], Awaitable[None]]) -> None:
    aiohttp = importlib.import_module("aiohttp")
    headers = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def fetch(url: str) -> int:
            async with session.post(url, headers=headers, data=BODY) as response:
                return sum([len(chunk) async for chunk in response.content.iter_any()])

        await run(fetch)


def report(name: str, loop: str, client: Callable[..., Awaitable[None]], seconds: float) -> None:
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    for path in ("json", "stream"):
        for connections in (1, 64):

            async def run(fetch: Fetch, path: str = path, connections: int = connections) -> None:
                figures = await measure(fetch, f"{base}/{path}", connections, seconds)
                row = f"{figures['cpu_us']:9.1f} {figures['per_s']:9.0f} {figures['busy']:6.0%}"
                print(f"{name:10} {loop:8} {path:7} {connections:5} {row}", flush=True)

            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(client(run))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        uvloop.run(serve())
        sys.exit()
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True
    )
    try:
        base = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        print(
            f"{'client':10} {'loop':8} {'answer':7} {'conns':>5} {'CPU us':>9} {'req/s':>9}   busy"
        )
        for loop in ("asyncio", "uvloop"):
            report("trimtab", loop, with_trimtab, options.seconds)
        if importlib.util.find_spec("aiohttp"):
            report("aiohttp", "uvloop", with_aiohttp, options.seconds)
        if importlib.util.find_spec("httpx2") or importlib.util.find_spec("httpx"):
            report("httpx", "uvloop", with_httpx, options.seconds)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory of the client process: {peak_mb:.0f} MB")
    finally:
        server.terminate()
        server.wait()
