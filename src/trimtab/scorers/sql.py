"""`sql_result`: a query is right when it finds what the expected query finds.

Both run in a fresh SQLite database in memory, with limits on time and size, and may only read. What
makes the tables may write to that database and nowhere else.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from trimtab.errors import ScorerError
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import references

_RECURSIVE = 33  # SQLITE_RECURSIVE, which the module does not name
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, _RECURSIVE}
_OUTSIDE = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA}
_MOST_ROWS = 100_000
_MOST_BYTES = 1 << 26
_STEPS = 1_000
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_FENCE = re.compile(r"```[a-z]*[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)

Rows = list[tuple[Any, ...]]


@scorer(timeout_s=600.0)
def sql_result(
    output: str,
    expected: Any,
    metadata: dict[str, Any] | None = None,
    *,
    setup: str = "",
    database: str = "",
    ordered: bool = False,
    limit_s: Annotated[float, Meta(gt=0, le=600)] = 5.0,
) -> Judgement | Unscored:
    """Passes when the answer's query gives the same rows as the expected one, by execution.

    Execution accuracy, as in Spider (Yu et al. 2018) and BIRD (Li et al. 2023): names of columns do
    not count, their order does; numbers are compared to nine digits. Of a list of expected queries
    one is enough. Of an answer with a code fence the first is taken.

    Args:
        setup: SQL that makes and fills the tables, for SQLite; without it `metadata.setup`.
        database: a SQLite file that is copied into memory first.
        ordered: the order of the rows counts.
        limit_s: seconds that each query, and the setup, may take.

    >>> sql_result("SELECT b, 1 FROM t", "SELECT b, 1 FROM t ORDER BY b DESC",
    ...            setup="CREATE TABLE t(b); INSERT INTO t VALUES (1), (2)").passed
    True
    """
    wanted = references(expected)
    made_by = setup or (metadata or {}).get("setup") or ""
    if not wanted or not (made_by or database):
        return Unscored("missing: expected" if not wanted else "missing: setup")
    try:
        connection = _opened(str(made_by), database, limit_s)
    except ScorerError as error:
        if setup or database:
            raise
        return Unscored(error.what)
    with closing(connection):
        try:
            right = [_rows(connection, query, limit_s, of="the expected query") for query in wanted]
        except ScorerError as error:
            return Unscored(error.what)
        try:
            given = _rows(connection, _query(output), limit_s, of="the query")
        except ScorerError as error:
            return Judgement(passed=False, reason=error.what)
    same = any(given == rows if ordered else Counter(given) == Counter(rows) for rows in right)
    expected_rows = " or ".join(dict.fromkeys(str(len(rows)) for rows in right))
    return Judgement(passed=same, reason=f"{len(given)} rows, {expected_rows} expected")


def _opened(setup: str, database: str, limit_s: float) -> sqlite3.Connection:
    """A database of its own, filled."""
    if database and not Path(database).is_file():
        raise ScorerError(f"there is no file {database}", where="database", fix="correct its name")
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        with _guarded(connection, limit_s, "the setup"):
            if database:
                where = f"{Path(database).resolve().as_uri()}?mode=ro"
                with closing(sqlite3.connect(where, uri=True)) as source:
                    source.backup(connection)
            for limit, most in _LIMITS.items():
                connection.setlimit(limit, most)
            connection.set_authorizer(
                lambda action, *_: sqlite3.SQLITE_DENY if action in _OUTSIDE else sqlite3.SQLITE_OK
            )
            connection.executescript(setup)
    except ScorerError:
        connection.close()
        raise
    return connection


def _rows(connection: sqlite3.Connection, query: str, limit_s: float, *, of: str) -> Rows:
    """What a query finds.

    Raises:
        ScorerError: it fails, writes, finds too much, or takes too long.
    """
    rows: Rows = []
    size = 0
    connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY
    )
    with _guarded(connection, limit_s, of):
        for row in connection.execute(query):
            size += sum(len(cell) if isinstance(cell, str | bytes) else 8 for cell in row)
            if len(rows) >= _MOST_ROWS or size > _MOST_BYTES:
                raise ScorerError(f"{of} finds more than {_MOST_ROWS} rows or 64 MiB", where=of)
            rows.append(tuple(map(_comparable, row)))
    return rows


@contextmanager
def _guarded(connection: sqlite3.Connection, limit_s: float, of: str) -> Iterator[None]:
    """A limit on time, and one kind of error."""
    until = time.monotonic() + limit_s
    connection.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, ValueError, OverflowError) as error:
        late = "interrupted" in str(error)
        raise ScorerError(
            f"{of} took longer than {limit_s:g} s" if late else f"{of} fails: {error}", where=of
        ) from None
    finally:
        connection.set_progress_handler(None, 0)


def _comparable(cell: Any) -> Any:
    """A number to nine digits: a sum depends on the order that a plan adds in."""
    return float(f"{cell:.9g}") if isinstance(cell, float) else cell


def _query(answer: str) -> str:
    """The SQL of an answer: what its first code fence holds, else the whole."""
    fence = _FENCE.search(answer)
    return fence[1] if fence else answer
