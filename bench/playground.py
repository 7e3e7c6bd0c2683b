"""What it costs to have columns in one stream: against as many direct calls, over loopback.

    python bench/playground.py [--rounds 9]

The provider is a process of its own that streams 200 events an answer as fast as it can. The
server is `trimtab serve`, also a process, and the same answers are read from it both ways, by
turns: as 1, 4 and 16 direct streams of `/v1/chat/completions`, and as one stream of the playground
with as many columns. CPU is that of the server and hardly depends on how busy the machine is; wall
time does. The first token is that of the column or call that has to wait longest for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from trimtab.kit import datadir
from trimtab.kit.http1 import HTTP1Client

EVENTS = 200
COLUMNS = (1, 4, 16)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_TICKS = os.sysconf("SC_CLK_TCK")


class Figures(NamedTuple):
    wall_ms: float
    first_ms: float
    cpu_ms: float
    received_bytes: int


def provide() -> None:
    """Stream the same answer to every request; prints the port."""

    def event(delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        data = f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode()
        return b"%x\r\n%b\r\n" % (len(data), data)

    used = {"prompt_tokens": 10, "completion_tokens": EVENTS, "total_tokens": 10 + EVENTS}
    last = f"data: {json.dumps({'id': 'c', 'choices': [], 'usage': used})}\n\ndata: [DONE]\n\n"
    tail = event({}, "stop") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last.encode())

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            size = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
            await reader.readexactly(int(size))
            writer.write(_HEAD)
            for _ in range(EVENTS):
                writer.write(event({"content": "a word "}))
                await asyncio.sleep(0)
            writer.write(tail)
            await writer.drain()

    async def main() -> None:
        async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await answer(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


async def read(client: HTTP1Client, url: str, body: bytes, mark: bytes) -> tuple[float, int]:
    """When a mark was first seen, and how many bytes came."""
    headers = {"content-type": "application/json"}
    response = await client.request("POST", url, headers=headers, body=body)
    first, size = 0.0, 0
    async for chunk in response.chunks():
        size += len(chunk)
        if not first and mark in chunk:
            first = time.perf_counter()
    return first, size


async def direct(client: HTTP1Client, url: str, n: int) -> tuple[float, int]:
    asked = {"model": "far/m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    body = json.dumps({**asked, "stream_options": {"include_usage": True}}).encode()
    path = url + "/v1/chat/completions"
    found = await asyncio.gather(*(read(client, path, body, b"a word") for _ in range(n)))
    return max(first for first, _ in found), sum(size for _, size in found)


async def together(client: HTTP1Client, url: str, n: int) -> tuple[float, int]:
    column = {"model": "far/m", "messages": [{"role": "user", "content": "Hi"}]}
    body = json.dumps({"columns": [column] * n}).encode()
    mark = f'"column":"{n}","text"'.encode()
    return await read(client, url + "/api/v1/playground/streams", body, mark)


Way = Callable[[HTTP1Client, str, int], Awaitable[tuple[float, int]]]


def cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / _TICKS


async def measured(url: str, pid: int, way: Way, n: int, repeats: int) -> Figures:
    """Means of some repeats: the clock of CPU time ticks in hundredths."""
    client = HTTP1Client()
    await way(client, url, n)
    walls, firsts, size, before = [], [], 0, cpu_ms(pid)
    for _ in range(repeats):
        began = time.perf_counter()
        first, size = await way(client, url, n)
        walls.append((time.perf_counter() - began) * 1000)
        firsts.append((first - began) * 1000)
    cpu = (cpu_ms(pid) - before) / repeats
    await client.aclose()
    return Figures(statistics.median(walls), statistics.median(firsts), cpu, size)


async def rows(url: str, pid: int, rounds: int) -> list[str]:
    found = []
    for n in COLUMNS:
        repeats = max(4, 64 // n)
        both: dict[str, list[Figures]] = {"direct": [], "together": []}
        for _ in range(rounds):
            both["direct"].append(await measured(url, pid, direct, n, repeats))
            both["together"].append(await measured(url, pid, together, n, repeats))
        for name, figures in both.items():
            wall, first, cpu, size = (
                statistics.median(column) for column in zip(*figures, strict=True)
            )
            cells = [
                str(n),
                name,
                f"{cpu / n:.2f}",
                f"{cpu * 1000 / n / EVENTS:.1f}",
                f"{wall:.1f}",
                f"{first:.1f}",
                f"{size / n / 1000:.1f}",
            ]
            found.append(f"| {' | '.join(cells)} |")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--provide", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.provide:
        provide()
        return
    command = [sys.executable, __file__, "--provide"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as far,
    ):
        assert far.stdout is not None
        config = Path(folder) / "trimtab.yaml"
        config.write_text(
            "providers:\n  - name: far\n    kind: openai_compatible\n"
            f"    base_url: http://127.0.0.1:{int(far.stdout.readline())}/v1\n"
            "    models:\n      - {id: m, price: {input: 1, output: 2}}\n"
        )
        data = Path(folder) / "data"
        command = [sys.executable, "-m", "trimtab", "serve", "--port", "0"]
        command += ["--config", str(config), "--data", str(data)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            while (running := datadir.running_server(data)) is None:
                time.sleep(0.05)
            time.sleep(1)
            lines = asyncio.run(rows(running.url, server.pid, given.rounds))
            server.terminate()
        far.kill()
    print(
        "| columns | way | CPU ms a column | CPU µs an event | wall ms | first ms | kB a column |"
    )
    print("|---|---|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
