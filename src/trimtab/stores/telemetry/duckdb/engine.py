"""The DuckDB database behind the telemetry store: opened, shared between threads, reopened.

One connection writes; every read has a cursor of its own and its own view of committed data, so
readers and the writer never wait for each other. DuckDB declares a database invalid after some
failures (a full disk during a checkpoint); then it is closed and opened again from its log, once no
read is under way. DuckDB's errors leave this module only as errors of `trimtab.errors`.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Condition, Lock

import duckdb

from trimtab.errors import NotDurable, StoreError, StoreLocked
from trimtab.kit.disk import sync_directory
from trimtab.kit.lockfile import LockFile, LockHeld
from trimtab.ports import BlobStore
from trimtab.stores.telemetry.duckdb.connection import fetch, said
from trimtab.stores.telemetry.duckdb.files import PackFiles
from trimtab.stores.telemetry.duckdb.leftovers import Notes
from trimtab.stores.telemetry.duckdb.schema import migrations, upgrade
from trimtab.stores.telemetry.duckdb.statements import last_bytes, last_extent, spans_beyond
from trimtab.stores.telemetry.duckdb.watch import Reason

_log = logging.getLogger("trimtab.telemetry")

# Beside the database: a copy that takes its place, and one that leads to a backup.
COMPACT, COPY = ".compact", ".copy"
_ATTACH = "ATTACH '{path}' AS telemetry (ROW_GROUP_SIZE {rows})"
_USE = "USE telemetry"
# What DuckDB may open: the database, and copies it writes, each with its log.
_OWN_FILES = ("", COMPACT, COPY)
_OF_A_FILE = ("", ".wal", ".wal.checkpoint", ".wal.recovery")
# How long a read of a user's SQL may go on once the store needs a moment without reads.
_GRACE_S = 1.0
_AGAIN_S = 0.1
_HOLDER = re.compile(r"Could not set lock .*\(PID (\d+)\)")


class Engine:
    """The open database. `reading` may be used from any thread, `writing` from one."""

    # Small row groups: a checkpoint rewrites the last one, and a point is found in one.
    ROW_GROUP = 30_720
    # A write waits for the checkpoint it triggers; larger steps make that rare, and a log of this
    # size is replayed in about a second.
    CHECKPOINT = "64MB"

    def __init__(self, path: Path, *, memory: str, threads: int, blobs: BlobStore) -> None:
        self.place = str(path)
        self.blobs = blobs
        self.files = PackFiles(path.with_suffix(".packs"))
        self.notes = Notes(path.with_suffix(".erasing"))
        self._settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": f"{path}.tmp",
            "max_temp_directory_size": "4GB",
            "checkpoint_threshold": self.CHECKPOINT,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
        }
        self._turn = Condition()
        self._kept = Lock()
        self._reads = 0
        self._stops: set[Callable[[Reason], None]] = set()
        self._recovering = False
        self._closed = False
        self._lock = self._hold(path)
        try:
            self._connection: duckdb.DuckDBPyConnection | None = self._open()
            last = self._connection.execute(last_extent().sql).fetchall()
            self.files.recover(*(last[0] if last else (0, 0)))
            self._report_damage(self._connection)
        except BaseException:
            self._lock.release()
            raise

    def writing(self) -> duckdb.DuckDBPyConnection:
        """The connection of the only writer.

        Raises:
            NotDurable: the database broke, and cannot be opened again yet.
        """
        with self._turn:
            try:
                return self._current()
            except StoreError as error:
                raise self.not_durable(error.what) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for the queries of one call.

        Raises:
            StoreError: the database cannot be read; also for errors inside the block.
        """
        with self._turn:
            self._turn.wait_for(lambda: not self._recovering)
            connection = self._current()
            self._reads += 1
        try:
            with contextlib.closing(connection.cursor()) as cursor:
                cursor.execute(_USE)
                # One view for all queries of a call: packs are moved and erased meanwhile.
                cursor.begin()
                yield cursor
        except duckdb.Error as error:
            raise self._unreadable(said(error)) from error
        finally:
            with self._turn:
                self._reads -= 1
                self._turn.notify_all()

    @contextlib.contextmanager
    def yielding(self, stop: Callable[[Reason], None]) -> Iterator[None]:
        """Around a read that may be stopped when the store needs a moment without reads."""
        with self._turn:
            self._stops.add(stop)
        try:
            yield
        finally:
            with self._turn:
                self._stops.discard(stop)
                self._turn.notify_all()

    def make_room(self) -> None:
        """Stop the reads that may have taken all memory there is."""
        with self._turn:
            while self._stops:
                self._stop_reads("memory")
                self._turn.wait(_AGAIN_S)

    def recover(self) -> None:
        """After a failed write: if the database is broken, close it and open it again.

        Raises:
            StoreError: it is broken and cannot be opened; the next use tries again.
        """
        with self._turn:
            if self._connection is None or _works(self._connection):
                return
            self._recovering = True
            try:
                self._wait_for_reads()
                with contextlib.suppress(duckdb.Error):
                    self._connection.close()
                self._connection = None
                self._current()
            finally:
                self._recovering = False
                self._turn.notify_all()

    @property
    def size_bytes(self) -> int:
        """Of the database file, its log, and the pack files."""
        own = (Path(self.place), Path(f"{self.place}.wal"))
        return self.files.size_bytes + sum(file.stat().st_size for file in own if file.exists())

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """A moment in which nobody reads and nobody copies; used by the writer's thread."""
        with self._kept, self._turn:
            self._recovering = True
            try:
                self._wait_for_reads()
                yield
            finally:
                self._recovering = False
                self._turn.notify_all()

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """While this lasts, no byte of a pack file is overwritten."""
        with self._kept:
            yield

    def replace_file(self, fresh: Path) -> None:
        """Put another file in the place of the database, once no read is under way.

        Raises:
            StoreError: the database cannot be opened again; the next use tries again.
        """
        with self._turn:
            self._recovering = True
            try:
                self._wait_for_reads()
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                if Path(f"{self.place}.wal").exists():
                    # A log that was not taken in would be replayed on top of the new file.
                    raise self.not_durable("its log could not be taken in")
                fresh.replace(self.place)
                sync_directory(Path(self.place).parent)
                self._current()
            finally:
                self._recovering = False
                self._turn.notify_all()

    def close(self) -> None:
        """Wait for reads, write everything into the database file, and release it."""
        with self._turn:
            self._closed = True
            self._wait_for_reads()
            connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(duckdb.Error):
                connection.execute("CHECKPOINT")
            with contextlib.suppress(duckdb.Error):
                connection.close()
        self.files.close()
        self._lock.release()

    def _wait_for_reads(self) -> None:
        """Until there are none, stopping those that may take long; call it in turn."""
        wait_s = _GRACE_S
        while not self._turn.wait_for(lambda: self._reads == 0, timeout=wait_s):
            self._stop_reads("upkeep")
            wait_s = _AGAIN_S

    def _stop_reads(self, reason: Reason) -> None:
        for stop in self._stops:
            stop(reason)

    def not_durable(self, reason: str) -> NotDurable:
        return NotDurable(
            f"telemetry cannot be written: {reason}",
            where=self.place,
            fix="free space on that disk and check that it is writable; later writes will work",
        )

    def _current(self) -> duckdb.DuckDBPyConnection:
        """The connection, opened again if it was lost; call it in turn."""
        if self._closed:
            raise StoreError("the telemetry store is closed", where=self.place)
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _hold(self, path: Path) -> LockFile:
        """Our own lock: DuckDB's ends when anything in this process closes the database file."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return LockFile(path.with_name(f"{path.name}.lock"))
        except LockHeld as held:
            raise self._locked(held.pid) from None
        except OSError as error:
            raise self._unopened(error.strerror or type(error).__name__) from error

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(config=self._settings)
        except duckdb.Error as error:
            raise self._unopened(said(error)) from error
        try:
            quoted = self.place.replace("'", "''")
            connection.execute(_ATTACH.format(path=quoted, rows=self.ROW_GROUP))
            connection.execute(_USE)
            upgrade(connection, migrations(), place=self.place, blobs=self.blobs, files=self.files)
            self._enclose(connection)
        except BaseException as error:
            connection.close()
            if not isinstance(error, duckdb.Error):
                raise
            if holder := _HOLDER.search(str(error)):
                raise self._locked(int(holder[1])) from error
            raise self._unopened(said(error)) from error
        return connection

    def _enclose(self, connection: duckdb.DuckDBPyConnection) -> None:
        """From here on no statement reaches another file or changes a setting."""
        ends = [f"{which}{end}" for which in _OWN_FILES for end in _OF_A_FILE]
        listed = ", ".join("'{}'".format(f"{self.place}{end}".replace("'", "''")) for end in ends)
        connection.execute(f"SET allowed_paths = [{listed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    def _report_damage(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Say which files of payloads are missing or cut off, and what of it is lost."""
        for file, end in fetch(connection, last_bytes()):
            if (size := self.files.size(file)) < end:
                [(count,)] = fetch(connection, spans_beyond(file, size))
                _log.error(
                    "%s has %d bytes of %d: the payloads of %d spans are lost; "
                    "restore it from a backup",
                    self.files.path(file),
                    size,
                    end,
                    count,
                )

    def _locked(self, pid: int | None) -> StoreLocked:
        return StoreLocked(
            f"the telemetry store is in use by {f'process {pid}' if pid else 'another process'}",
            where=self.place,
            fix="stop that process, talk to it over HTTP, or name another data directory",
            pid=pid,
        )

    def _unopened(self, reason: str) -> StoreError:
        return StoreError(
            f"the telemetry store cannot be opened: {reason}",
            where=self.place,
            fix="check that the file belongs to this user and is a telemetry store of this version",
        )

    def _unreadable(self, reason: str) -> StoreError:
        return StoreError(
            f"telemetry cannot be read: {reason}",
            where=self.place,
            fix="check the disk and the server's log, then try again",
        )


def _works(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a transaction can begin and read: none is open, and the database is valid."""
    try:
        connection.begin()
        connection.execute("SELECT time_ns FROM heartbeat").fetchall()
        connection.rollback()
    except duckdb.Error:
        return False
    return True
