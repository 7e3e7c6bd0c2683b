"""Telemetry on DuckDB: one file, one writer thread with group commit, any number of readers.

Spans and scores come in as records and go out as records, payloads rebuilt exactly; summaries and
figures are computed by the database. Only this process may have the file open.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.errors import NotFound, StoreError
from trimtab.ports import (
    BlobStore,
    HourBucket,
    Overview,
    ScoreQuery,
    ScoreSummary,
    Sequenced,
    SpanQuery,
    TraceSummary,
    Written,
)
from trimtab.records import Score, Span
from trimtab.stores.telemetry import queries, rows
from trimtab.stores.telemetry.engine import Engine
from trimtab.stores.telemetry.queries import HOUR_NS, Period, Query
from trimtab.stores.telemetry.rows import Row
from trimtab.stores.telemetry.writer import Writer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_EMPTY_HOURS_UP_TO = 31 * 24
_SPANS_PER_TRACE = 16
_PROBE_S = 10.0


class DuckDBTelemetry:
    """Implements `ports.TelemetryStore`. Made by `DuckDBTelemetry.open`."""

    def __init__(self, engine: Engine, writer: Writer, blobs: BlobStore) -> None:
        self._engine = engine
        self._writer = writer
        self._blobs = blobs

    @classmethod
    def open(
        cls, path: Path, *, blobs: BlobStore, memory: str = "1GB", threads: int | None = None
    ) -> DuckDBTelemetry:
        """Open the store at `path`, created if need be, and bring its schema up to date.

        Args:
            blobs: where payloads over 64 kB of JSON go.
            memory: what DuckDB may use for data and queries; it takes it when it needs it.
            threads: for queries; by default one per core, at most four.
        Raises:
            StoreLocked: it is open already, in another process or in this one.
            StoreTooNew: a newer Trimtab wrote it.
            StoreError: it cannot be opened.
        """
        threads = threads or min(4, os.cpu_count() or 1)
        engine = Engine(path, memory=memory, threads=threads)
        return cls(engine, Writer(engine, blobs), blobs)

    def append(self, spans: Sequence[Span] = (), scores: Sequence[Score] = ()) -> Future[Written]:
        """Queue records for the next group commit; all of one append are stored or none.

        Raises (through the future):
            NotDurable: they were not written; the same append may succeed later.
            InvalidRequest: one of them holds what cannot be stored; it never will succeed.
        """
        return self._writer.submit(tuple(spans), tuple(scores))

    def trace(self, project: str, trace_id: str) -> list[Span]:
        with self._engine.reading() as cursor:
            found = _fetch(cursor, queries.spans_of_trace(project, trace_id))
            return self._with_payloads(cursor, found)

    def spans(self, query: SpanQuery) -> list[Span]:
        with self._engine.reading() as cursor:
            return self._with_payloads(cursor, _fetch(cursor, queries.newest_spans(query)))

    def spans_after(self, seq: int, *, limit: int) -> list[Sequenced]:
        with self._engine.reading() as cursor:
            found = _fetch(cursor, queries.spans_after(seq, limit))
            spans = self._with_payloads(cursor, [row[1:] for row in found])
        return [Sequenced(row[0], span) for row, span in zip(found, spans, strict=True)]

    def span_count(self, project: str | None = None) -> int:
        with self._engine.reading() as cursor:
            return int(_fetch(cursor, queries.span_count(project))[0][0])

    def traces(self, query: SpanQuery) -> list[TraceSummary]:
        """Newest first, by the start of a trace's first span; `since` and `until` are about that.

        A trace is listed when one of its spans has everything else the query asks for.
        """
        if query.limit <= 0:
            return []
        with self._engine.reading() as cursor:
            newest = _newest_traces(cursor, query)
            if not newest:
                return []
            ids, earliest = [trace_id for trace_id, _ in newest], newest[-1][1]
            found = _fetch(cursor, queries.trace_summaries(query.project, ids, earliest))
        return [_trace_summary(row) for row in found]

    def scores(self, query: ScoreQuery) -> list[Score]:
        with self._engine.reading() as cursor:
            return [rows.decode_score(row) for row in _fetch(cursor, queries.newest_scores(query))]

    def overview(self, project: str, *, since_ns: int, until_ns: int) -> Overview:
        """Figures of the model calls that started in the period, and of its scores.

        Hours are whole hours of UTC that overlap the period, those without a call included, up to
        31 days; beyond, only hours with a call.
        """
        period = Period(project, since_ns, until_ns)
        with self._engine.reading() as cursor:
            [totals] = _fetch(cursor, period.totals())
            hours = _fetch(cursor, period.calls_per_hour())
            scores = _fetch(cursor, period.score_summaries())
        return _overview(period, totals, hours, scores)

    def ping(self) -> None:
        """Read a row; after a failed write also write one, which the next success makes good."""
        with self._engine.reading() as cursor:
            cursor.execute("SELECT time_ns FROM heartbeat").fetchall()
        if self._writer.failing:
            try:
                self._writer.submit((), ()).result(timeout=_PROBE_S)
            except TimeoutError:
                raise StoreError(f"telemetry was not written within {_PROBE_S:.0f} s") from None

    def close(self) -> None:
        """Commit what is queued, then release the file. Closing again does nothing."""
        self._writer.close()
        self._engine.close()

    def _with_payloads(self, cursor: DuckDBPyConnection, found: Sequence[Row]) -> list[Span]:
        bodies = self._bodies(cursor, {key for row in found for key in rows.payload_ids(row)})
        return [rows.decode_span(row, bodies) for row in found]

    def _bodies(self, cursor: DuckDBPyConnection, ids: set[int]) -> dict[int, str]:
        """JSON of payloads by id, from the database or from the blob store."""
        if not ids:
            return {}
        bodies: dict[int, str] = {}
        for key, body, digest in _fetch(cursor, queries.payload_bodies(sorted(ids))):
            bodies[key] = self._blob(digest) if body is None else body
        if len(bodies) < len(ids):
            raise StoreError(
                f"{len(ids) - len(bodies)} payloads of spans are missing",
                fix="restore the telemetry store from a backup",
            )
        return bodies

    def _blob(self, digest: str) -> str:
        try:
            return self._blobs.get(digest).decode()
        except NotFound as error:
            raise StoreError(
                "a payload of a span is missing from the blob store",
                where=digest,
                fix="restore the blob store from a backup",
            ) from error


def _newest_traces(cursor: DuckDBPyConnection, query: SpanQuery) -> list[tuple[str, int]]:
    """Ids and starts of the newest matching traces, found without looking at all of them.

    A trace that started at some moment or later has no span before it. So look at the newest spans
    only, widen the view until it holds enough traces, and the answer is exact.
    """
    reach = query.limit * _SPANS_PER_TRACE
    while True:
        row = _fetch(cursor, queries.start_of_nth_newest(query, reach))
        floor = row[0][0] if row else None
        found = _fetch(cursor, queries.newest_traces(query, floor))
        whole = floor is None or (query.since_ns is not None and floor <= query.since_ns)
        if whole or len(found) >= query.limit:
            return [(trace_id, start) for trace_id, start in found]
        reach *= 8


def _trace_summary(row: Row) -> TraceSummary:
    values = dict(zip(TraceSummary.__struct_fields__, row, strict=True))
    return TraceSummary(**values | {"cost_usd": rows.money(values["cost_usd"])})


def _overview(period: Period, totals: Row, hours: Sequence[Row], scores: Sequence[Row]) -> Overview:
    traces, spans, calls, errors, given, answered, cost, unpriced, p50, p95, p99 = totals
    return Overview(
        project=period.project,
        since_ns=period.since,
        until_ns=period.until,
        traces=traces,
        spans=spans,
        calls=calls,
        errors=errors,
        input_tokens=given,
        output_tokens=answered,
        cost_usd=rows.money(cost) or Decimal(0),
        unpriced=unpriced,
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        latency_p99_ms=p99,
        hours=tuple(_hours(period, hours)),
        scores=tuple(
            ScoreSummary(name=name, source=source, total=total, scored=n, mean=mean, passed=passed)
            for name, source, total, n, mean, passed in scores
        ),
    )


def _hours(period: Period, found: Sequence[Row]) -> Iterator[HourBucket]:
    known = {hour: (calls, errors, cost) for hour, calls, errors, cost in found}
    first, last = period.since // HOUR_NS, -(-period.until // HOUR_NS)
    shown = range(first, last) if last - first <= _EMPTY_HOURS_UP_TO + 1 else sorted(known)
    for hour in shown:
        calls, errors, cost = known.get(hour, (0, 0, None))
        yield HourBucket(
            start_ns=hour * HOUR_NS,
            calls=calls,
            errors=errors,
            cost_usd=rows.money(cost) or Decimal(0),
        )


def _fetch(cursor: DuckDBPyConnection, query: Query) -> list[Row]:
    return cursor.execute(query.sql, dict(query.parameters)).fetchall()
