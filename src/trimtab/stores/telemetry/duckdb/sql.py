"""Answering a user's SELECT on DuckDB, within limits of time, memory, rows and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
from sqlglot import exp

from trimtab.errors import InvalidRequest, Overloaded, TrimtabError
from trimtab.ports import Table
from trimtab.stores.telemetry.duckdb.connection import said
from trimtab.stores.telemetry.duckdb.watch import Watch
from trimtab.stores.telemetry.readonly_answer import gathered, too_large, too_slow
from trimtab.stores.telemetry.readonly_sql import checked, guarded, refused, scoped

__all__ = ["answer", "checked"]

# Few enough that a portion of the longest cells fits into memory.
_PORTION = 100

_COLUMNS = "ask SELECT * FROM spans LIMIT 1, or the same of scores, for the columns there are"
_VALUES = "look at the values it is about; TRY_CAST and json_valid leave out those that do not fit"
_NUMBERS = "calculate with smaller numbers, or cast them to DOUBLE first"
_FIXES: tuple[tuple[type[duckdb.Error], str], ...] = (
    (duckdb.ParserException, "write it in DuckDB's dialect"),
    (duckdb.CatalogException, "use the functions and the columns that the documentation names"),
    (duckdb.BinderException, _COLUMNS),
    (duckdb.OutOfRangeException, _NUMBERS),
    (duckdb.ConversionException, _VALUES),
    (duckdb.TypeMismatchException, _VALUES),
    (duckdb.InvalidInputException, _VALUES),
    (duckdb.NotImplementedException, "say it in another way; DuckDB cannot do this"),
)


# A permission is one to open a file.
_OF_THE_STATEMENT = (
    duckdb.ProgrammingError,
    duckdb.DataError,
    duckdb.NotSupportedError,
    duckdb.PermissionException,
)


def answer(
    cursor: duckdb.DuckDBPyConnection,
    project: str,
    statement: exp.Query,
    watch: Watch,
    *,
    max_rows: int,
    timeout_s: float,
) -> Table:
    """Run a checked statement over a project's rows.

    Raises:
        InvalidRequest: the database cannot make sense of it, or it takes too much.
        Overloaded: it stood in the way of the store's upkeep, and would be answered later.
    """
    with guarded():
        text = scoped(statement, project).sql(dialect="duckdb", comments=False)
    try:
        with watch:
            cursor.execute(text)
            described = cursor.description or []
            rows, truncated = gathered(_rows(cursor), max_rows=max_rows)
    except duckdb.InterruptException:
        raise _stopped(watch, timeout_s) from None
    except duckdb.OutOfMemoryException:
        raise too_large() from None
    except _OF_THE_STATEMENT as error:
        raise _unfit(error) from None
    return Table(
        columns=[column[0] for column in described],
        types=[str(column[1]).lower() for column in described],
        rows=rows,
        truncated=truncated,
    )


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while portion := cursor.fetchmany(_PORTION):
        yield from portion


def _stopped(watch: Watch, timeout_s: float) -> TrimtabError:
    if watch.reason == "memory":
        return too_large()
    if watch.reason == "upkeep":
        return Overloaded(
            "the query was stopped, because the store is being compacted or mended",
            where="sql",
            fix="ask again in a moment",
            retry_after_s=1,
        )
    return too_slow(timeout_s)


def _unfit(error: duckdb.Error) -> InvalidRequest:
    fix = next((fix for kind, fix in _FIXES if isinstance(error, kind)), _VALUES)
    return refused(said(error), fix=fix)
