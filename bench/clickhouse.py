"""Telemetry on ClickHouse: writing, replacing, searching, adding up.

    python tests/clickhouse.py --port 8123 --data /tmp/somewhere --password secret &
    python bench/clickhouse.py clickhouse://default:secret@127.0.0.1:8123 --spans 500000

Makes a database of its own and drops it. Times are medians of five, in milliseconds, as the caller
sees them over the loopback; the first run of each is not counted.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from trimtab.ports import SpanQuery
from trimtab.records import Condition, Span, Usage
from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry
from trimtab.stores.telemetry.clickhouse.connection import Connection, Place
from trimtab.testing.telemetry import sample_span

WEEK_NS = 7 * 86_400 * 10**9
WORDS = [f"word{n}" for n in range(5_000)]
CHANCE = random.Random(1)


def spans(count: int, now_ns: int) -> Iterator[list[Span]]:
    """Calls of the last week, with some text, in batches."""
    for start in range(0, count, 4_000):
        yield [
            call(
                now_ns - CHANCE.randrange(WEEK_NS),
                input=" ".join(CHANCE.choices(WORDS, k=60)),
                output=f"answer {start + n} is " + " ".join(CHANCE.choices(WORDS, k=60)),
                usage=Usage(input=300, output=60),
            )
            for n in range(min(4_000, count - start))
        ]


def call(start_ns: int, **said: Any) -> Span:
    end_ns = start_ns + CHANCE.randrange(10**8, 10**10)
    return sample_span(kind="llm", start_ns=start_ns, end_ns=end_ns, **said)


def median_ms(work: Callable[[], Any]) -> float:
    work()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def told(name: str, value: str) -> None:
    print(f"| {name} | {value} |")


@contextmanager
def database(server: str) -> Iterator[str]:
    name = f"bench{uuid4().hex}"
    with closing(Connection(Place.of(server))) as admin:
        admin.run(f"CREATE DATABASE {name}")
        try:
            yield f"{server}/{name}"
        finally:
            admin.run(f"DROP DATABASE {name} SYNC")


def write(store: ClickHouseTelemetry, count: int, now_ns: int) -> None:
    spent = 0.0
    for batch in spans(count, now_ns):
        started = time.perf_counter()
        store.append(batch).result()
        spent += time.perf_counter() - started
    told("spans written a second, 4,000 at a time", f"{count / spent:,.0f}")


def read(store: ClickHouseTelemetry, connection: Connection, now_ns: int) -> None:
    size = "SELECT formatReadableSize(sum(bytes_on_disk)), count() FROM system.parts WHERE active"
    [(disk, parts)] = connection.ask(f"{size} AND database = currentDatabase()").rows
    told("on disk", f"{disk} in {parts} parts")
    since = now_ns - WEEK_NS

    numbers = iter(range(1_000, 2_000))

    def searched(text: str) -> Callable[[], Any]:
        # Another text each time: ClickHouse remembers where a condition found nothing.
        def search() -> list[Span]:
            said = Condition(field="text", op="contains", values=(text % next(numbers),))
            return store.spans(SpanQuery(where=said, limit=50))

        return search

    questions: dict[str, Callable[[], Any]] = {
        "figures of a week": lambda: store.overview("default", since_ns=since, until_ns=now_ns),
        "the newest 50 traces": lambda: store.traces(SpanQuery(limit=50)),
        "groups by model": lambda: store.groups(SpanQuery(), "model"),
        "text: whole words, found once": searched("answer %d is"),
        "text: whole words, found nowhere": searched(" nowhere %d "),
        "text: part of a word, found nowhere": searched("nowher%d"),
    }
    for name, ask in questions.items():
        told(name, f"{median_ms(ask):.0f} ms")
    sums = "SELECT sum(spans), sum(cost_usd) FROM rollups"
    for use in (1, 0):
        setting = {"optimize_use_projections": use}
        name = f"sums of all hours, {'from' if use else 'without'} the projection"
        told(name, f"{median_ms(lambda s=setting: connection.ask(sums, None, s)):.0f} ms")


def change(store: ClickHouseTelemetry, now_ns: int) -> None:
    def begun_and_ended() -> None:
        begun = [sample_span(open=True, revision=-1, start_ns=now_ns) for _ in range(50)]
        store.append(begun).result()
        store.append([replace(span, open=False, revision=0) for span in begun]).result()

    revisions = iter(range(1, 100))
    old = store.spans(SpanQuery(limit=1))[0]
    told("one span written", f"{median_ms(lambda: store.append([sample_span()]).result()):.0f} ms")
    told("50 spans begun, then ended", f"{median_ms(begun_and_ended):.0f} ms")
    again = median_ms(lambda: store.append([replace(old, revision=next(revisions))]).result())
    told("a span that had ended, replaced", f"{again:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("server", help="clickhouse://user:password@host:port")
    parser.add_argument("--spans", type=int, default=500_000)
    arguments = parser.parse_args()
    now_ns = time.time_ns()
    with (
        database(arguments.server) as url,
        closing(ClickHouseTelemetry.open(url)) as store,
        closing(Connection(Place.of(url))) as connection,
    ):
        [(version,)] = connection.ask("SELECT version()").rows
        told(f"ClickHouse {version}, {arguments.spans:,} spans", "")
        print("|---|---|")
        write(store, arguments.spans, now_ns)
        read(store, connection, now_ns)
        change(store, now_ns)


if __name__ == "__main__":
    main()
