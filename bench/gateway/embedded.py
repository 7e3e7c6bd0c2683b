"""The gateway with the embedded model: what a request costs, its durable record included.

    python bench/gateway/embedded.py [--requests N] [--connections C]

A server process answers `trimtab/extract` directly and through a route with retrieval; a bounded
closed loop of raw keep-alive connections on loopback asks it. CPU is the server's own, from the
operating system, so it holds on a noisy machine. The floor is GET /healthz on the same server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from footprint import cpu_s, free_port, wait_for

from trimtab.client import Client

QUESTION = "Which port does the server listen on by default?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        port = free_port()
        data = Path(scratch) / "data"
        command = [sys.executable, "-m", "trimtab", "serve", "--data", data, "--port", str(port)]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=scratch)
        try:
            wait_for(f"http://127.0.0.1:{port}/healthz")
            publish(Client(f"http://127.0.0.1:{port}"))
            rows = [measure(server.pid, port, case, options) for case in CASES]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    print("| request | per second | CPU ms each | p50 ms | p99 ms |")
    print("|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def publish(client: Client) -> None:
    """A live route over Trimtab's own documentation."""
    message = {"role": "system", "content": "{{ passages }}"}
    client.post("/api/v1/prompts", {"name": "bench", "messages": [message]})
    bundle = {
        "route": "bench",
        "prompt": "bench",
        "targets": [{"model": "trimtab/extract"}],
        "retrieval": {"corpus": "trimtab"},
    }
    release = client.post("/api/v1/releases", bundle)
    client.post(f"/api/v1/releases/{release['release_id']}/promote")


def chat(model: str, *, stream: bool = False) -> bytes:
    messages = [{"role": "user", "content": QUESTION}]
    body = json.dumps({"model": model, "messages": messages, "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\ncontent-type: application/json\r\n\r\n" + body


CASES = {
    "GET /healthz (floor)": b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "model, direct": chat("trimtab/extract"),
    "route with retrieval": chat("bench"),
    "route with retrieval, streamed": chat("bench", stream=True),
}


def measure(pid: int, port: int, case: str, options: argparse.Namespace) -> tuple[str, ...]:
    request = CASES[case]
    asyncio.run(load(port, request, 200, options.connections))
    cpu, started = cpu_s(pid), time.perf_counter()
    latencies = asyncio.run(load(port, request, options.requests, options.connections))
    took = time.perf_counter() - started
    used = cpu_s(pid) - cpu
    quantiles = statistics.quantiles(latencies, n=100)
    return (
        case,
        f"{len(latencies) / took:.0f}",
        f"{1000 * used / len(latencies):.2f}",
        f"{1000 * quantiles[49]:.1f}",
        f"{1000 * quantiles[98]:.1f}",
    )


async def load(port: int, request: bytes, requests: int, connections: int) -> list[float]:
    """Send a bounded number of requests, a fixed number at a time; seconds each took."""
    left = requests
    latencies: list[float] = []

    async def worker() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while left > 0:
            left -= 1
            started = time.perf_counter()
            writer.write(request)
            await read_response(reader)
            latencies.append(time.perf_counter() - started)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(worker() for _ in range(connections)))
    return latencies


async def read_response(reader: asyncio.StreamReader) -> None:
    """One response, of which only the framing and the status are looked at."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise SystemExit(f"unexpected answer: {head[:200]!r}")
    if b"content-length: " in head:
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()


if __name__ == "__main__":
    main()
