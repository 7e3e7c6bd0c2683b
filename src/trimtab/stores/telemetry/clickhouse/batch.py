"""One group of appends on its way into the tables.

Of several versions of a span the greatest revision stays, and of equal ones the first. Known ones
are looked up before the insert, so that what is there already is not written; and again after it,
because another process may have written the same. Of two that do so at once the later one to look
sees both. What is too many is deleted last, so that at no moment a span is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from trimtab.ports import Written
from trimtab.stores.telemetry import queries, rows
from trimtab.stores.telemetry.clickhouse.connection import Connection
from trimtab.stores.telemetry.clickhouse.numbers import Numbers
from trimtab.stores.telemetry.queries import HOUR_NS, Query, fill
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS, Identity, Row, ScoreIdentity, SpanRow

COLUMNS = ("seq", *rows.SPAN_COLUMNS, *PAYLOAD_FIELDS)
_SCORE_COLUMNS = ("version", *rows.SCORE_COLUMNS)
_MAX = (1 << 63) - 1
_VERSIONS = """
    SELECT revision, seq, _partition_id, project, trace_id, span_id FROM spans
    WHERE trace_id IN (SELECT unnest($ids::VARCHAR[])) AND start_ns BETWEEN $first AND $last"""

_DELETE = "DELETE FROM spans IN PARTITION ID '{partition}' WHERE seq IN {seqs:Array(Int64)}"


class _Version(NamedTuple):
    revision: int
    seq: int
    partition: str


class Batch:
    """Writes one group."""

    def __init__(self, connection: Connection, numbers: Numbers) -> None:
        self._connection = connection
        self._numbers = numbers

    def run(
        self, spans: Sequence[Sequence[SpanRow]], scores: Sequence[Sequence[Row]]
    ) -> list[Written]:
        """How many records each append changed. Raises Failed."""
        newest = _newest([span for batch in spans for span in batch])
        known = self._versions(newest)
        fresh = {
            identity: span
            for identity, span in newest.items()
            if all(span.revision > version.revision for version in known.get(identity, ()))
        }
        numbers = self._numbers.take(len(fresh)) if fresh else []
        insert(self._connection, list(fresh.values()), numbers)
        # Several are also what is left by a writer that was stopped before it had deleted.
        unsure = fresh | {key: newest[key] for key, versions in known.items() if len(versions) > 1}
        _delete(self._connection, _replaced(self._versions(unsure)))
        changed = self._write_scores(scores)
        ours = {id(span) for span in fresh.values()}
        counts = [sum(id(span) in ours for span in batch) for batch in spans]
        return [Written(n, m) for n, m in zip(counts, changed, strict=True)]

    def _versions(self, spans: Mapping[Identity, SpanRow]) -> dict[Identity, list[_Version]]:
        """What is stored of these spans."""
        if not spans:
            return {}
        starts = [span.start_ns for span in spans.values()]
        query = Query(
            _VERSIONS,
            {
                "ids": list({identity.trace_id for identity in spans}),
                "first": max(min(starts) - HOUR_NS, -_MAX),
                "last": min(max(starts) + HOUR_NS, _MAX),
            },
        )
        found: dict[Identity, list[_Version]] = {}
        for revision, seq, partition, *identity in self._connection.fetch(query):
            if (key := Identity(*identity)) in spans:
                found.setdefault(key, []).append(_Version(revision, seq, partition))
        return found

    def _write_scores(self, batches: Sequence[Sequence[Row]]) -> list[int]:
        """Replace scores that are new or say something else; how many in each batch."""
        wanted = {ScoreIdentity.of(row) for batch in batches for row in batch}
        if not wanted:
            return [0] * len(batches)
        found = self._connection.fetch(queries.scores_by_id(wanted))
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
        if changed:
            versions = self._numbers.take(len(changed))
            cells = [(n, *row) for n, row in zip(versions, changed.values(), strict=True)]
            self._connection.insert("score_versions", _SCORE_COLUMNS, cells)
        return counts


def _cells(seq: int, span: SpanRow) -> Row:
    """In the order of COLUMNS."""
    payload = msgspec.json.decode(span.payload, type=list[msgspec.Raw])
    return (seq, *span.cells, *(bytes(value).decode() for value in payload))


def _newest(spans: Sequence[SpanRow]) -> dict[Identity, SpanRow]:
    newest: dict[Identity, SpanRow] = {}
    for span in spans:
        other = newest.get(span.identity)
        if other is None or span.revision > other.revision:
            newest[span.identity] = span
    return newest


def _replaced(stored: Mapping[Identity, Sequence[_Version]]) -> list[_Version]:
    """All versions but the one that stays of each span."""
    return [
        version
        for versions in stored.values()
        for version in sorted(versions, key=lambda one: (-one.revision, one.seq))[1:]
    ]


def insert(connection: Connection, spans: Sequence[SpanRow], seqs: Sequence[int]) -> None:
    """Write spans under these numbers. Raises Failed."""
    cells = [_cells(seq, span) for seq, span in zip(seqs, spans, strict=True)]
    connection.insert("spans", COLUMNS, cells)


def _delete(connection: Connection, versions: Sequence[_Version]) -> None:
    """In their partitions alone: otherwise every part of the table would be gone through."""
    for partition in sorted({version.partition for version in versions}):
        seqs = [version.seq for version in versions if version.partition == partition]
        connection.run(fill(_DELETE, partition=partition), {"seqs": seqs})
