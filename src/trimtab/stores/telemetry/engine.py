"""The DuckDB database behind the telemetry store: opened, shared between threads, reopened.

One connection writes; every read has a cursor of its own and its own view of committed data, so
readers and the writer never wait for each other. DuckDB declares a database invalid after some
failures (a full disk during a checkpoint); then it is closed and opened again from its log, once no
read is under way. DuckDB's errors leave this module only as errors of `trimtab.errors`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Condition
from uuid import uuid4

import duckdb

from trimtab.errors import NotDurable, StoreError, StoreLocked
from trimtab.stores.telemetry.schema import migrations, upgrade

_HOLDER = re.compile(r"\(PID (\d+)\)")


class Engine:
    """The open database. `reading` may be used from any thread, `writing` from one."""

    def __init__(self, path: Path, *, memory: str, threads: int) -> None:
        self.place = str(path)
        self._settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "threads": threads,
            # A write waits for the checkpoint it triggers; larger steps make that rare, and a
            # log of this size is replayed in about a second.
            "checkpoint_threshold": "64MB",
            "max_temp_directory_size": "4GB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            # DuckDB shares one instance between equal settings; these are equal to no other's.
            "custom_user_agent": f"trimtab-{uuid4()}",
        }
        self._turn = Condition()
        self._reads = 0
        self._recovering = False
        self._closed = False
        self._connection: duckdb.DuckDBPyConnection | None = self._open()

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
                yield cursor
        except duckdb.Error as error:
            raise self._unreadable(said(error)) from error
        finally:
            with self._turn:
                self._reads -= 1
                self._turn.notify_all()

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
                self._turn.wait_for(lambda: self._reads == 0)
                with contextlib.suppress(duckdb.Error):
                    self._connection.close()
                self._connection = None
                self._current()
            finally:
                self._recovering = False
                self._turn.notify_all()

    def close(self) -> None:
        """Wait for reads, write everything into the database file, and release it."""
        with self._turn:
            self._closed = True
            self._turn.wait_for(lambda: self._reads == 0)
            connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(duckdb.Error):
                connection.execute("CHECKPOINT")
            with contextlib.suppress(duckdb.Error):
                connection.close()

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

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            Path(self.place).parent.mkdir(parents=True, exist_ok=True)
            connection = duckdb.connect(self.place, config=self._settings)
        except OSError as error:
            raise self._unopened(error.strerror or type(error).__name__) from error
        except duckdb.Error as error:
            raise self._locked(str(error)) or self._unopened(said(error)) from error
        try:
            upgrade(connection, migrations(), place=self.place)
        except BaseException as error:
            connection.close()
            if isinstance(error, duckdb.Error):
                raise self._unopened(said(error)) from error
            raise
        return connection

    def _locked(self, text: str) -> StoreLocked | None:
        """The error to raise when `text` says that somebody has the file open."""
        holder = _HOLDER.search(text)
        if "different configuration" in text:
            pid: int | None = os.getpid()
        elif holder or "Could not set lock" in text:
            pid = int(holder[1]) if holder else None
        else:
            return None
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
    """Whether a transaction can begin: no failed one is open, and the database is valid."""
    try:
        connection.begin()
        connection.rollback()
    except duckdb.Error:
        return False
    return True


def said(error: duckdb.Error) -> str:
    """The first line of DuckDB's message; the rest repeats the statement."""
    return next(iter(str(error).splitlines()), type(error).__name__)
