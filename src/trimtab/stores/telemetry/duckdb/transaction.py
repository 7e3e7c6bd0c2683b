"""One transaction of the writer: spans with their packs, and scores; all of it or nothing.

Of several versions of a span the greatest revision stays. A version that is replaced takes its
figures out of the rollups and its line out of its pack.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import duckdb

from trimtab.ports import Written
from trimtab.stores.telemetry import queries, rows
from trimtab.stores.telemetry.duckdb import erasing, packs, statements
from trimtab.stores.telemetry.duckdb.connection import Appenders, execute, fetch, roll_back
from trimtab.stores.telemetry.duckdb.files import PackFiles
from trimtab.stores.telemetry.duckdb.packs import Line
from trimtab.stores.telemetry.queries import MAX_NS, Query
from trimtab.stores.telemetry.rows import Identity, Row, ScoreIdentity, SpanRow

_SPAN_COLUMNS = ("seq", *rows.SPAN_COLUMNS, "pack", "place", "size")

_TRACE_PLACES = ("mark", "first_seq", "last_seq")
PACK_COLUMNS = ("id", "parent", "base", "raw_bytes", "file", "at_byte", "length")


class NewSpan(NamedTuple):
    """A span to be written."""

    row: SpanRow
    line: Line

    @classmethod
    def of(cls, row: SpanRow, put: Callable[[bytes], str]) -> NewSpan:
        """A span whose large values are stored by `put`, and let go here: they may be megabytes."""
        line = packs.line(row.payload, put)
        return cls(row if line.body is row.payload else row._replace(payload=b""), line)


class Counters:
    """The next numbers to give: order of arrival, and packs."""

    def __init__(self, seq: int, pack: int, now_ns: Callable[[], int]) -> None:
        self.seq = seq
        self.pack = pack
        self._now_ns = now_ns

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, now_ns: Callable[[], int]) -> Counters:
        [(seq, pack)] = fetch(connection, statements.last_numbers())
        return cls(seq, pack, now_ns)

    def next_seqs(self, count: int) -> range:
        """Microseconds of now, or more where the clock has not moved on.

        So a number is never given twice, though the spans that had it are erased.
        """
        first = max(self.seq + 1, self._now_ns() // 1000)
        self.seq = first + count - 1
        return range(first, first + count)

    def next_pack(self) -> int:
        self.pack += 1
        return self.pack


class Transaction:
    """Writes one group of appends."""

    def __init__(self, appenders: Appenders, counters: Counters, files: PackFiles) -> None:
        self._appenders = appenders
        self._connection = appenders.connection
        self._counters = counters
        self._files = files
        self.unreferenced: list[str] = []

    def run(
        self, spans: Sequence[Sequence[NewSpan]], scores: Sequence[Sequence[Row]]
    ) -> list[Written]:
        """How many records each append changed."""
        self._connection.begin()
        try:
            fresh = self._fresh([span for batch in spans for span in batch])
            self._write_spans(list(fresh.values()))
            changed = self._write_scores(scores)
            # What replaces a version often refers to the same blobs as the version did.
            self.unreferenced = erasing.unneeded(self._connection, self.unreferenced)
            if not all(map(any, zip(spans, scores, strict=True))):
                execute(self._connection, statements.heartbeat(time.time_ns()))
            self._connection.commit()
        except BaseException:
            roll_back(self._connection)
            raise
        ours = {id(span) for span in fresh.values()}
        counts = [sum(id(span) in ours for span in batch) for batch in spans]
        return [Written(n, m) for n, m in zip(counts, changed, strict=True)]

    def _fresh(self, spans: Sequence[NewSpan]) -> dict[Identity, NewSpan]:
        """Spans that are new or replace an earlier version, which is taken out."""
        newest = _newest(spans)
        if not newest:
            return newest
        known = fetch(self._connection, _versions([span.row for span in newest.values()]))
        replaced = []
        for seq, *identity, revision in known:
            ours = newest.get(key := Identity(*identity))
            if ours is None:
                continue
            if ours.row.revision > revision:
                replaced.append(seq)
            else:
                del newest[key]
        if replaced:
            self.unreferenced += erasing.replace(self._connection, replaced)
        return newest

    def _write_spans(self, spans: Sequence[NewSpan]) -> None:
        if not spans:
            return
        cells: list[Row] = []
        frames: list[tuple[int, int, bytes]] = []
        numbers = self._counters.next_seqs(len(spans))
        seqs = iter(numbers)
        remaining = iter(spans)
        for raw, places in packs.pack(span.line.body for span in spans):
            number = self._counters.next_pack()
            frames.append((number, len(raw), packs.compress(raw)))
            cells += [
                (seq, *span.row.cells, number, place, len(span.line.body))
                for place, seq, span in zip(places, seqs, remaining, strict=False)
            ]
        write_packs(self._appenders, self._files, frames)
        self._appenders.insert("spans", _SPAN_COLUMNS, cells)
        self._appenders.insert("trace_places", _TRACE_PLACES, _trace_places(spans, numbers))
        refs = [(digest, *span.row.identity) for span in spans for digest in span.line.digests]
        if refs:
            columns = ("digest", "project", "trace_id", "span_id")
            self._appenders.insert("blob_refs", columns, refs)

    def _write_scores(self, batches: Sequence[Sequence[Row]]) -> list[int]:
        """Replace scores that are new or say something else; how many in each batch."""
        wanted = {ScoreIdentity.of(row) for batch in batches for row in batch}
        if not wanted:
            return [0] * len(batches)
        found = fetch(self._connection, queries.scores_by_id(wanted))
        current = {ScoreIdentity.of(row): row for row in found}
        changed: dict[ScoreIdentity, Row] = {}
        counts = []
        for batch in batches:
            counts.append(0)
            for row in batch:
                key = ScoreIdentity.of(row)
                if current.get(key) != row:
                    current[key] = changed[key] = row
                    counts[-1] += 1
        self._appenders.insert("scores", rows.SCORE_COLUMNS, changed.values(), replace=True)
        return counts


def _newest(spans: Sequence[NewSpan]) -> dict[Identity, NewSpan]:
    """Of several versions of a span in one group the greatest revision, of equals the first."""
    newest = {span.row.identity: span for span in spans}
    if len(newest) == len(spans):
        return newest
    newest.clear()
    for span in spans:
        other = newest.setdefault(span.row.identity, span)
        if span.row.revision > other.row.revision:
            newest[span.row.identity] = span
    return newest


def write_packs(
    appenders: Appenders, files: PackFiles, frames: Sequence[tuple[int, int, bytes]]
) -> None:
    """Put packs (id, decompressed size, bytes) on disk and into the table."""
    extents = files.append([body for _, _, body in frames])
    cells = [
        (number, None, 0, size, *extent)
        for (number, size, _), extent in zip(frames, extents, strict=True)
    ]
    appenders.insert("packs", PACK_COLUMNS, cells)


def _trace_places(spans: Sequence[NewSpan], seqs: Sequence[int]) -> list[Row]:
    """Between which of these numbers the spans of each trace are."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for span, seq in zip(spans, seqs, strict=True):
        trace_id = span.row.identity.trace_id
        first.setdefault(trace_id, seq)
        last[trace_id] = seq
    return [
        (statements.trace_mark(trace_id), seq, last[trace_id]) for trace_id, seq in first.items()
    ]


def _versions(spans: Sequence[SpanRow]) -> Query:
    """What is stored of these spans. A corrected one may have started at another time before."""
    traces = {span.identity.trace_id for span in spans}
    if any(span.revision for span in spans):
        return statements.versions(traces, -MAX_NS, MAX_NS)
    starts = [span.start_ns for span in spans]
    return statements.versions(traces, min(starts), max(starts))
