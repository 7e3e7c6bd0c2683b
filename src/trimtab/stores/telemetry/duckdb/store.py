"""Telemetry on DuckDB: one file, one writer thread with group commit, any number of readers.

Spans and scores come in as records and go out as records, payloads rebuilt exactly; summaries and
figures are computed by the database. Only this process may have the file open.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

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
from trimtab.stores.telemetry.duckdb import life, packs, statements
from trimtab.stores.telemetry.duckdb.connection import fetch
from trimtab.stores.telemetry.duckdb.engine import Engine
from trimtab.stores.telemetry.duckdb.search import PayloadSearch, open_packs
from trimtab.stores.telemetry.duckdb.watch import Watch
from trimtab.stores.telemetry.duckdb.writer import Writer
from trimtab.stores.telemetry.newest import Floors, newest_summaries
from trimtab.stores.telemetry.overview import overview, project_traffic, score_summary, step_count
from trimtab.stores.telemetry.previews import preview_of_input, preview_of_output
from trimtab.stores.telemetry.queries import Period
from trimtab.stores.telemetry.readonly_answer import Turns
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS, Row, ScoreIdentity

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_log = logging.getLogger("trimtab.telemetry")

_PROBE_S = 10.0
_PLACE = "pack, place, size"
DAMAGED = "trimtab.damaged"


class DuckDBTelemetry:
    """Implements `ports.TelemetryStore`. Made by `DuckDBTelemetry.open`."""

    def __init__(self, engine: Engine, writer: Writer, blobs: BlobStore) -> None:
        self._engine = engine
        self._writer = writer
        self._blobs = blobs
        self._floors = Floors()
        self._turns = Turns()

    @classmethod
    def open(
        cls, path: Path, *, blobs: BlobStore, memory: str = "1GB", threads: int | None = None
    ) -> DuckDBTelemetry:
        """Open the store at `path`, created if need be, and bring its schema up to date.

        Args:
            blobs: where values over 64 kB of JSON go.
            memory: what DuckDB may use for data and queries; it takes it when it needs it.
            threads: for queries; by default one per core, at most four.
        Raises:
            StoreLocked: it is open already, in another process or in this one.
            StoreTooNew: a newer Trimtab wrote it.
            StoreError: it cannot be opened.
        """
        threads = threads or min(4, os.cpu_count() or 1)
        engine = Engine(path, memory=memory, threads=threads, blobs=blobs)
        writer = Writer(engine, blobs)
        if left := engine.notes.read():
            writer.run(partial(life.clear_away, engine=engine))
        if left.asked:
            writer.run(partial(life.rewrite, engine=engine))
        return cls(engine, writer, blobs)

    def append(self, spans: Sequence[Span] = (), scores: Sequence[Score] = ()) -> Future[Written]:
        """Queue records for the next group commit; all of one append are stored or none.

        Raises (through the future):
            NotDurable: they were not written; the same append may succeed later.
            InvalidRequest: one of them holds what cannot be stored; it never will succeed.
        """
        return self._writer.submit(tuple(spans), tuple(scores))

    # -- reading -------------------------------------------------------------------------------

    def trace(self, project: str, trace_id: str) -> list[Span]:
        with self._engine.reading() as cursor:
            places = self._places(cursor, trace_id)
            found = fetch(cursor, queries.spans_of_trace(project, trace_id, _PLACE, places))
            return self._with_payloads(cursor, found, strict=True)

    def skeleton(self, project: str, trace_id: str) -> list[SpanHead]:
        with self._engine.reading() as cursor:
            places = self._places(cursor, trace_id)
            found = fetch(cursor, queries.heads_of_trace(project, trace_id, places))
        return [rows.decode_head(row) for row in found]

    def span(self, project: str, trace_id: str, span_id: str) -> Span | None:
        with self._engine.reading() as cursor:
            places = self._places(cursor, trace_id)
            found = fetch(cursor, queries.one_span(project, trace_id, span_id, _PLACE, places))
            return next(iter(self._with_payloads(cursor, found, strict=True)), None)

    def spans(self, query: SpanQuery) -> list[Span]:
        with self._engine.reading() as cursor:
            found = fetch(cursor, queries.newest_seqs(query, self._search(cursor, query)))
            if not found:
                return []
            seqs = [seq for seq, _ in found]
            spans = fetch(cursor, queries.spans_by_seqs(seqs, found[-1][1], _PLACE))
            return self._with_payloads(cursor, spans)

    def spans_after(self, seq: int, *, limit: int) -> list[Sequenced]:
        with self._engine.reading() as cursor:
            found = fetch(cursor, queries.spans_after(seq, limit, _PLACE))
            spans = self._with_payloads(cursor, [row[1:] for row in found])
        return [Sequenced(row[0], span) for row, span in zip(found, spans, strict=True)]

    def route_spans(
        self, project: str, route: str, *, after: int, since_ns: int, limit: int
    ) -> list[RouteSpan]:
        query = queries.route_spans(project, route, after, since_ns, limit)
        with self._engine.reading() as cursor:
            return list(map(RouteSpan._make, fetch(cursor, query)))

    def route_scores(
        self, project: str, route: str, name: str, *, since_ns: int, after_ns: int, limit: int
    ) -> list[RouteScore]:
        query = queries.route_scores(project, route, name, since_ns, after_ns, limit)
        with self._engine.reading() as cursor:
            return list(map(RouteScore._make, fetch(cursor, query)))

    def before_next_call(self, seq: int) -> int:
        with self._engine.reading() as cursor:
            return int(fetch(cursor, queries.before_next_call(seq))[0][0])

    def everything_after(self, seq: int, *, limit: int) -> list[Sequenced]:
        """Spans in order of arrival, open ones included, for whoever moves them."""
        with self._engine.reading() as cursor:
            found = fetch(cursor, queries.everything_after(seq, limit, _PLACE))
            spans = self._with_payloads(cursor, [row[1:] for row in found])
        return [Sequenced(row[0], span) for row, span in zip(found, spans, strict=True)]

    def scores_from(self, after: ScoreIdentity, *, limit: int) -> list[Score]:
        """Scores of all projects behind one, by project and id."""
        with self._engine.reading() as cursor:
            found = fetch(cursor, queries.scores_from(after, limit))
            return [rows.decode_score(row) for row in found]

    def last_seq(self) -> int:
        return self._writer.last_seq

    def span_count(self, project: str | None = None) -> int:
        with self._engine.reading() as cursor:
            return int(fetch(cursor, queries.span_count(project))[0][0])

    def traces(self, query: SpanQuery) -> list[TraceSummary]:
        """Newest first, by the start of a trace's first span; `since` and `until` are about that.

        A span that started more than an hour before all others of its trace may be overlooked.
        """
        if query.limit <= 0:
            return []
        with self._engine.reading() as cursor:
            fetched, searched = partial(fetch, cursor), partial(self._search, cursor)
            found = newest_summaries(query, fetched, searched, self._floors)
            return [self._summary(cursor, fields) for fields in found]

    def scores(self, query: ScoreQuery) -> list[Score]:
        with self._engine.reading() as cursor:
            return [rows.decode_score(row) for row in fetch(cursor, queries.newest_scores(query))]

    def overview(self, project: str, *, since_ns: int, until_ns: int) -> Overview:
        """Figures of the model calls that started in the period, and of its scores.

        Hours are whole hours of UTC that overlap the period, those without a call included, up to
        31 days; beyond, only hours with a call. Latencies are right to within 1 %.
        """
        period = Period(project, since_ns, until_ns)
        with self._engine.reading() as cursor:
            [(mark,)] = fetch(cursor, statements.rollup_mark())
            hours = fetch(cursor, period.hours(mark))
            scores = fetch(cursor, period.score_summaries())
        return overview(period, hours, scores)

    def projects(self) -> list[ProjectTraffic]:
        with self._engine.reading() as cursor:
            [(mark,)] = fetch(cursor, statements.rollup_mark())
            return list(map(project_traffic, fetch(cursor, queries.projects(mark))))

    def groups(self, query: SpanQuery, by: GroupField) -> list[Group]:
        with self._engine.reading() as cursor:
            found = fetch(cursor, queries.groups(query, by, self._search(cursor, query)))
        fields = Group.__struct_fields__
        return [_priced(Group(**dict(zip(fields, row, strict=True)))) for row in found]

    def series(
        self, query: SpanQuery, *, step_ns: int, by: GroupField | None = None
    ) -> list[Point]:
        with self._engine.reading() as cursor:
            found = fetch(cursor, queries.series(query, step_ns, by, self._search(cursor, query)))
        fields = Point.__struct_fields__
        return [
            _priced(Point(**dict(zip(fields, (step * step_ns, *rest), strict=True))))
            for step, *rest in found
        ]

    def counts(
        self, query: SpanQuery, *, step_ns: int, by: GroupField | None = None
    ) -> list[StepCount]:
        with self._engine.reading() as cursor:
            found = fetch(cursor, queries.counts(query, step_ns, by, self._search(cursor, query)))
        return [step_count(row, step_ns) for row in found]

    def facets(
        self, query: SpanQuery, fields: Sequence[GroupField], *, limit: int = 20
    ) -> dict[str, list[FacetValue]]:
        with self._engine.reading() as cursor:
            search = self._search(cursor, query)
            return {
                field: [
                    FacetValue(value, count)
                    for value, count in fetch(cursor, queries.facet(query, field, limit, search))
                ]
                for field in fields
            }

    def score_summaries(self, query: SpanQuery) -> list[ScoreSummary]:
        with self._engine.reading() as cursor:
            asked = queries.score_summaries(query, self._search(cursor, query))
            return list(map(score_summary, fetch(cursor, asked)))

    def sql(self, project: str, text: str, *, max_rows: int, timeout_s: float) -> Table:
        # SQLGlot takes a tenth of a second and some megabytes: not before somebody asks in SQL.
        from trimtab.stores.telemetry.duckdb import sql

        statement = sql.checked(text)
        with self._turns.one(), self._engine.reading() as cursor:
            watch = Watch(cursor, timeout_s=timeout_s)
            with self._engine.yielding(watch.stop):
                return sql.answer(
                    cursor, project, statement, watch, max_rows=max_rows, timeout_s=timeout_s
                )

    # -- life ----------------------------------------------------------------------------------

    def set_costs(self, project: str, costs: Sequence[Cost]) -> int:
        return self._writer.run(
            lambda connection: life.set_costs(connection, project, costs)
        ).result()

    def erase(self, erasure: Erasure) -> Erased:
        erased = self._writer.run(
            partial(life.erase, engine=self._engine, erasure=erasure)
        ).result()
        return replace(erased, compacted=self._rewritten()) if erasure.rewrite else erased

    def _rewritten(self) -> bool:
        """Have erased rows leave the database file; False when they could not."""
        try:
            self._writer.run(partial(life.rewrite, engine=self._engine)).result()
        except StoreError as error:
            # What was to be erased is gone from every answer; the next erasure tries this again.
            _log.error("erased rows stay in free parts of the database file: %s", error)
            return False
        return True

    def compact(self) -> Compacted:
        return self._writer.run(lambda connection: life.compact(connection, self._engine)).result()

    def backup(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        with self._engine.keeping(), self._engine.reading() as cursor:
            cursor.rollback()  # what is copied in one statement needs no transaction
            life.copy_to(cursor, self._engine, directory / "telemetry.duckdb")
            self._engine.files.copy_to(directory / "telemetry.packs")

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

    def _places(self, cursor: DuckDBPyConnection, trace_id: str) -> tuple[int, int]:
        """Between which numbers the spans of a trace are; between none where there is none."""
        [(first, last)] = fetch(cursor, statements.trace_places(trace_id))
        return (0, -1) if first is None else (first, last)

    # -- payloads ------------------------------------------------------------------------------

    def _with_payloads(
        self, cursor: DuckDBPyConnection, found: Sequence[Row], *, strict: bool = False
    ) -> list[Span]:
        """Spans from the cells of their columns and the place of their payload.

        One whose payload is damaged comes without, and its attribute `trimtab.damaged` says so.

        Args:
            strict: whether it is an error when all payloads are damaged.
        """
        damage: StoreError | None = None
        damaged = 0
        wanted: dict[int, list[int]] = {}
        for index, row in enumerate(found):
            wanted.setdefault(row[-3], []).append(index)
        spans: dict[int, Span] = {}
        for pack, raw, base in open_packs(cursor, self._engine.files, list(wanted)):
            for index in wanted[pack]:
                *cells, _, place, size = found[index]
                try:
                    payload = self._payload(raw, base + place, size)
                except StoreError as error:
                    damage, damaged = error, damaged + 1
                    if raw is not None:  # else the pack was named
                        _log.error("the payload of a span cannot be read: %s", error)
                    payload = [None, None, {DAMAGED: error.what}, [], [], {}]
                spans[index] = rows.decode_span(tuple(cells), payload)
        if strict and damage is not None and damaged == len(found):
            raise damage
        if len(spans) < len(found):
            raise StoreError(
                f"the payloads of {len(found) - len(spans)} spans are missing",
                fix="restore the telemetry store from a backup",
            )
        return [spans[index] for index in range(len(found))]

    def _payload(self, raw: bytes | None, at: int, size: int) -> list[Any]:
        """Raises StoreError when it is damaged or missing."""
        if raw is None:
            raise StoreError(
                "the payload of a span is damaged or missing",
                fix="see the server's log for the file, and restore it from a backup",
            )
        return packs.read(raw[at : at + size], self._blob, fields=len(PAYLOAD_FIELDS))

    def _blob(self, digest: str) -> bytes:
        try:
            return self._blobs.get(digest)
        except NotFound as error:
            raise StoreError(
                "a payload of a span is missing from the blob store",
                where=digest,
                fix="restore the blob store from a backup",
            ) from error

    def _search(
        self, cursor: DuckDBPyConnection, query: SpanQuery, floor: int | None = None
    ) -> PayloadSearch:
        starts = [start for start in (query.since_ns, floor) if start is not None]
        return PayloadSearch(
            cursor,
            self._engine.files,
            self._blob,
            project=query.project,
            since=max(starts, default=None),
            until=query.until_ns,
        )

    # -- traces --------------------------------------------------------------------------------

    def _summary(self, cursor: DuckDBPyConnection, fields: dict[str, Any]) -> TraceSummary:
        root_id = fields.pop("span_id")
        fields["cost_usd"] = rows.money(fields["cost_usd"])
        if fields["partial"]:
            # Only roots have previews; this one is another span in the root's place.
            places = self._places(cursor, fields["trace_id"])
            query = queries.one_span(fields["project"], fields["trace_id"], root_id, _PLACE, places)
            [span] = self._with_payloads(cursor, fetch(cursor, query)[:1])
            fields["input_preview"] = preview_of_input(span.input)
            fields["output_preview"] = preview_of_output(span.output)
        return TraceSummary(**fields)


def _priced(figures: Any) -> Any:
    return replace(figures, cost_usd=rows.money(figures.cost_usd))
