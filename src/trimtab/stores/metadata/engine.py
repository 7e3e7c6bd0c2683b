"""One SQL database: its connections, its transactions, and its errors translated at the boundary.

Reads see one consistent state. Writes are serialised where they must be: on SQLite all of them, on
PostgreSQL those that lock the same row. Nothing here knows what the tables mean.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from trimtab.errors import StoreError
from trimtab.stores.metadata.address import Address
from trimtab.stores.metadata.faults import translate

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SQLiteInsert

WAIT_S = 30


class Database:
    """A pool of connections to the database at `address`; connects when first used."""

    def __init__(self, address: Address) -> None:
        self.place = address.place
        self.is_sqlite = address.url.get_backend_name() == "sqlite"
        self._secret = address.url.password
        self._engine = _sqlite_engine(address) if self.is_sqlite else _postgres_engine(address)
        self._writer = self._engine.execution_options(immediate=True)
        self._turn = threading.Lock()
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that is rolled back at the end."""
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is durable when the block ends, and gone when it raises."""
        with self._translated(), self._in_turn(), self._writer.begin() as connection:
            yield connection

    def insert(self, table: Table) -> PostgresInsert | SQLiteInsert:
        """An INSERT that can say what happens ON CONFLICT; both engines spell it alike."""
        if self.is_sqlite:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def settle(self) -> None:
        """Bring SQLite's log into its file and empty it: what was deleted is in neither then."""
        if self.is_sqlite:
            with self._translated(), self._in_turn(), self._engine.connect() as connection:
                connection.rollback()
                raw = connection.connection.driver_connection
                if raw is not None:
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def copy_to(self, path: Path) -> None:
        """Write a copy of an SQLite database as it is at one moment.

        Raises:
            StoreError: it cannot be written, or this is not SQLite.
        """
        if not self.is_sqlite:
            raise StoreError(
                "a PostgreSQL database is not backed up by Trimtab",
                where=self.place,
                fix="use pg_dump, or the backups of whoever runs the server",
            )
        with self._translated(), self._engine.connect() as connection:
            # Outside a transaction, which VACUUM does not allow.
            raw = connection.connection.driver_connection
            if raw is None:
                raise StoreError("the metadata database is gone", where=self.place)
            connection.rollback()
            raw.execute("VACUUM INTO ?", [str(path)])

    def close(self) -> None:
        """Disconnect; later use raises StoreError."""
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._closed:
            raise StoreError("the metadata store is closed", where=self.place)
        try:
            yield
        # Drivers refuse lone surrogates and numbers beyond 64 bits in Python's own words.
        except (SQLAlchemyError, UnicodeEncodeError, OverflowError) as error:
            # Not `from error`: it holds the statement, and may hold the address.
            raise translate(error, place=self.place, secret=self._secret) from None

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Line up the writers of this process: SQLite lets waiting writers starve each other."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=WAIT_S):
            raise StoreError("the metadata database is busy", where=self.place, fix="try again")
        try:
            yield
        finally:
            self._turn.release()


def _postgres_engine(address: Address) -> Engine:
    return create_engine(
        address.url,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        hide_parameters=True,
    )


def _sqlite_engine(address: Address) -> Engine:
    """SQLite with transactions that begin where SQLAlchemy says so.

    Left alone, Python's driver begins one only before INSERT, UPDATE and DELETE, so a SELECT that
    precedes them is outside. `isolation_level=None` stops it, and BEGIN is ours.
    """
    engine = create_engine(
        address.url,
        connect_args={"timeout": WAIT_S, "isolation_level": None},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # What is deleted or written over is gone from the file, not only from every answer.
    connection.execute("PRAGMA secure_delete = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail when another wrote in between.
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
