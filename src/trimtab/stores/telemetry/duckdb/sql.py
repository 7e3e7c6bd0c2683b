"""Answering a user's SELECT on DuckDB, within limits of time and rows."""

from __future__ import annotations

from decimal import Decimal
from threading import Timer
from typing import Any

import duckdb
from sqlglot import exp

from trimtab.errors import InvalidRequest, Overloaded
from trimtab.ports import Table
from trimtab.stores.telemetry.duckdb.connection import said
from trimtab.stores.telemetry.readonly_sql import checked, scoped

__all__ = ["answer", "checked"]

_PLAIN = (str, int, float, bool, Decimal, type(None))


def answer(
    cursor: duckdb.DuckDBPyConnection,
    project: str,
    statement: exp.Query,
    *,
    max_rows: int,
    timeout_s: float,
) -> Table:
    """Run a checked statement over a project's rows.

    Raises:
        InvalidRequest: the database cannot make sense of it.
        Overloaded: it took longer than `timeout_s`.
    """
    text = scoped(statement, project).sql(dialect="duckdb")
    timer = Timer(timeout_s, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        cursor.execute(text)
        found = cursor.fetchmany(max_rows + 1)
        described = cursor.description or []
    except duckdb.InterruptException:
        raise Overloaded(
            f"the query took longer than {timeout_s:g} s",
            where="sql",
            fix="narrow it, for example by start_ns",
        ) from None
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        raise InvalidRequest(
            f"this SQL cannot be answered: {said(error)}",
            where="sql",
            fix="see the columns of spans and scores in the documentation of querying",
        ) from None
    finally:
        timer.cancel()
    return Table(
        columns=[column[0] for column in described],
        types=[str(column[1]).lower() for column in described],
        rows=[[_plain(value) for value in row] for row in found[:max_rows]],
        truncated=len(found) > max_rows,
    )


def _plain(value: Any) -> Any:
    """A cell as JSON has it."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if isinstance(value, _PLAIN) else str(value)
