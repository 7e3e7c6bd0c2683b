"""`sql_result`: a query is right when it finds what the expected query finds.

Both run in a fresh SQLite database in memory, for a limited time, and may only read.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from trimtab.errors import ScorerError
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import references

_READING = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    33,
}  # 33: recursive
_MOST_ROWS = 100_000
_STEPS = 10_000

Rows = list[tuple[Any, ...]]


@scorer
def sql_result(
    output: str,
    expected: Any,
    metadata: dict[str, Any] | None = None,
    *,
    setup: str = "",
    database: str = "",
    ordered: bool = False,
    limit_s: float = 5.0,
) -> Judgement | Unscored:
    """Passes when the answer's query gives the same rows as the expected one, by execution.

    Args:
        setup: SQL that makes and fills the tables; without it `metadata.setup` of the row.
        database: a SQLite file that is copied into memory first.
        ordered: the order of the rows counts.
        limit_s: seconds that each query may take.

    >>> sql_result("SELECT b, 1 FROM t", "SELECT b, 1 FROM t ORDER BY b DESC",
    ...            setup="CREATE TABLE t(b); INSERT INTO t VALUES (1), (2)").passed
    True
    """
    wanted = references(expected)
    made_by = setup or (metadata or {}).get("setup", "")
    if not wanted or not (made_by or database):
        return Unscored("missing: expected" if not wanted else "missing: setup")
    with closing(_opened(made_by, database)) as connection:
        right = _rows(connection, wanted[0], limit_s, of="the expected query")
        try:
            given = _rows(connection, _query(output), limit_s, of="the query")
        except ScorerError as error:
            return Judgement(passed=False, reason=error.what)
    same = given == right if ordered else Counter(given) == Counter(right)
    return Judgement(passed=same, reason=f"{len(given)} rows, {len(right)} expected")


def _opened(setup: str, database: str) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    if database:
        if not Path(database).is_file():
            raise ScorerError(f"there is no file {database}", where="database")
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source:
            source.backup(connection)
    try:
        connection.executescript(setup)
    except sqlite3.Error as error:
        raise ScorerError(f"the tables cannot be made: {error}", where="setup") from None
    return connection


def _rows(connection: sqlite3.Connection, query: str, limit_s: float, *, of: str) -> Rows:
    """What a query finds. Raises ScorerError: it fails, writes, or takes too long."""
    until = time.monotonic() + limit_s
    connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY
    )
    connection.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
    try:
        return connection.execute(query).fetchmany(_MOST_ROWS)
    except (sqlite3.Error, sqlite3.Warning) as error:
        late = "interrupted" in str(error)
        raise ScorerError(
            f"{of} took longer than {limit_s:g} s" if late else f"{of} fails: {error}", where=of
        ) from None
    finally:
        connection.set_progress_handler(None, 0)


def _query(answer: str) -> str:
    """The SQL of an answer: what a code fence holds, else the whole."""
    start = answer.find("```")
    end = answer.find("```", start + 3)
    if start < 0 or end < 0:
        return answer
    inside = answer[start + 3 : end]
    return inside.removeprefix("sqlite").removeprefix("sql")
