"""The writer on ClickHouse: one thread that turns queued appends into inserts of many rows.

An append that finds the writer idle is written at once; what arrives meanwhile is the next group.
When a group fails for what one append holds, its members are tried alone, so that a bad one costs
nobody else. Futures resolve when ClickHouse has the rows on disk, never before.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import NamedTuple

from trimtab.errors import InvalidRequest, StoreError, TrimtabError
from trimtab.ports import Written
from trimtab.records import Score, Span
from trimtab.stores.telemetry import rows
from trimtab.stores.telemetry.clickhouse.batch import Batch
from trimtab.stores.telemetry.clickhouse.connection import Connection, Failed
from trimtab.stores.telemetry.clickhouse.numbers import Numbers
from trimtab.stores.telemetry.rows import Row, SpanRow

_log = logging.getLogger("trimtab.telemetry")

_GROUP_ROWS = 4_000
_GROUP_BYTES = 8 << 20


class _Append(NamedTuple):
    spans: Sequence[Span]
    scores: Sequence[Score]
    done: Future[Written]


@dataclass(slots=True)
class _Encoded:
    """An append as rows; one of none asks whether writing works."""

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

    def __init__(self, connection: Connection, numbers: Numbers) -> None:
        self._connection = connection
        self._numbers = numbers
        self._batch = Batch(connection, numbers)
        self._queue: SimpleQueue[_Append | None] = SimpleQueue()
        self._gate = Lock()
        self._closed = False
        self.failing = False
        self._thread = Thread(target=self._run, name="telemetry-writer", daemon=True)
        self._thread.start()

    def submit(self, spans: Sequence[Span], scores: Sequence[Score]) -> Future[Written]:
        """Queue records; an append of none asks whether writing works."""
        done: Future[Written] = Future()
        self._put(_Append(spans, scores, done), done)
        return done

    def close(self) -> None:
        """Write what is queued and stop."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _put(self, item: _Append, done: Future[Written]) -> None:
        with self._gate:
            if self._closed:
                done.set_exception(StoreError("the telemetry store is closed"))
            else:
                self._queue.put(item)

    # -- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._next_group()
            try:
                self._settle(group)
            except Exception as error:
                _log.exception("the telemetry writer failed in a way nobody foresaw")
                self._fail(group, type(error).__name__)

    def _next_group(self) -> tuple[list[_Encoded], bool]:
        """Wait for an append and take what is queued behind it; False at the end.

        False when that was the last.
        """
        group: list[_Encoded] = []
        size = count = 0
        item = self._queue.get()
        while item is not None:
            if (encoded := self._encode(item)) is not None:
                group.append(encoded)
                size += encoded.size_bytes
                count += encoded.rows
            if count >= _GROUP_ROWS or size >= _GROUP_BYTES:
                return group, True
            try:
                item = self._queue.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _encode(self, append: _Append) -> _Encoded | None:
        """Rows of an append; None when it failed."""
        if not append.done.set_running_or_notify_cancel():
            return None
        encoded = _Encoded(append.done)
        try:
            encoded.spans = [rows.encode_span(span) for span in append.spans]
            encoded.scores = [rows.encode_score(score) for score in append.scores]
        except Exception as error:
            if not isinstance(error, TrimtabError):
                _log.exception("records that no encoder foresaw")
            append.done.set_exception(error)
            return None
        return encoded

    def _settle(self, group: Sequence[_Encoded]) -> None:
        """Write a group and resolve its futures, one way or the other."""
        if not group:
            return
        try:
            if not all(member.rows for member in group):
                self._numbers.tell()
            written = self._batch.run(
                [member.spans for member in group], [member.scores for member in group]
            )
        except Failed as failed:
            self._refuse(group, failed)
        except StoreError as error:
            self._fail(group, error.what)
        else:
            self.failing = False
            for member, counts in zip(group, written, strict=True):
                member.done.set_result(counts)

    def _refuse(self, group: Sequence[_Encoded], failed: Failed) -> None:
        if not failed.of_data:
            self._fail(group, failed.reason)
        elif len(group) > 1:
            for member in group:
                self._settle([member])
        else:
            group[0].done.set_exception(
                InvalidRequest(
                    f"the records cannot be stored: {failed.reason}",
                    fix="send text, numbers within 64 bits and valid ids",
                )
            )

    def _fail(self, group: Sequence[_Encoded], reason: str) -> None:
        self.failing = True
        _log.error("telemetry was not written: %s", reason)
        for member in group:
            if not member.done.done():
                member.done.set_exception(self._connection.not_durable(reason))
