"""Sending the load and asking the questions, with the time that each exchange took."""

from __future__ import annotations

import gzip
import itertools
import multiprocessing
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

from load import TRACE_SPANS, Load
from server import Call, Connection, Server, Unanswered

AHEAD = 24  # requests generated before they are needed


class Sent:
    """What happened to the requests of an ingest."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.wall_s = 0.0
        self.latencies_s: list[float] = []
        self.retries = 0
        self.refused: list[int] = []
        self.lock = threading.Lock()

    def note(self, status: int, *, spans: int, latency_s: float, retries: int) -> None:
        with self.lock:
            self.latencies_s.append(latency_s)
            self.retries += retries
            if status == 200:
                self.acknowledged += spans
            else:
                self.refused.append(status)


class Bar:
    """Progress on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.said = what, max(total, 1), 0.0
        self.started = time.perf_counter()

    def at(self, done: int) -> None:
        now, shown = time.perf_counter(), sys.stderr.isatty()
        if now - self.said < (0.2 if shown else 10.0) and done < self.total:
            return
        self.said = now
        filled = int(30 * min(done / self.total, 1.0))
        text = f"{self.what} [{'#' * filled}{'.' * (30 - filled)}] {done}/{self.total}"
        text += f" {now - self.started:.0f} s"
        end = "\n" if done >= self.total or not shown else ""
        print(("\r\033[K" if shown else "") + text, end=end, file=sys.stderr, flush=True)


def bodies(load: Load, *, first: int = 0, compressed: bool = False) -> Iterator[bytes]:
    """The requests of a load. Few are made before the first is sent; many, by a process beside."""
    made: Iterable[bytes]
    if load.requests - first <= 96:
        made = [body_of((load, index, compressed)) for index in range(first, load.requests)]
        yield from made
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as maker:
        wanted = ((load, index, compressed) for index in range(first, load.requests))
        waiting: list[Future[bytes]] = []
        for each in wanted:
            waiting.append(maker.submit(body_of, each))
            if len(waiting) > AHEAD:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


kept: dict[Load, Load] = {}


def body_of(wanted: tuple[Load, int, bool]) -> bytes:
    load, index, compressed = wanted
    body = kept.setdefault(load, load).request(index)
    return gzip.compress(body, 6) if compressed else body


@dataclass(kw_only=True)
class Sender:
    """Connections that export requests: as fast as they are answered, or at a rate.

    At a rate, a latency counts from when its request was due, so a slow answer is not forgiven the
    requests that it held up.
    """

    server: Server
    per_request: int
    connections: int = 4
    compressed: bool = False
    rate: float | None = None
    progress: Callable[[int], None] | None = None

    def send(self, requests: Iterator[bytes]) -> Sent:
        requests = itertools.chain([next(requests)], requests)  # the generator is warm
        turns, taking, sent = enumerate(requests), threading.Lock(), Sent()
        started = time.perf_counter()

        def loop() -> None:
            connection = Connection(self.server)
            while True:
                with taking:
                    turn, body = next(turns, (0, None))
                if body is None:
                    return
                due = time.perf_counter()
                if self.rate:
                    due = started + turn * self.per_request / self.rate
                    time.sleep(max(0.0, due - time.perf_counter()))
                self.export(connection, body, sent, due)
                if self.progress:
                    self.progress(sent.acknowledged)

        work = [threading.Thread(target=loop, daemon=True) for _ in range(self.connections)]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
        sent.wall_s = time.perf_counter() - started
        return sent

    def export(self, connection: Connection, body: bytes, sent: Sent, due: float) -> None:
        """One request, sent again after 503 as an exporter would."""
        for retries in range(60):
            status = connection.export(body, compressed=self.compressed)
            if status != 503:
                break
            time.sleep(min(0.05 * 2**retries, 1.0))
        latency_s = time.perf_counter() - due
        sent.note(status, spans=self.per_request, latency_s=latency_s, retries=retries)


def wait_queryable(server: Server, expected: int, *, limit_s: float = 900.0) -> tuple[int, float]:
    """Spans that can be queried and the wait for them; gives up when a minute brings no more."""
    started = grown = time.perf_counter()
    bar, found = Bar(f"{server.system.name}: queryable", expected), -1
    while time.perf_counter() - started < limit_s and time.perf_counter() - grown < 60:
        now = server.system.count(server)
        if now > found:
            found, grown = now, time.perf_counter()
        bar.at(found)
        if found >= expected:
            break
        time.sleep(0.25)
    return found, time.perf_counter() - started


def questions(server: Server, load: Load, rng: random.Random) -> dict[str, list[Call]]:
    """One of each query; the trace asked for is another each time."""
    system, trace_id = server.system, load.trace_id(rng.randrange(load.spans // TRACE_SPANS)).hex()
    return {
        "list": system.latest(),
        "trace": system.trace(trace_id),
        "aggregate": system.aggregate(server.window()),
        "by model": system.by_model(server.window()),
    }


def ask(connection: Connection, calls: Sequence[Call]) -> tuple[float, list[bytes]]:
    started = time.perf_counter()
    answers = [connection.ask(call) for call in calls]
    return time.perf_counter() - started, answers


# An aggregate is figures alone; that the spans count in them is seen by model.
PROOF = {"trace": b"input-guard", "aggregate": b"", "by model": b"gpt-4.1-mini"}


def check(server: Server, load: Load) -> None:
    """Each query answers with what it should hold of the load; an error in a 200 is no answer."""
    latest = load.trace_id(load.spans // TRACE_SPANS - 1).hex().encode()
    for name, calls in questions(server, load, random.Random(0)).items():
        found = b"".join(ask(Connection(server), calls)[1])
        proof = PROOF.get(name, latest)
        if proof not in found:
            raise Unanswered(f"{server.system.name}, {name}: no {proof!r} in {found[:400]!r}")
