"""The telemetry schema: numbered SQL files, applied once each, remembered with their checksums.

A store that knows a number this version does not is left alone; so is one whose applied file has
another text than ours, because then its tables may not be what our queries expect.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

import duckdb

from trimtab.errors import StoreError, StoreTooNew
from trimtab.kit.hashing import sha256_hex
from trimtab.ports import BlobStore
from trimtab.stores.telemetry.duckdb import convert
from trimtab.stores.telemetry.duckdb.files import PackFiles

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


class Migration(NamedTuple):
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256_hex(self.sql.encode())


def migrations() -> list[Migration]:
    """The steps this version knows, in order."""
    return sorted(
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in files("trimtab.stores.telemetry.duckdb.migrations").iterdir()
        if (match := _FILE.fullmatch(file.name))
    )


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
    _check(applied, known, place)
    for step in known:
        if step.number not in applied:
            _apply(connection, step)
    if convert.is_due(connection):
        convert.convert(connection, blobs, files)


def _check(applied: dict[int, str], known: Sequence[Migration], place: str) -> None:
    newest = max((step.number for step in known), default=0)
    found = max(applied, default=0)
    if found > newest:
        raise StoreTooNew(
            "the telemetry store was written by a newer Trimtab",
            where=place,
            fix="run the version that wrote it, or a newer one",
            found=found,
            supported=newest,
        )
    for step in known:
        if applied.get(step.number, step.checksum) != step.checksum:
            raise StoreError(
                f"migration {step.number:04d}_{step.name} was applied with another text",
                where=place,
                fix="run the version that wrote this store; applied migrations are never edited",
                number=step.number,
            )


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
