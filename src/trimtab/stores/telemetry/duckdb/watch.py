"""Stops a statement that takes too long or too much, or stands in the way of the store's upkeep."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Literal

import duckdb

_LOOK_S = 0.02
# Beyond what the process had when it began. DuckDB counts the memory of most of what it does, and
# keeps that to its limit; the texts it is working on are not counted.
_GROWTH_BYTES = 1_536 << 20
_STATM = Path("/proc/self/statm")

Reason = Literal["time", "memory", "upkeep"]


class Watch:
    """While it lasts, the cursor's statement is interrupted when there is a reason to.

    The reason stays in `reason`; the interrupted call raises `duckdb.InterruptException`.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, *, timeout_s: float) -> None:
        self.reason: Reason | None = None
        self._cursor = cursor
        self._end = time.monotonic() + timeout_s
        self._most_bytes = _resident_bytes() + _GROWTH_BYTES
        self._done = Event()
        self._thread = Thread(target=self._look, name="trimtab-sql-watch", daemon=True)

    def stop(self, reason: Reason) -> None:
        """Interrupt the statement; from any thread."""
        self.reason = self.reason or reason
        with contextlib.suppress(duckdb.Error):
            self._cursor.interrupt()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(_LOOK_S):
            # Again and again: an interrupt that comes before the statement begins is lost.
            if self.reason is not None:
                self.stop(self.reason)
            elif time.monotonic() > self._end:
                self.stop("time")
            elif _resident_bytes() > self._most_bytes:
                self.stop("memory")


def _resident_bytes() -> int:
    """Of this process; 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
