"""The figures: each takes a running server, or starts one, and gives rows of the table."""

from __future__ import annotations

import json
import random
import shutil
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import exchange
from exchange import Bar, Sender, Sent, bodies
from footprint import free_port
from load import Load
from processes import Peak, cpu_rate, disk, settle
from server import Connection, Server, System, Unanswered

MIB = 1 << 20
QUERIES = ("list", "trace", "aggregate", "by model")


class Figure(NamedTuple):
    value: float | str
    unit: str


Rows = dict[str, Figure]
Note = Callable[[int], None] | None


@dataclass(frozen=True, kw_only=True)
class Options:
    repeats: int
    connections: int
    compressed: bool
    quiet_s: float
    rate: float
    together_s: float


@dataclass
class Bench:
    """One system on one data directory: its server now, and what it costs when idle."""

    system: System
    data: Path
    options: Options
    idle_rate: float = 0.0
    empty_disk: int = 0
    warmed: int = 0

    def start(self) -> Server:
        return Server(self.system, self.data, free_port())

    def idle(self, server: Server) -> Rows:
        self.settle(server, idle_rate=0.05)
        self.idle_rate = cpu_rate(server.tree, 5.0)
        memory, processes = server.tree.memory(), len(server.tree.pids())
        self.warm(server)
        return {
            "start to ready": Figure(server.start_s, "s"),
            "idle: processes": Figure(processes, ""),
            "idle: PSS": Figure(memory.pss / MIB, "MiB"),
            "idle: RSS": Figure(memory.rss / MIB, "MiB"),
            "idle: CPU": Figure(100 * self.idle_rate, "% of a core"),
        }

    def warm(self, server: Server) -> None:
        """A little load first: what a server does once, at its first spans, is not in the rest."""
        load = Load(spans=1024, per_request=64, seed=99)
        self.warmed = load.spans
        if self.system.count(server):  # a store that an earlier run left
            return
        sender = Sender(server=server, per_request=64, connections=8)
        sent = sender.send(bodies(load))
        exchange.wait_queryable(server, sent.acknowledged)
        self.settle(server)
        self.empty_disk = disk(self.data)

    def settle(self, server: Server, *, idle_rate: float | None = None) -> None:
        rate = self.idle_rate if idle_rate is None else idle_rate
        settle(server.tree, idle_rate=rate, quiet_s=self.options.quiet_s)

    def busy_s(self, server: Server, before: float, started: float) -> float:
        """CPU seconds since `before` beyond what the server uses when idle."""
        wall_s = time.perf_counter() - started
        return max(server.tree.cpu_s() - before - self.idle_rate * wall_s, 0.0)

    def ingest(
        self,
        server: Server,
        load: Load,
        *,
        first: int = 0,
        note: Note = None,
        total: int | None = None,
    ) -> Rows:
        """Feed the load from request `first` on, until it can be queried and the server is quiet.

        `note` hears how many requests are certainly through, to go on from after an interruption;
        then some are sent twice, and the store should hold no more than `total` spans.
        """
        held, fed = self.system.count(server), load.spans - first * load.per_request
        expected = min(held + fed, total or held + fed)
        bar = Bar(f"{self.system.name}: acknowledged", fed)

        def progress(done: int) -> None:
            bar.at(done)
            if note:
                note(first + done // load.per_request - self.options.connections)

        sender = Sender(
            server=server,
            per_request=load.per_request,
            connections=self.options.connections,
            compressed=self.options.compressed,
            progress=progress,
        )
        requests = bodies(load, first=first, compressed=self.options.compressed)
        before, started = server.tree.cpu_s(), time.perf_counter()
        with Peak(server.tree) as peak:
            sent = sender.send(requests)
            found, _ = exchange.wait_queryable(server, expected)
            queryable_s = time.perf_counter() - started
            self.settle(server)
        busy_s = self.busy_s(server, before, started)
        grown = disk(self.data) - self.empty_disk
        return {
            **ingested(sent, spans=found - held, busy_s=busy_s),
            "ingest: wall until queryable": Figure(queryable_s, "s"),
            "ingest: peak PSS": Figure(peak.largest.pss / MIB, "MiB"),
            "ingest: peak RSS": Figure(peak.largest.rss / MIB, "MiB"),
            "disk per span": Figure(grown / max(found - self.warmed, 1), "B"),
        }

    def queries(self, server: Server, load: Load) -> Rows:
        """Server CPU and wall time of each query, alone on the server."""
        exchange.check(server, load)
        rng, connection, rows = random.Random(4), Connection(server), {}
        bar = Bar(f"{self.system.name}: queries", len(QUERIES) * self.options.repeats)
        for place, name in enumerate(QUERIES):
            exchange.ask(connection, exchange.questions(server, load, rng)[name])
            before, started, walls = server.tree.cpu_s(), time.perf_counter(), []
            for turn in range(self.options.repeats):
                calls = exchange.questions(server, load, rng)[name]
                walls.append(exchange.ask(connection, calls)[0])
                bar.at(place * self.options.repeats + turn + 1)
            busy_s = self.busy_s(server, before, started)
            rows[f"{name}: server CPU"] = Figure(busy_s / self.options.repeats * 1e3, "ms")
            rows[f"{name}: wall p50"] = Figure(quantile(walls, 0.5) * 1e3, "ms")
        return rows

    def together(self, server: Server, load: Load) -> Rows:
        """Ingest at a fixed rate while one client asks one query after another."""
        rate, seconds = self.options.rate, self.options.together_s
        fed = replace(load, spans=int(rate * seconds), per_request=64, seed=load.seed + 100)
        expected = self.system.count(server) + fed.spans
        ended, walls = threading.Event(), {name: list[float]() for name in QUERIES}

        def asking() -> None:
            rng, connection = random.Random(5), Connection(server)
            while not ended.is_set():
                for name, calls in exchange.questions(server, load, rng).items():
                    walls[name].append(exchange.ask(connection, calls)[0])

        thread = threading.Thread(target=asking, daemon=True)
        thread.start()
        sent = Sender(server=server, per_request=64, rate=rate).send(bodies(fed))
        ended.set()
        thread.join()
        behind = expected - self.system.count(server)
        exchange.wait_queryable(server, expected)
        said = f"together at {rate:.0f} spans/s"
        rows = {
            f"{said}: acknowledged": Figure(sent.acknowledged / sent.wall_s, "spans/s"),
            f"{said}: not yet queryable at the end": Figure(max(behind, 0), "spans"),
            f"{said}: ingest p50": Figure(quantile(sent.latencies_s, 0.5) * 1e3, "ms"),
            f"{said}: ingest p99": Figure(quantile(sent.latencies_s, 0.99) * 1e3, "ms"),
        }
        for name, found in walls.items():
            rows[f"{said}: {name} p50"] = Figure(quantile(found, 0.5) * 1e3, "ms")
            rows[f"{said}: {name} p99"] = Figure(quantile(found, 0.99) * 1e3, "ms")
        asked = sum(map(len, walls.values()))
        return {**rows, f"{said}: queries answered": Figure(asked, "")}

    def one_trace(self, server: Server, load: Load, spans: int) -> Rows:
        """A trace of very many spans: fed, then opened."""
        expected = self.system.count(server) + spans
        sender = Sender(server=server, per_request=load.per_request, connections=1)
        before, started = server.tree.cpu_s(), time.perf_counter()
        sent = sender.send(load.one_trace(spans))
        found, _ = exchange.wait_queryable(server, expected)
        wall_s = time.perf_counter() - started
        self.settle(server)
        fed_s = self.busy_s(server, before, started)
        said = f"trace of {spans} spans"
        rows = {
            f"{said}: kept": Figure(found - expected + spans, ""),
            f"{said}: requests refused": Figure(len(sent.refused), ""),
            f"{said}: server CPU per span": Figure(fed_s / spans * 1e6, "µs"),
            f"{said}: wall until queryable": Figure(wall_s, "s"),
        }
        calls = self.system.tree(load.trace_id(-1).hex())
        before, started = server.tree.cpu_s(), time.perf_counter()
        try:
            open_s, answers = exchange.ask(Connection(server, 120.0), calls)
            opened = answers[0].count(b"search_docs")
        except (OSError, Unanswered) as error:
            return {**rows, f"{said}: opens": Figure(str(error)[:60] or "timed out", "")}
        busy_s = self.busy_s(server, before, started)
        return {
            **rows,
            f"{said}: open, wall": Figure(open_s, "s"),
            f"{said}: open, server CPU": Figure(busy_s, "s"),
            f"{said}: open, spans in the answer": Figure(opened, ""),
            f"{said}: open, bytes": Figure(sum(map(len, answers)) / MIB, "MiB"),
        }

    def killed(self, load: Load) -> Rows:
        """SIGKILL at once after the last acknowledgement of a burst; what a restart finds."""
        server = self.start()
        sender = Sender(server=server, per_request=load.per_request, connections=4)
        sent = sender.send(bodies(load))
        server.kill()
        server = self.start()
        try:
            found, _ = exchange.wait_queryable(server, sent.acknowledged, limit_s=90)
        finally:
            server.stop()
            shutil.rmtree(self.data)
        lost, doubled = sent.acknowledged - found, found - sent.acknowledged
        return {
            "kill -9: acknowledged": Figure(sent.acknowledged, ""),
            "kill -9: lost": Figure(100 * max(lost, 0) / max(sent.acknowledged, 1), "%"),
            "kill -9: doubled": Figure(max(doubled, 0), ""),
        }


def ingested(sent: Sent, *, spans: int, busy_s: float) -> Rows:
    latencies = sent.latencies_s
    return {
        "ingest: spans acknowledged": Figure(sent.acknowledged, ""),
        "ingest: spans queryable": Figure(spans, ""),
        "ingest: server CPU per span": Figure(busy_s / max(spans, 1) * 1e6, "µs"),
        "ingest: spans per server CPU second": Figure(spans / max(busy_s, 0.01), ""),
        "ingest: wall until acknowledged": Figure(sent.wall_s, "s"),
        "ingest: request p50": Figure(quantile(latencies, 0.5) * 1e3, "ms"),
        "ingest: request p99": Figure(quantile(latencies, 0.99) * 1e3, "ms"),
        "ingest: 503s answered": Figure(sent.retries, ""),
        "ingest: requests refused": Figure(len(sent.refused), ""),
    }


class Sizes:
    """How far a growing store has been fed, in a file beside it."""

    def __init__(self, path: Path) -> None:
        self.path, self.said = path, 0.0
        self.stages: dict[str, dict[str, int]] = (
            json.loads(path.read_text()) if path.exists() else {}
        )

    def stage(self, load: Load) -> tuple[Load, int]:
        """The load as it was begun, and the first request still to send."""
        self.key = str(load.seed)
        found = self.stages.setdefault(self.key, {"end_ns": load.end_ns, "done": 0})
        return replace(load, end_ns=found["end_ns"]), max(found["done"], 0)

    def note(self, done: int, *, at_once: bool = False) -> None:
        self.stages[self.key]["done"] = max(done, self.stages[self.key]["done"])
        if at_once or time.perf_counter() - self.said > 2.0:
            self.said = time.perf_counter()
            self.path.write_text(json.dumps(self.stages))


def quantile(values: list[float], share: float) -> float:
    """Nearest rank; the median is the statistics module's."""
    if share == 0.5:
        return statistics.median(values)
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
