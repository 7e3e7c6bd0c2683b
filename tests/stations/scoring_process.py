"""Scores live calls in a process of its own, and stops dead at a chosen moment to be killed there.

Usage: scoring_process.py DIRECTORY MOMENT. Says `here` when it has come to the moment: while it
judges, before scores are appended, or after that and before the cursor is moved.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from pathlib import Path
from typing import Any

from trimtab.kit.clock import SystemClock
from trimtab.scorers.definition import scorer
from trimtab.scoring.online import OnlineScoring
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry

MOMENT = sys.argv[2] if __name__ == "__main__" else None
PAGE = 10
_judged = itertools.count(1)


@scorer
def brief(output: str) -> bool:
    # Not by MOMENT: what a scorer's code names belongs to its digest, which must not change here.
    if sys.argv[-1] == "judging" and next(_judged) > PAGE // 2:
        stop_dead()
    return len(output) < 1_000


class Watched:
    """A real store that stops dead at the second call of one method."""

    def __init__(self, real: Any, method: str) -> None:
        self._real = real
        self._method = method
        self._calls = itertools.count(1)

    def __getattr__(self, name: str) -> Any:
        if name == self._method and next(self._calls) == 2:
            stop_dead()
        return getattr(self._real, name)


def stop_dead() -> None:
    sys.stdout.write("here\n")
    sys.stdout.flush()
    threading.Event().wait()


async def score(data: Path) -> None:
    telemetry: Any = DuckDBTelemetry.open(
        data / "telemetry.duckdb", blobs=FileBlobs(data / "blobs")
    )
    cursors: Any = SQLMetadata.open(f"sqlite:///{data}/metadata.db").cursors
    if MOMENT == "judged":
        telemetry = Watched(telemetry, "append")
    if MOMENT == "appended":
        cursors = Watched(cursors, "put")
    await OnlineScoring(telemetry, cursors, [brief], 1.0, SystemClock(), page=PAGE).drain()


if __name__ == "__main__":
    asyncio.run(score(Path(sys.argv[1])))
