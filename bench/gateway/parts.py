"""The figures: each part puts one kind of load on a running server and gives its row."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import cpu_rate, read
from rig import Cores, Load, Mock, body
from server import Server

MIB = 1 << 20
LARGE = 334_000
Row = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Rig:
    """What every part works with."""

    mock: Mock
    load: Load
    cores: Cores
    seconds: float
    connections: int
    memory_requests: int
    memory_limit_s: float


@dataclass
class Run:
    """One start of one system."""

    server: Server
    rig: Rig
    idle_rate: float = 0.0
    sent: int = 1  # that which proved that it answers

    def measured(self, request: bytes, **options: float) -> tuple[dict[str, Any], Row]:
        """What the load generator saw, and what the load cost: on its own and until settled."""
        tree = self.server.tree
        cpu_s, (main_s, others_s) = tree.cpu_s(), tree.threads_s()
        seen = self.send(request, **options)
        used = tree.cpu_s() - cpu_s
        main, others = tree.threads_s()
        requests = max(seen["requests"], 1)
        cost = {
            "cpu_s": used,
            "us": 1e6 * used / requests,
            "main_us": 1e6 * (main - main_s) / requests,
            "others_us": 1e6 * (others - others_s) / requests,
        }
        stored_s = self.server.stored(self.sent)
        cost["stored_us"] = 1e6 * stored_s / requests
        cost["after_us"] = 1e6 * self.server.settle(self.idle_rate) / requests
        return seen, cost

    def send(self, request: bytes, **options: float) -> dict[str, Any]:
        seen = self.rig.load.send(self.server.target, request, **options)
        self.sent += seen["requests"] + seen["cancelled"]
        if seen["first_error"]:
            print(f"{self.server.system.name}: {seen['first_error']}", file=sys.stderr)
        return seen

    def warm(self, request: bytes, **options: float) -> None:
        self.send(request, seconds=min(2.0, self.rig.seconds), **options)
        self.server.settle(self.idle_rate)

    @property
    def model(self) -> str:
        return self.server.target.model


def nonstream(run: Run) -> Row:
    """As many requests as it answers, on connections that are kept."""
    run.rig.mock.set(latency_ms=0)
    request, connections = body(run.model), run.rig.connections
    run.warm(request, connections=connections)
    before = run.rig.mock.stats()
    seen, cost = run.measured(request, connections=connections, seconds=run.rig.seconds)
    after = run.rig.mock.stats()
    return {
        **pick(seen, "requests", "rps", "p50_ms", "p99_ms", "errors", "unfinished"),
        **cost,
        "upstream_connections": after["most_open"] - 1,
        "upstream_opened": after["connections"] - before["connections"] - 1,
    }


def latency(run: Run) -> Row:
    """A hundred requests a second, each of which the upstream takes 50 ms for."""
    run.rig.mock.set(latency_ms=50)
    request = body(run.model)
    run.warm(request, rate=100)
    seen, cost = run.measured(request, rate=100, seconds=max(run.rig.seconds, 5))
    return pick(seen, "p50_ms", "p90_ms", "p99_ms", "errors", "unfinished") | {"us": cost["us"]}


def stream(run: Run) -> Row:
    """200 streams at a time, of 32 chunks 10 ms apart."""
    run.rig.mock.set(latency_ms=50, chunks=32, interval_ms=10)
    request = body(run.model, stream=True)
    run.warm(request, connections=200)
    seen, cost = run.measured(request, connections=200, seconds=max(run.rig.seconds, 4))
    names = ("requests", "events_per_s", "ttfb_p50_ms", "ttfb_p99_ms", "p50_ms", "errors")
    return {
        **pick(seen, *names, "unfinished"),
        "cpu_share": 100 * cost["cpu_s"] / seen["seconds"],
        "per_core": seen["events"] / cost["cpu_s"] if cost["cpu_s"] else 0.0,
        "stored_us": cost["stored_us"],
        "after_us": cost["after_us"],
    }


def large(run: Run) -> Row:
    """Bodies of 334 kB."""
    run.rig.mock.set(latency_ms=0)
    request = body(run.model, size=LARGE)
    run.warm(request, connections=8)
    seen, cost = run.measured(request, connections=8, seconds=run.rig.seconds)
    names = {"cpu_ms": "us", "stored_ms": "stored_us", "after_ms": "after_us"}
    times = {name: cost[figure] / 1000 for name, figure in names.items()}
    return pick(seen, "requests", "rps", "p50_ms", "p99_ms", "errors", "unfinished") | times


def memory(run: Run) -> Row:
    """Resident memory over many requests, half of them streams, a tenth of all given up."""
    run.rig.mock.set(latency_ms=2, chunks=4, interval_ms=1)
    requests, slices = run.rig.memory_requests, 20
    bodies = body(run.model), body(run.model, stream=True)
    end = time.perf_counter() + run.rig.memory_limit_s
    points: list[tuple[float, float]] = []
    done = errors = cancelled = 0
    for _ in range(slices):
        for request in bodies:
            left_s = end - time.perf_counter()
            if left_s <= 1:
                break
            count = max(requests // slices // 2, 1)
            seen = run.send(request, connections=64, requests=count, cancel=10, limit_s=left_s)
            done += seen["requests"] + seen["cancelled"]
            errors += seen["errors"]
            cancelled += seen["cancelled"]
        points.append((done, resident(run.server)))
    run.server.settle(run.idle_rate)
    return {
        "requests": done,
        "cancelled": cancelled,
        "errors": errors,
        "first_mib": points[0][1],
        "last_mib": points[-1][1],
        "settled_mib": resident(run.server),
        "slope": 1e6 * slope(points[slices // 4 :]),
    }


def start(run: Run) -> Row:
    """Before any load: how long the start took, and what it weighs when idle."""
    return {
        "listening_s": run.server.listening_s,
        "answering_s": run.server.answering_s,
        "idle_mib": resident(run.server),
        "idle_pss_mib": run.server.tree.memory().pss / MIB,
        "idle_cpu": 100 * run.idle_rate,
    }


def finish(run: Run) -> Row:
    """After all load: the largest resident memory, and the calls that are in the store."""
    row = {"peak_mib": peak(run.server), "sent": run.sent}
    stored = run.server.system.stored(run.server.ask)
    if stored is not None:
        row["stored"] = stored
    return row


PARTS: dict[str, Callable[[Run], Row]] = {
    "nonstream": nonstream,
    "latency": latency,
    "stream": stream,
    "large": large,
    "memory": memory,
}


def measure(server: Server, rig: Rig, parts: list[str]) -> dict[str, Row]:
    """The rows of one start of one system, by part."""
    run = Run(server, rig)
    if server.process is not None:
        time.sleep(1.0)
        run.idle_rate = cpu_rate(server.tree, 2.0)
    rows = {"ready": start(run)}
    for name, part in PARTS.items():
        if name in parts:
            rows[name] = part(run)
    rows["ready"] |= finish(run)
    return rows


def pick(seen: dict[str, Any], *names: str) -> Row:
    return {name: float(seen[name]) for name in names}


def resident(server: Server) -> float:
    """MiB, the processes of the server added up."""
    pages = sum(int(read(Path(f"/proc/{pid}/statm")).split()[1]) for pid in server.tree.pids())
    return pages * 4096 / MIB


def peak(server: Server) -> float:
    """The kernel's own high-water marks, in MiB, added up."""
    total = 0
    for pid in server.tree.pids():
        for line in read(Path(f"/proc/{pid}/status")).splitlines():
            if line.startswith(b"VmHWM:"):
                total += int(line.split()[1]) * 1024
    return total / MIB


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line of least squares; 0 where the points do not differ."""
    if len({at for at, _ in points}) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope
