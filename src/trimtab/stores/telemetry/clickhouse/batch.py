"""One group of appends on its way into the tables.

Of several versions of a span the greatest revision stays: known ones are looked up first, new rows
are inserted, and what they replace is deleted last, so that at no moment a span is in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.ports import Written
from trimtab.stores.telemetry import queries, rows
from trimtab.stores.telemetry.clickhouse.connection import Connection
from trimtab.stores.telemetry.clickhouse.numbers import Numbers
from trimtab.stores.telemetry.lines import Line
from trimtab.stores.telemetry.queries import HOUR_NS, Query
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS, Identity, Row, SpanRow

COLUMNS = ("seq", *rows.SPAN_COLUMNS, *PAYLOAD_FIELDS, "lifted", "blobs")
_SCORE_COLUMNS = ("version", *rows.SCORE_COLUMNS)
_MAX = (1 << 63) - 1
_VERSIONS = """
    SELECT seq, project, trace_id, span_id, revision FROM spans
    WHERE trace_id IN (SELECT unnest($ids::VARCHAR[])) AND start_ns BETWEEN $first AND $last"""


class NewSpan(NamedTuple):
    """A span to be written."""

    row: SpanRow
    line: Line

    def cells(self, seq: int) -> Row:
        """In the order of COLUMNS."""
        values: list[Any] = msgspec.json.decode(self.line.body, type=list[msgspec.Raw])
        texts = [bytes(value).decode() for value in values]
        if len(texts) == len(PAYLOAD_FIELDS):
            texts.append("")
        return (seq, *self.row.cells, *texts, list(self.line.digests))


class Batch:
    """Writes one group."""

    def __init__(self, connection: Connection, numbers: Numbers) -> None:
        self._connection = connection
        self._numbers = numbers

    def run(
        self, spans: Sequence[Sequence[NewSpan]], scores: Sequence[Sequence[Row]]
    ) -> list[Written]:
        """How many records each append changed. Raises Failed."""
        fresh, replaced = self._fresh([span for batch in spans for span in batch])
        self.insert(list(fresh.values()))
        if replaced:
            delete(self._connection, replaced)
        changed = self._write_scores(scores)
        ours = {id(span) for span in fresh.values()}
        counts = [sum(id(span) in ours for span in batch) for batch in spans]
        return [Written(n, m) for n, m in zip(counts, changed, strict=True)]

    def insert(self, spans: Sequence[NewSpan], seqs: Sequence[int] | None = None) -> None:
        """Write spans under these numbers, or under the next ones."""
        if spans:
            seqs = seqs or self._numbers.take(len(spans))
            cells = [span.cells(seq) for seq, span in zip(seqs, spans, strict=True)]
            self._connection.insert("spans", COLUMNS, cells)

    def _fresh(self, spans: Sequence[NewSpan]) -> tuple[dict[Identity, NewSpan], list[int]]:
        """Spans that are new or replace an earlier version, and the numbers of those versions."""
        newest: dict[Identity, NewSpan] = {}
        for span in spans:
            other = newest.get(span.row.identity)
            if other is None or span.row.revision > other.row.revision:
                newest[span.row.identity] = span
        if not newest:
            return newest, []
        starts = [span.row.start_ns for span in newest.values()]
        query = Query(
            _VERSIONS,
            {
                "ids": list({key.trace_id for key in newest}),
                "first": max(min(starts) - HOUR_NS, -_MAX),
                "last": min(max(starts) + HOUR_NS, _MAX),
            },
        )
        replaced = []
        greatest: dict[Identity, int] = {}
        for seq, project, trace_id, span_id, revision in self._connection.fetch(query):
            key = Identity(project, trace_id, span_id)
            if (ours := newest.get(key)) is None:
                continue
            known = greatest.get(key, revision)
            greatest[key] = max(known, revision)
            # Also what a writer left that was stopped between inserting and deleting.
            if ours.row.revision > revision:
                replaced.append(seq)
        for identity, revision in greatest.items():
            if newest[identity].row.revision <= revision:
                del newest[identity]
        return newest, replaced

    def _write_scores(self, batches: Sequence[Sequence[Row]]) -> list[int]:
        """Replace scores that are new or say something else; how many in each batch."""
        wanted = list({row[0] for batch in batches for row in batch})
        if not wanted:
            return [0] * len(batches)
        current = {row[0]: row for row in self._connection.fetch(queries.scores_by_id(wanted))}
        changed: dict[str, Row] = {}
        counts = []
        for batch in batches:
            counts.append(0)
            for row in batch:
                if current.get(row[0]) != row:
                    current[row[0]] = changed[row[0]] = row
                    counts[-1] += 1
        if changed:
            versions = self._numbers.take(len(changed))
            cells = [(n, *row) for n, row in zip(versions, changed.values(), strict=True)]
            self._connection.insert("score_versions", _SCORE_COLUMNS, cells)
        return counts


def delete(connection: Connection, seqs: Sequence[int]) -> None:
    """Delete spans by their numbers. Raises Failed."""
    connection.run("DELETE FROM spans WHERE seq IN {seqs:Array(Int64)}", {"seqs": list(seqs)})
