"""The writer of the telemetry store: one thread that turns queued appends into group commits.

An append that finds the writer idle is committed at once; what arrives during a commit is the next
group. A group is one transaction: when it fails for what one append holds, its members are tried
alone, so that a bad one costs nobody else. Futures resolve after the commit, never before.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import NamedTuple

import duckdb

from trimtab.errors import InvalidRequest, StoreError, TrimtabError
from trimtab.ports import BlobStore, Written
from trimtab.records import Score, Span
from trimtab.stores.telemetry import queries, rows
from trimtab.stores.telemetry.engine import Engine, said
from trimtab.stores.telemetry.payloads import KnownPayloads, Pieces
from trimtab.stores.telemetry.queries import Query
from trimtab.stores.telemetry.rows import Row, SpanRow

_log = logging.getLogger("trimtab.telemetry")

_GROUP_ROWS = 4_000
_GROUP_BYTES = 8 << 20
_INLINE_BYTES = 64 << 10
_KNOWN_PAYLOADS = 100_000
_WARM_PAYLOADS = 20_000


class _Append(NamedTuple):
    spans: Sequence[Span]
    scores: Sequence[Score]
    done: Future[Written]


@dataclass(slots=True)
class _Encoded:
    """An append as rows; a probe has none and writes the heartbeat instead."""

    done: Future[Written]
    spans: list[SpanRow] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.spans) + len(self.scores)

    @property
    def size_bytes(self) -> int:
        return sum(span.size_bytes for span in self.spans)


class Writer:
    """Takes appends from any thread until it is closed."""

    def __init__(self, engine: Engine, blobs: BlobStore) -> None:
        self._engine = engine
        self._blobs = blobs
        self._known = KnownPayloads(_KNOWN_PAYLOADS)
        self._known.update(dict(_fetch(engine.writing(), queries.latest_payloads(_WARM_PAYLOADS))))
        self._queue: SimpleQueue[_Append | None] = SimpleQueue()
        self._gate = Lock()
        self._closed = False
        self.failing = False
        self._thread = Thread(target=self._run, name="telemetry-writer", daemon=True)
        self._thread.start()

    def submit(self, spans: Sequence[Span], scores: Sequence[Score]) -> Future[Written]:
        """Queue records; an append of none asks whether writing works."""
        done: Future[Written] = Future()
        with self._gate:
            if self._closed:
                done.set_exception(StoreError("the telemetry store is closed"))
            else:
                self._queue.put(_Append(spans, scores, done))
        return done

    def close(self) -> None:
        """Commit what is queued and stop."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    # -- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._next_group()
            try:
                self._settle(group)
            except Exception as error:
                _log.exception("the telemetry writer failed in a way nobody foresaw")
                for member in group:
                    if not member.done.done():
                        member.done.set_exception(self._engine.not_durable(type(error).__name__))

    def _next_group(self) -> tuple[list[_Encoded], bool]:
        """Wait for an append and take what is queued behind it; False when that was the last."""
        group: list[_Encoded] = []
        size = count = 0
        append = self._queue.get()
        while append is not None:
            if (encoded := self._encode(append)) is not None:
                group.append(encoded)
                size += encoded.size_bytes
                count += encoded.rows
            if count >= _GROUP_ROWS or size >= _GROUP_BYTES:
                return group, True
            try:
                append = self._queue.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _encode(self, append: _Append) -> _Encoded | None:
        """Rows of an append, its large payloads already in the blob store; None when it failed."""
        if not append.done.set_running_or_notify_cancel():
            return None
        encoded = _Encoded(append.done)
        try:
            encoded.spans = [rows.encode_span(span) for span in append.spans]
            encoded.scores = [rows.encode_score(score) for score in append.scores]
            for piece in (piece for span in encoded.spans for piece in span.pieces):
                if len(piece.body) > _INLINE_BYTES and self._known.get(piece.hash) is None:
                    self._blobs.put(piece.body)
        except Exception as error:
            if not isinstance(error, TrimtabError):
                _log.exception("records that no encoder foresaw")
            append.done.set_exception(error)
            return None
        return encoded

    def _settle(self, group: Sequence[_Encoded]) -> None:
        """Commit a group and resolve its futures, one way or the other."""
        if not group:
            return
        try:
            written = self._commit(group)
        except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError) as error:
            if len(group) > 1:
                for member in group:
                    self._settle([member])
            else:
                group[0].done.set_exception(
                    InvalidRequest(
                        f"the records cannot be stored: {type(error).__name__}",
                        fix="send text, numbers within 64 bits and valid ids",
                    )
                )
        except (duckdb.Error, StoreError) as error:
            self.failing = True
            self._fail(group, error)
        else:
            self.failing = False
            for member, counts in zip(group, written, strict=True):
                member.done.set_result(counts)

    def _fail(self, group: Sequence[_Encoded], error: duckdb.Error | StoreError) -> None:
        reason = error.what if isinstance(error, StoreError) else said(error)
        _log.error("telemetry was not written: %s", reason)
        # What the failed statement left behind would keep the broken database alive.
        traceback.clear_frames(error.__traceback__)
        try:
            self._engine.recover()
        except StoreError as still:
            _log.error("the telemetry store is down: %s", still)
        for member in group:
            member.done.set_exception(self._engine.not_durable(reason))

    def _commit(self, group: Sequence[_Encoded]) -> list[Written]:
        """One transaction. Spans are expected to be new; when some are not, they are looked up."""
        connection = self._engine.writing()
        try:
            return _Transaction(connection, self._known, stored=frozenset()).run(group)
        except duckdb.ConstraintException:
            wanted = [span.identity for member in group for span in member.spans]
            found = _fetch(connection, queries.known_spans(wanted))
            stored = frozenset(identity for (identity,) in found)
            return _Transaction(connection, self._known, stored=stored).run(group)


class _Transaction:
    """Writes one group: payloads, spans, scores; all of them or nothing."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, known: KnownPayloads, *, stored: frozenset[str]
    ) -> None:
        self._connection = connection
        self._known = known
        self._seen = set(stored)

    def run(self, group: Sequence[_Encoded]) -> list[Written]:
        """How many records each member changed."""
        self._connection.begin()
        try:
            fresh = [self._fresh_spans(member.spans) for member in group]
            new_payloads = self._write_spans([span for spans in fresh for span in spans])
            changed = self._write_scores([member.scores for member in group])
            if not all(member.rows for member in group):
                _execute(self._connection, queries.heartbeat(time.time_ns()))
            self._connection.commit()
        except BaseException:
            _roll_back(self._connection)
            raise
        self._known.update(new_payloads)
        return [Written(len(spans), n) for spans, n in zip(fresh, changed, strict=True)]

    def _fresh_spans(self, spans: Iterable[SpanRow]) -> list[SpanRow]:
        """Those seen neither in the store nor earlier in this group."""
        fresh = []
        for span in spans:
            if span.identity not in self._seen:
                self._seen.add(span.identity)
                fresh.append(span)
        return fresh

    def _write_spans(self, spans: Sequence[SpanRow]) -> dict[bytes, int]:
        """Insert spans and the payloads they need; the ids of payloads that were not known."""
        ids: dict[bytes, int] = {}
        missing: dict[bytes, bytes] = {}
        for piece in (piece for span in spans for piece in span.pieces):
            known = self._known.get(piece.hash)
            if known is not None:
                ids[piece.hash] = known
            else:
                missing[piece.hash] = piece.body
        new = self._write_payloads(missing)
        ids |= new
        cells = [
            (*span.head, _ids_of(span.input, ids), _ids_of(span.output, ids)) for span in spans
        ]
        _insert(self._connection, "spans", rows.SPAN_INSERT_COLUMNS, cells)
        return new

    def _write_payloads(self, bodies: dict[bytes, bytes]) -> dict[bytes, int]:
        if not bodies:
            return {}
        granted = _fetch(self._connection, queries.new_payload_ids(len(bodies)))
        ids = {key: number for key, (number,) in zip(bodies, granted, strict=True)}
        cells = [
            (ids[key], key, body.decode() if len(body) <= _INLINE_BYTES else None)
            for key, body in bodies.items()
        ]
        _insert(self._connection, "payloads", ("id", "hash", "body"), cells)
        return ids

    def _write_scores(self, batches: Sequence[Sequence[Row]]) -> list[int]:
        """Replace scores that are new or say something else; how many in each batch."""
        wanted = list({row[0] for batch in batches for row in batch})
        if not wanted:
            return [0] * len(batches)
        found = _fetch(self._connection, queries.scores_by_id(wanted))
        current = {row[0]: row for row in found}
        changed: dict[str, Row] = {}
        counts = []
        for batch in batches:
            counts.append(0)
            for row in batch:
                if current.get(row[0]) != row:
                    current[row[0]] = changed[row[0]] = row
                    counts[-1] += 1
        _insert(self._connection, "scores", rows.SCORE_COLUMNS, changed.values(), replace=True)
        return counts


def _ids_of(value: Pieces | None, ids: dict[bytes, int]) -> list[int] | None:
    return None if value is None else [ids[piece.hash] for piece in value.pieces]


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[str],
    cells: Iterable[Row],
    *,
    replace: bool = False,
) -> None:
    """Bulk insert through DuckDB's appender, some five times as fast as bound statements."""
    appender = connection.appender(
        table, columns=list(columns), action="upsert" if replace else "insert"
    )
    try:
        appender.append_rows(cells)
        appender.flush()
    finally:
        appender.clear()


def _fetch(connection: duckdb.DuckDBPyConnection, query: Query) -> list[Row]:
    return _execute(connection, query).fetchall()


def _execute(connection: duckdb.DuckDBPyConnection, query: Query) -> duckdb.DuckDBPyConnection:
    return connection.execute(query.sql, dict(query.parameters))


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """End the transaction; a commit that failed or a broken database has ended it already."""
    try:
        connection.rollback()
    except duckdb.Error as error:
        _log.debug("nothing to roll back: %s", said(error))
