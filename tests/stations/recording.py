"""Recorders over a real spool and a real store, and stores that fail when a test says so."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from tests.stations.wiring import in_loop

from trimtab.errors import StoreError
from trimtab.kit import ids
from trimtab.ports import TelemetryStore, Written
from trimtab.records import Span
from trimtab.tracing.delivery import Delivery
from trimtab.tracing.recorder import SpanRecorder
from trimtab.tracing.spool import Spool

_numbers = itertools.count()


def span(**fields: Any) -> Span:
    given = {"trace_id": ids.trace_id(), "span_id": ids.span_id(), "start_ns": 1, "end_ns": 2}
    return Span(**given | {"name": f"span {next(_numbers)}"} | fields)


class Faulty:
    """The real store, which refuses when the test says so.

    Args:
        refuse: given the spans of an append, the error it fails with, or None.
    """

    def __init__(
        self, real: TelemetryStore, refuse: Callable[[Sequence[Span]], Exception | None]
    ) -> None:
        self._real = real
        self._refuse = refuse
        self.appends: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def append(self, spans: Sequence[Span] = (), scores: Any = ()) -> Future[Written]:
        self.appends.append(len(spans))
        error = self._refuse(spans)
        if error is None:
            return self._real.append(spans, scores)
        refused: Future[Written] = Future()
        refused.set_exception(error)
        return refused


class Busy:
    """The real store under load: something else is recorded before each append is done."""

    def __init__(self, real: TelemetryStore, load: Callable[[], Any]) -> None:
        self._real = real
        self._load = load

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def append(self, spans: Sequence[Span] = (), scores: Any = ()) -> Future[Written]:
        done: Future[Written] = Future()

        async def loaded() -> None:
            if work := self._load():
                await work
            done.set_result(await asyncio.wrap_future(self._real.append(spans, scores)))

        self._working = asyncio.create_task(loaded())
        return done


def away(times: int) -> Callable[[Sequence[Span]], Exception | None]:
    left = itertools.count()
    return lambda spans: StoreError("the store is away") if next(left) < times else None


def always(spans: Sequence[Span]) -> Exception | None:
    return StoreError("the store is away")


@asynccontextmanager
async def recording(
    data: Path, store: Any, *, started: bool = True, limit_s: float = 10, **settings: Any
) -> AsyncIterator[SpanRecorder]:
    spool = Spool.open(data / "spool", **settings)
    recorder = SpanRecorder(spool, Delivery(store), retry_s=0.001)
    if started:
        recorder.start()
    try:
        yield recorder
    finally:
        await recorder.stop(limit_s=limit_s)


def stored(store: TelemetryStore) -> list[Span]:
    """Everything in the store, in order of arrival."""
    return [row.span for row in store.spans_after(0, limit=100_000)]


def waiting(data: Path) -> int:
    with closing(Spool.open(data / "spool")) as spool:
        return spool.backlog.frames


def leave_behind(data: Path, store: TelemetryStore, spans: Sequence[Span]) -> None:
    """What a process leaves that was killed before its frames reached the store."""

    async def work() -> None:
        async with recording(data, store, started=False) as recorder:
            await recorder.record(spans)

    in_loop(work)
