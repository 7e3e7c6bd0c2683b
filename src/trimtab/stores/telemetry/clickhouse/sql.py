"""Answering a user's SELECT on ClickHouse, within limits of time, memory, rows and bytes."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from trimtab.errors import InvalidRequest
from trimtab.ports import Table
from trimtab.stores.telemetry.clickhouse.connection import (
    MEMORY,
    TIMEOUT,
    TOO_MUCH,
    Connection,
    Failed,
)
from trimtab.stores.telemetry.clickhouse.dialect import converted
from trimtab.stores.telemetry.readonly_answer import (
    ANSWER_BYTES,
    gathered,
    too_large,
    too_long,
    too_slow,
)
from trimtab.stores.telemetry.readonly_sql import checked, guarded, refused, scoped

__all__ = ["answer", "checked"]

_MEMORY_BYTES = 1 << 30
_COLUMNS = "ask SELECT * FROM spans LIMIT 1, or the same of scores, for the columns there are"
_VALUES = "look at the values it is about, and leave out those that do not fit"
_FIXES = {
    16: _COLUMNS,  # no such column in a table
    46: "use the functions that the documentation names",
    47: _COLUMNS,  # unknown identifier
    60: _COLUMNS,
    62: "write it more simply",  # syntax
    407: "calculate with smaller numbers, or cast them to DOUBLE first",
}


def answer(
    connection: Connection,
    project: str,
    statement: exp.Query,
    *,
    max_rows: int,
    timeout_s: float,
) -> Table:
    """Run a checked statement over a project's rows.

    Raises:
        InvalidRequest: the database cannot make sense of it, or it takes too much.
    """
    settings = {
        "readonly": 2,
        "limit": max_rows + 1,
        "max_execution_time": timeout_s,
        "timeout_before_checking_execution_speed": 0,
        "max_memory_usage": _MEMORY_BYTES,
        # In columns as they are sent; what they are in JSON is measured here.
        "max_result_bytes": 2 * ANSWER_BYTES,
        "result_overflow_mode": "throw",
    }
    try:
        found = connection.ask(_translated(statement, project), None, settings)
    except Failed as failed:
        raise _refusal(failed, timeout_s) from None
    rows, truncated = gathered(found.rows, max_rows=max_rows)
    return Table(
        columns=found.columns,
        types=[kind.lower() for kind in found.types],
        rows=rows,
        truncated=truncated,
    )


def _translated(statement: exp.Query, project: str) -> str:
    try:
        with guarded():
            scope = converted(scoped(statement, project, source=""))
            return scope.sql(dialect="clickhouse", comments=False)
    except SqlglotError as error:
        raise refused(str(error).splitlines()[0][:200]) from None
    except (ValueError, TypeError, AttributeError):
        # What is translated by hand is known in the forms that our own queries have.
        raise refused("ClickHouse cannot be told this", fix="write it more simply") from None


def _refusal(failed: Failed, timeout_s: float) -> Exception:
    if failed.code == TIMEOUT:
        return too_slow(timeout_s)
    if failed.code == MEMORY:
        return too_large()
    if failed.code == TOO_MUCH:
        return too_long()
    if failed.code == 0:
        return failed
    refusal: InvalidRequest = refused(failed.reason, fix=_FIXES.get(failed.code, _VALUES))
    return refusal
