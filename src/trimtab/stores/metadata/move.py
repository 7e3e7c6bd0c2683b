"""Moving the metadata from one database into another, and proving that all of it arrived.

One transaction: the new database holds everything or nothing, so a move that was stopped is begun
again. Nothing is deleted where it came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec
from sqlalchemy import Connection, LargeBinary, RowMapping, Table, func, select, text, tuple_

from trimtab.errors import StoreError
from trimtab.kit import jsonx
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import (
    METADATA,
    audit,
    contents,
    counters,
    cursors,
    datasets,
    row_packs,
)
from trimtab.stores.metadata.upgrade import opened

_PORTION = 500  # keys in one statement, which SQLite limits
_CHUNKS = 20  # rows at once of tables whose rows may have a megabyte
# What a store that was only opened may hold already.
_OWN = (counters, cursors)
_NUMBERED = ((datasets, "id"), (contents, "id"), (row_packs, "id"), (audit, "seq"))


class MovedTable(msgspec.Struct, frozen=True, kw_only=True):
    """What both databases hold of a table."""

    table: str
    rows: int
    digest: str


def move(source_url: str, target_url: str) -> list[MovedTable]:
    """Copy every table and compare; one that holds the same already is only compared.

    Args:
        source_url: nobody writes to it meanwhile. Both are brought to the newest schema.
    Raises:
        ConfigError, MissingExtra, StoreTooNew: as `SQLMetadata.open`.
        StoreError: the new database holds something else, or one cannot be read or written.
    """
    with (
        closing(opened(source_url)) as source,
        closing(opened(target_url)) as target,
        source.read() as theirs,
        target.write() as ours,
    ):
        expected = [_told(theirs, table) for table in METADATA.sorted_tables]
        if _is_empty(ours):
            _copy(theirs, ours)
            _continue_numbers(ours, target)
        for told in expected:
            found = _told(ours, METADATA.tables[told.table])
            if found != told:
                raise _differs(told, found, target.place)
        return expected


def _is_empty(connection: Connection) -> bool:
    tables = [table for table in METADATA.sorted_tables if table not in _OWN]
    return not any(
        connection.execute(select(func.count()).select_from(table)).scalar() for table in tables
    )


def _copy(theirs: Connection, ours: Connection) -> None:
    for table in _OWN:
        ours.execute(table.delete())
    for table in METADATA.sorted_tables:
        for portion in _portions(theirs, table):
            ours.execute(table.insert(), [dict(row) for row in portion])


def _continue_numbers(connection: Connection, target: Database) -> None:
    """Rows came with their numbers, so PostgreSQL must be told where to go on."""
    if target.is_sqlite:
        return
    for table, column in _NUMBERED:
        name = {"table": table.name, "column": column}
        last = connection.execute(select(func.max(table.c[column]))).scalar()
        if last is not None:
            sequence = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
            connection.execute(sequence, name | {"last": last})


def _told(connection: Connection, table: Table) -> MovedTable:
    digest, count = hashlib.sha256(), 0
    for portion in _portions(connection, table):
        for row in portion:
            count += 1
            digest.update(jsonx.encode(list(row.values())) + b"\n")
    return MovedTable(table=str(table.name), rows=count, digest=digest.hexdigest())


def _portions(connection: Connection, table: Table) -> Iterator[Sequence[RowMapping]]:
    """The rows in the order of their keys as Python has it, whatever the database's collation."""
    keys = list(table.primary_key.columns)
    large = any(isinstance(column.type, LargeBinary) for column in table.columns)
    size = _CHUNKS if large else _PORTION
    for portion in _batched(sorted(map(tuple, connection.execute(select(*keys)))), size):
        found = connection.execute(select(table).where(tuple_(*keys).in_(portion))).mappings()
        yield sorted(found, key=lambda row: tuple(row[column.name] for column in keys))


def _batched(keys: list[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _differs(told: MovedTable, found: MovedTable, place: str) -> StoreError:
    return StoreError(
        f"the two metadata databases do not hold the same: {told.table} are {told.rows} rows"
        f" ({told.digest:.12}) in the old one and {found.rows} ({found.digest:.12}) in the new one",
        where=place,
        fix="move into an empty database; the old one is as it was",
        table=told.table,
    )
