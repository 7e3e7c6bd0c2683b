"""The writer of the telemetry store: one thread that turns queued appends into group commits.

An append that finds the writer idle is committed at once; what arrives during a commit is the next
group. A group is one transaction: when it fails for what one append holds, its members are tried
alone, so that a bad one costs nobody else. Futures resolve after the commit, never before. Other
work that writes (erasing, pricing, gathering packs) is done by the same thread, between groups.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, NamedTuple, TypeVar

import duckdb

from trimtab.errors import InvalidRequest, StoreError, TrimtabError
from trimtab.ports import BlobStore, Written
from trimtab.records import Score, Span
from trimtab.stores.telemetry import rows
from trimtab.stores.telemetry.duckdb.connection import Appenders, said
from trimtab.stores.telemetry.duckdb.engine import Engine
from trimtab.stores.telemetry.duckdb.transaction import Counters, NewSpan, Transaction
from trimtab.stores.telemetry.duckdb.upkeep import Upkeep
from trimtab.stores.telemetry.rows import Row

_log = logging.getLogger("trimtab.telemetry")

_GROUP_ROWS = 4_000
_GROUP_BYTES = 8 << 20
_REST_S = 3.0

T = TypeVar("T")
Work = Callable[[duckdb.DuckDBPyConnection], Any]


class _Append(NamedTuple):
    spans: Sequence[Span]
    scores: Sequence[Score]
    done: Future[Written]


class _Job(NamedTuple):
    work: Work
    done: Future[Any]


@dataclass(slots=True)
class _Encoded:
    """An append as rows; a probe has none and writes the heartbeat instead."""

    done: Future[Written]
    spans: list[NewSpan] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.spans) + len(self.scores)

    @property
    def size_bytes(self) -> int:
        return sum(len(span.line.body) + rows.ROW_BYTES for span in self.spans)


class Writer:
    """Takes appends and jobs from any thread until it is closed.

    Args:
        now_ns: the time, for the order of arrival.
    """

    def __init__(
        self, engine: Engine, blobs: BlobStore, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._engine = engine
        self._blobs = blobs
        self._counters = Counters.read(engine.writing(), now_ns)
        self._upkeep = Upkeep(engine.writing(), self._counters, engine.files)
        self._appenders: Appenders | None = None
        self._queue: SimpleQueue[_Append | _Job | None] = SimpleQueue()
        # Blobs of appends that are encoded and will be committed later.
        self._held: set[str] = set()
        self._gate = Lock()
        self._closed = False
        self.failing = False
        self._thread = Thread(target=self._run, name="telemetry-writer", daemon=True)
        self._thread.start()

    @property
    def last_seq(self) -> int:
        return self._counters.seq

    def submit(self, spans: Sequence[Span], scores: Sequence[Score]) -> Future[Written]:
        """Queue records; an append of none asks whether writing works."""
        done: Future[Written] = Future()
        self._put(_Append(spans, scores, done), done)
        return done

    def run(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> Future[T]:
        """Queue work on the writing connection; it begins and ends its own transactions."""
        done: Future[T] = Future()
        self._put(_Job(work, done), done)
        return done

    def close(self) -> None:
        """Commit what is queued and stop."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _put(self, item: _Append | _Job, done: Future[Any]) -> None:
        with self._gate:
            if self._closed:
                done.set_exception(StoreError("the telemetry store is closed"))
            else:
                self._queue.put(item)

    # -- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while self._turn():
            pass
        self._appenders = None

    def _turn(self) -> bool:
        """Do what is next; False at the end. What it held is let go before the next wait."""
        group, job, going = self._next_group()
        try:
            self._settle(group)
        except Exception as error:
            _log.exception("the telemetry writer failed in a way nobody foresaw")
            for member in group:
                if not member.done.done():
                    member.done.set_exception(self._engine.not_durable(type(error).__name__))
        if job is not None:
            self._do(job)
        if group:
            spans = sum(len(member.spans) for member in group)
            self._keep_up(partial(self._upkeep.after_commit, spans=spans))
        return going

    def _next_group(self) -> tuple[list[_Encoded], _Job | None, bool]:
        """Wait for an append and take what is queued behind it, up to a job or the end.

        False when that was the last.
        """
        group: list[_Encoded] = []
        size = count = 0
        item = self._first()
        while item is not None:
            if isinstance(item, _Job):
                return group, item, True
            if (encoded := self._encode(item)) is not None:
                group.append(encoded)
                size += encoded.size_bytes
                count += encoded.rows
            if count >= _GROUP_ROWS or size >= _GROUP_BYTES:
                return group, None, True
            try:
                item = self._queue.get_nowait()
            except Empty:
                return group, None, True
        return group, None, False

    def _first(self) -> _Append | _Job | None:
        """Wait for what is queued first; a pause after commits is used for what was put off."""
        if self._upkeep.due:
            try:
                return self._queue.get(timeout=_REST_S)
            except Empty:
                self._keep_up(self._upkeep.at_rest)
        return self._queue.get()

    def _encode(self, append: _Append) -> _Encoded | None:
        """Rows of an append, its large payloads already in the blob store; None when it failed."""
        if not append.done.set_running_or_notify_cancel():
            return None
        encoded = _Encoded(append.done)
        try:
            for span in append.spans:
                encoded.spans.append(NewSpan.of(rows.encode_span(span), self._blobs.put))
            encoded.scores = [rows.encode_score(score) for score in append.scores]
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
            written = self._commit_in_memory(group)
        except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError) as error:
            if len(group) > 1:
                for place, member in enumerate(group):
                    self._held = {
                        digest
                        for later in group[place + 1 :]
                        for span in later.spans
                        for digest in span.line.digests
                    }
                    self._settle([member])
            else:
                group[0].done.set_exception(
                    InvalidRequest(
                        f"the records cannot be stored: {type(error).__name__}",
                        fix="send text, numbers within 64 bits and valid ids",
                    )
                )
        except (duckdb.Error, StoreError) as error:
            self._fail([member.done for member in group], error)
        else:
            self.failing = False
            for member, counts in zip(group, written, strict=True):
                member.done.set_result(counts)

    def _commit_in_memory(self, group: Sequence[_Encoded]) -> list[Written]:
        try:
            return self._commit(group)
        except duckdb.OutOfMemoryException as error:
            # A user's SELECT has the same memory, and is worth less than what was sent.
            self._engine.make_room()
            self._recover(error)
            return self._commit(group)

    def _commit(self, group: Sequence[_Encoded]) -> list[Written]:
        connection = self._engine.writing()
        if self._appenders is None or self._appenders.connection is not connection:
            self._appenders = Appenders(connection)
        transaction = Transaction(self._appenders, self._counters, self._engine.files)
        written = transaction.run(
            [member.spans for member in group], [member.scores for member in group]
        )
        self._drop(transaction.unreferenced)
        return written

    def _drop(self, digests: Iterable[str]) -> None:
        """Delete blobs that nothing refers to; a failure leaves garbage, never a hole."""
        for digest in digests:
            if digest in self._held:
                continue
            try:
                self._blobs.delete(digest)
            except StoreError as error:
                _log.warning(
                    "a payload that is not needed any more could not be deleted: %s", error
                )

    def _do(self, job: _Job) -> None:
        if not job.done.set_running_or_notify_cancel():
            return
        self._appenders = None  # The work may put another database in the place of this one.
        try:
            job.done.set_result(job.work(self._engine.writing()))
        except TrimtabError as error:
            job.done.set_exception(error)
        except duckdb.Error as error:
            self._fail([job.done], error)
        except Exception as error:
            _log.exception("work on the telemetry store failed in a way nobody foresaw")
            job.done.set_exception(self._engine.not_durable(type(error).__name__))

    def _keep_up(self, upkeep: Work) -> None:
        try:
            upkeep(self._engine.writing())
        except (duckdb.Error, StoreError) as error:
            # What was acknowledged is committed; this is tried again after a later commit.
            _log.warning("upkeep of the telemetry store failed: %s", _first_line(error))
            self._recover(error)
        except Exception:
            # Nothing that comes after a commit may end the only thread that writes.
            _log.exception("upkeep of the telemetry store failed in a way nobody foresaw")

    def _fail(self, waiting: Sequence[Future[Any]], error: duckdb.Error | StoreError) -> None:
        self.failing = True
        reason = _first_line(error)
        _log.error("telemetry was not written: %s", reason)
        self._recover(error)
        for done in waiting:
            done.set_exception(self._engine.not_durable(reason))

    def _recover(self, error: duckdb.Error | StoreError) -> None:
        # What the failed statement left behind would keep the broken database alive.
        traceback.clear_frames(error.__traceback__)
        self._appenders = None
        try:
            self._engine.recover()
        except StoreError as still:
            _log.error("the telemetry store is down: %s", still)


def _first_line(error: duckdb.Error | StoreError) -> str:
    return error.what if isinstance(error, StoreError) else said(error)
