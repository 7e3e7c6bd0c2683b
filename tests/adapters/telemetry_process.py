"""A process that appends spans to a telemetry store until it is killed.

Usage: telemetry_process.py DIRECTORY PREFIX. Says one line of JSON ids per acknowledged append.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from threading import Lock, Thread

from msgspec import json

from trimtab.records import Span
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry
from trimtab.stores.telemetry.duckdb.engine import Engine

PROMPT = {"role": "system", "content": "Answer from the documentation only. " * 20}


def span_named(name: str) -> Span:
    """A span whose every part follows from its name, so that a reader can check it."""
    prefix, worker, number = (int(part) for part in name.split("."))
    text = f"question {name} " * (number % 300)
    return Span(
        trace_id=f"{prefix:08x}{worker:08x}{number // 5:016x}",
        span_id=f"{prefix:04x}{worker:04x}{number:08x}",
        name=name,
        start_ns=number,
        end_ns=number + 1,
        input=[PROMPT, {"role": "user", "content": text}],
        output="x" * 70_000 if number % 97 == 96 else name,
    )


def append_forever(store: DuckDBTelemetry, prefix: str, worker: int, turn: Lock) -> None:
    for start in itertools.count(step=7):
        names = [f"{prefix}.{worker}.{number}" for number in range(start, start + 7)]
        store.append([span_named(name) for name in names]).result()
        with turn:
            sys.stdout.write(json.encode(names).decode() + "\n")
            sys.stdout.flush()


def main(directory: Path, prefix: str) -> None:
    # Small steps, so that kills also hit checkpoints.
    Engine.CHECKPOINT = "1MB"
    store = DuckDBTelemetry.open(directory / "t.duckdb", blobs=FileBlobs(directory / "blobs"))
    turn = Lock()
    for worker in range(4):
        Thread(target=append_forever, args=(store, prefix, worker, turn)).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
