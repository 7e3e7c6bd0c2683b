"""A process whose files may not grow past a limit, to see what a telemetry store does then.

Usage: telemetry_full_disk.py DIRECTORY CHECKPOINT_THRESHOLD. Says what happened as JSON.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from random import Random

from msgspec import json

from trimtab.errors import NotDurable, StoreError
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry
from trimtab.stores.telemetry.duckdb.engine import Engine
from trimtab.testing.telemetry import sample_span


def allow(size_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))


class Session:
    def __init__(self, directory: Path, threshold: str) -> None:
        Engine.CHECKPOINT = threshold
        self.store = DuckDBTelemetry.open(
            directory / "t.duckdb", blobs=FileBlobs(directory / "blobs")
        )
        self.kept: list[str] = []
        self.refused: list[str] = []

    def append(self, *, seed: int) -> bool:
        noise = [Random(f"{seed}-{n}").randbytes(1_000).hex() for n in range(20)]
        span = sample_span(input=noise)
        try:
            self.store.append([span]).result(timeout=60)
        except NotDurable as error:
            self.refused.append(str(error))
            return False
        self.kept.append(span.span_id)
        return True

    def ping(self) -> str | None:
        try:
            self.store.ping()
        except StoreError as error:
            return str(error)
        return None


def main(directory: Path, threshold: str) -> None:
    session = Session(directory, threshold)
    for seed in range(5):
        assert session.append(seed=seed)
    allow(1_300_000)
    seed = 100
    while session.append(seed=seed) and seed < 300:
        seed += 1
    allow(10)
    ping_when_full = session.ping()
    # A commit whose checkpoint fails is refused though it is there: sent again, it changes nothing.
    readable = session.store.span_count() - len(session.kept) in (0, 1)
    allow(resource.RLIM_INFINITY)
    ping_after = session.ping()
    # The one that was refused comes first.
    works_again = all(session.append(seed=again) for again in range(seed, seed + 5))
    sys.stdout.write(
        json.encode(
            {
                "kept": session.kept,
                "refused": session.refused,
                "ping_when_full": ping_when_full,
                "readable": readable,
                "ping_after": ping_after,
                "works_again": works_again,
            }
        ).decode()
    )
    sys.stdout.flush()
    # Not closed: what was acknowledged must be there for whoever opens the store next.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
