"""The telemetry schema: numbered SQL files, applied once each, remembered with their checksums.

A store that knows a number this version does not is left alone; so is one whose applied file has
another text than ours, because then its tables may not be what our queries expect.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import duckdb

from trimtab.ports import BlobStore
from trimtab.stores.telemetry.duckdb import convert
from trimtab.stores.telemetry.duckdb.files import PackFiles
from trimtab.stores.telemetry.migrations import Migration, migrations_in, require_known


def migrations() -> list[Migration]:
    """The steps this version knows, in order."""
    return migrations_in("trimtab.stores.telemetry.duckdb.migrations")


def upgrade(
    connection: duckdb.DuckDBPyConnection,
    known: Sequence[Migration],
    *,
    place: str,
    blobs: BlobStore,
    files: PackFiles,
) -> None:
    """Apply what is missing, each step in its own transaction, and carry old rows over.

    Raises:
        StoreTooNew: a later version of Trimtab has changed the schema.
        StoreError: an applied step is not the one this version knows.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY,"
        " name VARCHAR NOT NULL, checksum VARCHAR NOT NULL, applied_ns BIGINT NOT NULL)"
    )
    rows = connection.execute("SELECT number, checksum FROM schema_migrations").fetchall()
    applied: dict[int, str] = dict(rows)
    require_known(applied, known, place)
    for step in known:
        if step.number not in applied:
            _apply(connection, step)
    if convert.is_due(connection):
        convert.convert(connection, blobs, files)


def _apply(connection: duckdb.DuckDBPyConnection, step: Migration) -> None:
    connection.begin()
    try:
        connection.execute(step.sql)
        connection.execute(
            "INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
            [step.number, step.name, step.checksum, time.time_ns()],
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
