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

from trimtab.errors import StoreError
from trimtab.ports import (
    Compacted,
    Cost,
    Erased,
    Erasure,
    FacetValue,
    Group,
    GroupField,
    Overview,
    Point,
    ProjectTraffic,
    RouteScore,
    RouteSpan,
    ScoreQuery,
    ScoreSummary,
    Sequenced,
    SpanHead,
    SpanQuery,
    StepCount,
    Table,
    TraceSummary,
    Written,
)
from trimtab.records import Score, Span
from trimtab.stores.telemetry import queries, rows
from trimtab.stores.telemetry.clickhouse import life, sql
from trimtab.stores.telemetry.clickhouse.batch import insert
from trimtab.stores.telemetry.clickhouse.connection import Connection, Failed, Place
from trimtab.stores.telemetry.clickhouse.numbers import Numbers, last_hour
from trimtab.stores.telemetry.clickhouse.schema import migrations, upgrade
from trimtab.stores.telemetry.clickhouse.search import PAYLOAD, on_payload, read
from trimtab.stores.telemetry.clickhouse.writer import Writer
from trimtab.stores.telemetry.newest import Floors, newest_summaries
from trimtab.stores.telemetry.overview import overview, project_traffic, score_summary, step_count
from trimtab.stores.telemetry.previews import preview_of_input, preview_of_output
from trimtab.stores.telemetry.queries import Period
from trimtab.stores.telemetry.readonly_answer import Turns
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS, Row, ScoreIdentity

_PROBE_S = 10.0
_WIDTH = len(PAYLOAD_FIELDS)
_EVERYTHING = (1 << 63) - 1  # materialised views leave nothing out


class ClickHouseTelemetry:
    """Implements `ports.TelemetryStore`. Made by `ClickHouseTelemetry.open`."""

    def __init__(self, connection: Connection, numbers: Numbers) -> None:
        self._connection = connection
        self._numbers = numbers
        self._writer = Writer(connection, numbers)
        self._floors = Floors()
        self._turns = Turns()

    @classmethod
    def open(cls, url: str) -> ClickHouseTelemetry:
        """Connect, and bring the schema up to date.

        Args:
            url: `clickhouse://user:password@host:8123/database`; `?secure=1` for TLS,
                `?cluster=name` to keep replicas on a cluster.
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
        return cls(connection, numbers)

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
            found = connection.fetch(queries.newest_seqs(query, on_payload))
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

    def route_spans(
        self, project: str, route: str, *, after: int, since_ns: int, limit: int
    ) -> list[RouteSpan]:
        """While other processes write, the spans of the last seconds are left for later."""
        now = time.time_ns()
        query = queries.route_spans(project, route, after, since_ns, limit)
        with self._connection.reading() as connection:
            rows = connection.fetch(query)
            found = [RouteSpan._make((*row[:-1], bool(row[-1]))) for row in rows]
            settled = self._numbers.settled(now)
        return [one for one in found if settled is None or one.seq <= settled]

    def route_scores(
        self, project: str, route: str, name: str, *, since_ns: int, after_ns: int, limit: int
    ) -> list[RouteScore]:
        query = queries.route_scores(project, route, name, since_ns, after_ns, limit)
        with self._connection.reading() as connection:
            return [RouteScore._make(row) for row in connection.fetch(query)]

    def before_next_call(self, seq: int) -> int:
        now = time.time_ns()
        with self._connection.reading() as connection:
            found = int(connection.fetch(queries.before_next_call(seq))[0][0])
            settled = self._numbers.settled(now)
        return found if settled is None else max(min(found, settled), seq)

    def last_seq(self) -> int:
        with self._connection.reading() as connection:
            # Numbers are times, so the newest is found without a look at all of them.
            for since in (last_hour(time.time_ns()), 0):
                sql = "SELECT max(seq) FROM spans WHERE seq > {since:Int64}"
                if found := int(connection.ask(sql, {"since": since}).rows[0][0]):
                    return found
        return 0

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
            found = newest_summaries(query, connection.fetch, lambda *_: on_payload, self._floors)
        return [self._summary(fields) for fields in found]

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

    def projects(self) -> list[ProjectTraffic]:
        with self._connection.reading() as connection:
            return list(map(project_traffic, connection.fetch(queries.projects(_EVERYTHING))))

    def groups(self, query: SpanQuery, by: GroupField) -> list[Group]:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.groups(query, by, on_payload))
        fields = Group.__struct_fields__
        return [_figures(Group, dict(zip(fields, row, strict=True))) for row in found]

    def series(
        self, query: SpanQuery, *, step_ns: int, by: GroupField | None = None
    ) -> list[Point]:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.series(query, step_ns, by, on_payload))
        fields = Point.__struct_fields__
        return [
            _figures(Point, dict(zip(fields, (step * step_ns, *rest), strict=True)))
            for step, *rest in found
        ]

    def counts(
        self, query: SpanQuery, *, step_ns: int, by: GroupField | None = None
    ) -> list[StepCount]:
        with self._connection.reading() as connection:
            found = connection.fetch(queries.counts(query, step_ns, by, on_payload))
        return [step_count(row, step_ns) for row in found]

    def facets(
        self, query: SpanQuery, fields: Sequence[GroupField], *, limit: int = 20
    ) -> dict[str, list[FacetValue]]:
        with self._connection.reading() as connection:
            return {
                field: [
                    FacetValue(value, count)
                    for value, count in connection.fetch(
                        queries.facet(query, field, limit, on_payload)
                    )
                ]
                for field in fields
            }

    def score_summaries(self, query: SpanQuery) -> list[ScoreSummary]:
        with self._connection.reading() as connection:
            asked = queries.score_summaries(query, on_payload)
            return list(map(score_summary, connection.fetch(asked)))

    def sql(self, project: str, text: str, *, max_rows: int, timeout_s: float) -> Table:
        statement = sql.checked(text)
        with self._turns.one(), self._connection.reading() as connection:
            return sql.answer(
                connection, project, statement, max_rows=max_rows, timeout_s=timeout_s
            )

    # -- life ----------------------------------------------------------------------------------

    def set_costs(self, project: str, costs: Sequence[Cost]) -> int:
        with self._connection.writing() as connection:
            return life.set_costs(connection, project, costs)

    def erase(self, erasure: Erasure) -> Erased:
        with self._connection.writing() as connection:
            return life.erase(connection, erasure)

    def compact(self) -> Compacted:
        with self._connection.writing() as connection:
            return life.compact(connection)

    def backup(self, directory: Path) -> None:
        """Write both tables as Parquet; each as it is at one moment."""
        directory.mkdir(parents=True, exist_ok=True)
        with self._connection.reading() as connection:
            life.copy_to(connection, directory)

    # -- moving --------------------------------------------------------------------------------

    def everything_after(self, seq: int, *, limit: int) -> list[Sequenced]:
        """Spans in order of arrival, open ones included; nothing is left for later."""
        with self._connection.reading() as connection:
            found = connection.fetch(queries.everything_after(seq, limit, PAYLOAD))
        return [Sequenced(row[0], self._span(row[1:])) for row in found]

    def scores_from(self, after: ScoreIdentity, *, limit: int) -> list[Score]:
        """Scores of all projects behind one, by project and id."""
        with self._connection.reading() as connection:
            found = connection.fetch(queries.scores_from(after, limit))
        return [rows.decode_score(row) for row in found]

    def restore(self, spans: Sequence[Sequenced]) -> int:
        """Take over spans of another store under the numbers they have there.

        Those whose numbers are there already are left out. Returns how many were written.
        """
        if not spans:
            return 0
        numbers = [item.seq for item in spans]
        with self._connection.writing() as connection:
            found = connection.ask(
                "SELECT seq FROM spans WHERE seq BETWEEN {first:Int64} AND {last:Int64}",
                {"first": min(numbers), "last": max(numbers)},
            ).rows
            known = {seq for (seq,) in found}
            missing = [item for item in spans if item.seq not in known]
            insert(
                connection,
                [rows.encode_span(item.span) for item in missing],
                [item.seq for item in missing],
            )
        return len(missing)

    def ping(self) -> None:
        """Ask something; after a failed write also write, which the next success makes good."""
        with self._connection.reading() as connection:
            connection.ask("SELECT seq FROM spans LIMIT 1")
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
        return rows.decode_span(tuple(row[:-_WIDTH]), read(row[-_WIDTH:]))

    def _summary(self, fields: dict[str, Any]) -> TraceSummary:
        root_id = fields.pop("span_id")
        fields["cost_usd"] = rows.money(fields["cost_usd"])
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
