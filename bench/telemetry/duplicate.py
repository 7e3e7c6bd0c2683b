"""Copies of rows under new ids, for sizes that take hours to feed.

In a peer's SQLite file texts and times stay those of the originals, which favours the peer: its
indexes and pages are as local as they can be. In Trimtab's DuckDB file the copies arrive in order
of time, a millisecond apart, as fed spans do; their payloads are those of the originals.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from trimtab.stores.telemetry.duckdb import statements


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


def spans(path: Path, times: int) -> None:
    """Make Trimtab's table of spans `times` as long, and its sums by hour with it."""
    with duckdb.connect(path) as connection:
        connection.execute("SET memory_limit = '4GB'; SET preserve_insertion_order = true")
        columns = [row[0] for row in connection.execute("DESCRIBE spans").fetchall()]
        changed = {
            "seq": "first + row_number() OVER (ORDER BY start_ns + copy * 1000000, seq, copy)",
            "start_ns": "start_ns + copy * 1000000",
            **{name: _renamed(name, digits) for name, digits in _IDS.items()},
        }
        chosen = ", ".join(f'{changed.get(name, _quoted(name))} AS "{name}"' for name in columns)
        connection.execute("BEGIN")
        connection.execute("CREATE TEMP TABLE originals AS SELECT * FROM spans")
        connection.execute("DELETE FROM spans")
        connection.execute(
            f"INSERT INTO spans SELECT {chosen} FROM originals, range(?) AS copies(copy),"
            " (SELECT min(seq) AS first FROM originals) ORDER BY seq",
            [times],
        )
        [(last,)] = connection.execute("SELECT max(seq) FROM spans").fetchall()
        connection.execute("DELETE FROM trace_places")
        places = connection.execute(
            "SELECT trace_id, min(seq), max(seq) FROM spans GROUP BY trace_id ORDER BY 2"
        ).fetchall()
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.writelines(f"{statements.trace_mark(one)},{a},{b}\n" for one, a, b in places)
            file.flush()
            connection.execute(f"COPY trace_places FROM '{file.name}'")
        connection.execute("DELETE FROM rollups")
        for query in (statements.add_rollups(0, last), statements.set_rollup_mark(last)):
            connection.execute(query.sql, dict(query.parameters))
        connection.execute("COMMIT")
        connection.execute("DROP TABLE originals")
        connection.execute("CHECKPOINT")


_IDS = {"trace_id": 32, "span_id": 16, "parent_id": 16}


def _renamed(name: str, digits: int) -> str:
    """The original's id stays; that of a copy is as long, and the same wherever it stands."""
    return f"CASE copy WHEN 0 THEN {name} ELSE left(md5({name} || copy), {digits}) END"


def _quoted(name: str) -> str:
    return f'"{name}"'
