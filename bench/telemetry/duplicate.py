"""Copies of rows in a peer's SQLite file under new ids, for sizes that take hours to feed.

Texts and times stay those of the originals, which favours the peer: its indexes and pages are
as local as they can be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path


def rows(
    path: Path, tables: Sequence[str], unique: Mapping[str, Sequence[str]], times: int
) -> None:
    """Make each table `times` as long. `unique` names its text columns that must differ by copy."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = OFF")
    step = {table: largest_id(connection, table) for table in tables}
    for copy in range(1, times):
        for table in tables:
            columns = copied(connection, table, unique.get(table, ()), step, copy)
            names = ", ".join(f'"{name}"' for name in columns)
            chosen = ", ".join(columns.values())
            first = f" WHERE id <= {step[table]}" if step[table] else originals(table, unique)
            connection.execute(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table}{first}")
        connection.commit()
    connection.close()


def largest_id(connection: sqlite3.Connection, table: str) -> int:
    """0 where the table has no integer key."""
    if "id" not in {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}:
        return 0
    return int(connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])


def copied(
    connection: sqlite3.Connection,
    table: str,
    unique: Sequence[str],
    step: Mapping[str, int],
    copy: int,
) -> dict[str, str]:
    """Columns that can be written, each with the expression of its value in the copy."""
    foreign = {row[3]: row[2] for row in connection.execute(f"PRAGMA foreign_key_list({table})")}
    expressions = {}
    for row in connection.execute(f"PRAGMA table_info({table})"):
        name = row[1]
        expressions[name] = f'"{name}"'
        if name in unique:
            expressions[name] = f"\"{name}\" || '-{copy}'"
        elif name == "id":
            expressions[name] = f"id + {copy * step[table]}"
        elif step.get(foreign.get(name, ""), 0):
            expressions[name] = f'"{name}" + {copy * step[foreign[name]]}'
    return expressions


def originals(table: str, unique: Mapping[str, Sequence[str]]) -> str:
    """The rows that are no copy, in a table keyed by text."""
    return f" WHERE instr(substr({unique[table][0]}, 5), '-') = 0"
