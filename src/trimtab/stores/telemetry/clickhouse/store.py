"""Telemetry on ClickHouse, for more than one machine: any number of processes write and read it.

Spans and scores come in as records and go out as records, payloads rebuilt exactly; summaries and
figures are computed by the database. One writer thread in each process gathers appends into
inserts; an append is answered when its rows are on ClickHouse's disk.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from trimtab.errors import NotFound, StoreError
from trimtab.ports import (
    BlobStore,
    Compacted,
    Cost,
    Erased,
    Erasure,
    FacetValue,
    Group,
    GroupField,
    Overview,
    Point,
    ScoreQuery,
    Sequenced,
    SpanHead,
    SpanQuery,
    Table,
    TraceSummary,
    Written,
)
from trimtab.records import Score, Span
from trimtab.stores.telemetry import queries, rows
from trimtab.stores.telemetry.clickhouse import life, sql
from trimtab.stores.telemetry.clickhouse.connection import Connection, Failed, Place
from trimtab.stores.telemetry.clickhouse.numbers import Numbers
from trimtab.stores.telemetry.clickhouse.schema import migrations, upgrade
from trimtab.stores.telemetry.clickhouse.search import PAYLOAD, PayloadConditions, read
from trimtab.stores.telemetry.clickhouse.writer import Writer
from trimtab.stores.telemetry.newest import newest_traces
from trimtab.stores.telemetry.overview import overview
from trimtab.stores.telemetry.previews import preview_of_input, preview_of_output
from trimtab.stores.telemetry.queries import Period
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS, Row

_PROBE_S = 10.0
_WIDTH = len(PAYLOAD_FIELDS) + 1
# An embedded store's numbers are microseconds, all smaller than those that writers give here.
_MOVED_BELOW = 1 << 56
# Sums by hour are of the rows themselves, so there is no span that they do not hold.
_ALL_SUMMED = (1 << 63) - 1
_EVERYTHING = (1 << 63) - 1  # materialised views leave nothing out


class ClickHouseTelemetry:
    """Implements `ports.TelemetryStore`. Made by `ClickHouseTelemetry.open`."""

    def __init__(self, connection: Connection, numbers: Numbers, blobs: BlobStore) -> None:
        self._connection = connection
        self._numbers = numbers
        self._blobs = blobs
        self._writer = Writer(connection, blobs, numbers)

    @classmethod
    def open(cls, url: str, *, blobs: BlobStore) -> ClickHouseTelemetry:
        """Connect, and bring the schema up to date.

        Args:
            url: `clickhouse://user:password@host:8123/database`; `?secure=1` for TLS,
                `?cluster=name` to keep replicas on a cluster.
            blobs: where values over 64 kB of JSON go; every process must see the same.
        Raises:
            ConfigError: the URL is not one.
            MissingExtra: the client is not installed.
            StoreTooNew: a newer Trimtab wrote it.
            StoreError: it cannot be opened.
        """
        connection = Connection(Place.of(url))
        try:
            upgrade(connection, migrations())
            with connection.reading():
                numbers = Numbers(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection, numbers, blobs)

    def append(self, spans: Sequence[Span] = (), scores: Sequence[Score] = ()) -> Future[Written]:
        """Queue records for the next insert.

        Raises (through the future):
            NotDurable: they were not written, or not all; the same append may succeed later.
            InvalidRequest: one of them holds what cannot be stored; it never will succeed.
        """
        return self._writer.submit(tuple(spans), tuple(scores))

    # -- reading -------------------------------------------------------------------------------

    def trace(self, project: str, trace_id: str) -> list[Span]:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.spans_of_trace(project, trace_id, PAYLOAD))
        return _newest_versions([self._span(row) for row in found])

    def skeleton(self, project: str, trace_id: str) -> list[SpanHead]:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.heads_of_trace(project, trace_id))
        # Of versions that are not merged yet the last is the newest.
        heads = {head.span_id: head for head in map(rows.decode_head, found)}
        return list(heads.values())

    def span(self, project: str, trace_id: str, span_id: str) -> Span | None:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.one_span(project, trace_id, span_id, PAYLOAD))
        return next(iter(_newest_versions([self._span(row) for row in found])), None)

    def spans(self, query: SpanQuery) -> list[Span]:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.newest_seqs(query, self._search(query)))
            if not found:
                return []
            seqs = [seq for seq, _ in found]
            spans = connection.fetch(queries.spans_by_seqs(seqs, found[-1][1], PAYLOAD))
        return [self._span(row) for row in spans]

    def spans_after(self, seq: int, *, limit: int) -> list[Sequenced]:
        """While other processes write, the spans of the last seconds are left for later."""
        now = time.time_ns()
        with self._connection.reading() as connection:
            found = connection.fetch(queries.spans_after(seq, limit, PAYLOAD))
            settled = self._numbers.settled(now)
        return [
            Sequenced(row[0], self._span(row[1:]))
            for row in found
            if settled is None or row[0] <= settled
        ]

    def last_seq(self) -> int:
        with self._connection.reading() as connection:
            return int(connection.ask("SELECT max(seq) FROM spans").rows[0][0])

    def span_count(self, project: str | None = None) -> int:
        with self._connection.reading() as connection:
            return int(connection.fetch(queries.span_count(project))[0][0])

    def traces(self, query: SpanQuery) -> list[TraceSummary]:
        """Newest first, by the start of a trace's first span; `since` and `until` are about that.

        A span that started more than an hour before all others of its trace may be overlooked.
        """
        if query.limit <= 0:
            return []
        with self._connection.reading() as connection:
            newest = newest_traces(query, connection.fetch, self._search)
            if not newest:
                return []
            ids, earliest = [trace_id for trace_id, _ in newest], newest[-1][1]
            found = connection.fetch(queries.trace_summaries(query.project, ids, earliest))
        return [self._summary(row) for row in found]

    def scores(self, query: ScoreQuery) -> list[Score]:
        with self._connection.reading() as connection:
            return [
                rows.decode_score(row) for row in connection.fetch(queries.newest_scores(query))
            ]

    def overview(self, project: str, *, since_ns: int, until_ns: int) -> Overview:
        """Figures of the model calls that started in the period, and of its scores.

        Hours are whole hours of UTC that overlap the period, those without a call included, up to
        31 days; beyond, only hours with a call. Latencies are right to within 1 %.
        """
        period = Period(project, since_ns, until_ns)
        with self._connection.reading() as connection:
            hours = connection.fetch(period.hours(_EVERYTHING))
            scores = connection.fetch(period.score_summaries())
        return overview(period, hours, scores)

    def groups(self, query: SpanQuery, by: GroupField) -> list[Group]:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.groups(query, by, self._search(query)))
        fields = Group.__struct_fields__
        return [_figures(Group, dict(zip(fields, row, strict=True))) for row in found]

    def series(
        self, query: SpanQuery, *, step_ns: int, by: GroupField | None = None
    ) -> list[Point]:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.series(query, step_ns, by, self._search(query)))
        fields = Point.__struct_fields__
        return [
            _figures(Point, dict(zip(fields, (step * step_ns, *rest), strict=True)))
            for step, *rest in found
        ]

    def facets(
        self, query: SpanQuery, fields: Sequence[GroupField], *, limit: int = 20
    ) -> dict[str, list[FacetValue]]:
        with self._connection.reading() as connection:
            search = self._search(query)
            return {
                field: [
                    FacetValue(value, count)
                    for value, count in connection.fetch(queries.facet(query, field, limit, search))
                ]
                for field in fields
            }

    def sql(self, project: str, text: str, *, max_rows: int, timeout_s: float) -> Table:
        statement = sql.checked(text)
        with self._connection.reading() as connection:
            return sql.answer(
                connection, project, statement, max_rows=max_rows, timeout_s=timeout_s
            )

    # -- life ----------------------------------------------------------------------------------

    def set_costs(self, project: str, costs: Sequence[Cost]) -> int:
        return self._writer.run(lambda: life.set_costs(self._connection, project, costs)).result()

    def erase(self, erasure: Erasure) -> Erased:
        erased = self._writer.run(lambda: life.erase(self._connection, erasure)).result()
        for digest in erased.blobs:
            self._blobs.delete(digest)
        return erased

    def compact(self) -> Compacted:
        return self._writer.run(lambda: life.compact(self._connection)).result()

    def backup(self, directory: Path) -> None:
        """Write both tables as Parquet; each as it is at one moment."""
        directory.mkdir(parents=True, exist_ok=True)
        with self._connection.reading() as connection:
            life.copy_to(connection, directory)

    def restore(self, spans: Sequence[Sequenced]) -> None:
        """Take over spans of an embedded store under the numbers they have there.

        They must not be there yet: carry on after `last_restored`.
        """
        numbers = [item.seq for item in spans]
        self._writer.restore([item.span for item in spans], numbers).result()

    def last_restored(self) -> int:
        """The greatest number that a span was taken over with; 0 when there is none."""
        with self._connection.reading() as connection:
            found = connection.ask(
                "SELECT max(seq) FROM spans WHERE seq < {below:Int64}", {"below": _MOVED_BELOW}
            )
        return int(found.rows[0][0])

    def ping(self) -> None:
        """Ask something; after a failed write also write, which the next success makes good."""
        with self._connection.reading() as connection:
            connection.ask("SELECT max(seq) FROM spans")
        if self._writer.failing:
            try:
                self._writer.submit((), ()).result(timeout=_PROBE_S)
            except TimeoutError:
                raise StoreError(f"telemetry was not written within {_PROBE_S:.0f} s") from None

    def close(self) -> None:
        """Write what is queued, say that this writer is gone, and disconnect. Again: nothing."""
        self._writer.close()
        # If it cannot be said: a writer that is silent for long is taken to be gone.
        with contextlib.suppress(Failed, StoreError):
            self._numbers.tell(closed=True)
        self._connection.close()

    # -- payloads ------------------------------------------------------------------------------

    def _span(self, row: Row) -> Span:
        """A span from the cells of its columns and of PAYLOAD."""
        payload = read(list(row[-_WIDTH:]), self._blob)
        return rows.decode_span(tuple(row[:-_WIDTH]), payload)

    def _blob(self, digest: str) -> bytes:
        try:
            return self._blobs.get(digest)
        except NotFound as error:
            raise StoreError(
                "a payload of a span is missing from the blob store",
                where=digest,
                fix="restore the blob store from a backup",
            ) from error

    def _search(self, query: SpanQuery, floor: int | None = None) -> PayloadConditions:
        starts = [start for start in (query.since_ns, floor) if start is not None]
        return PayloadConditions(
            self._connection,
            self._blob,
            project=query.project,
            since=max(starts, default=None),
            until=query.until_ns,
        )

    def _summary(self, row: Row) -> TraceSummary:
        *values, root_id = row
        fields = dict(zip(TraceSummary.__struct_fields__, values, strict=True))
        fields["cost_usd"] = rows.money(fields["cost_usd"])
        fields["partial"] = bool(fields["partial"])
        if fields["partial"]:
            # Only roots have previews; this one is another span in the root's place.
            span = self.span(fields["project"], fields["trace_id"], root_id)
            fields["input_preview"] = preview_of_input(span.input) if span else ""
            fields["output_preview"] = preview_of_output(span.output) if span else ""
        return TraceSummary(**fields)


def _newest_versions(spans: Sequence[Span]) -> list[Span]:
    """Each span once, though ClickHouse has not merged what two writers wrote yet."""
    newest: dict[tuple[str, str], Span] = {}
    for span in spans:
        other = newest.get((span.trace_id, span.span_id))
        if other is None or span.revision > other.revision:
            newest[span.trace_id, span.span_id] = span
    return list(newest.values())


def _figures(kind: Any, fields: dict[str, Any]) -> Any:
    """Figures without NaN: a quantile of nothing is nothing."""
    for name, value in fields.items():
        if isinstance(value, float) and math.isnan(value):
            fields[name] = None
    fields["cost_usd"] = rows.money(fields["cost_usd"])
    return kind(**fields)
