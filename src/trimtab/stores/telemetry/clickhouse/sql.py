"""Answering a user's SELECT on ClickHouse, within limits of time and rows."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from trimtab.errors import InvalidRequest, Overloaded
from trimtab.ports import Table
from trimtab.stores.telemetry.clickhouse.connection import MEMORY, TIMEOUT, Connection, Failed
from trimtab.stores.telemetry.clickhouse.dialect import converted
from trimtab.stores.telemetry.readonly_sql import checked, scoped

__all__ = ["answer", "checked"]

_PLAIN = (str, int, bool, Decimal, type(None))


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
        InvalidRequest: the database cannot make sense of it.
        Overloaded: it took longer than `timeout_s`, or more memory than there is.
    """
    settings = {
        "readonly": 2,
        "limit": max_rows + 1,
        "max_execution_time": timeout_s,
        "timeout_before_checking_execution_speed": 0,
    }
    try:
        text = converted(scoped(statement, project, source="")).sql(dialect="clickhouse")
        found = connection.ask(text, None, settings)
    except SqlglotError as error:
        raise _refused(str(error).splitlines()[0][:200]) from None
    except Failed as failed:
        if failed.code in {TIMEOUT, MEMORY}:
            raise _too_much(failed, timeout_s) from None
        if failed.code == 0:
            raise
        raise _refused(failed.reason) from None
    return Table(
        columns=found.columns,
        types=[kind.lower() for kind in found.types],
        rows=[[_plain(value) for value in row] for row in found.rows[:max_rows]],
        truncated=len(found.rows) > max_rows,
    )


def _too_much(failed: Failed, timeout_s: float) -> Overloaded:
    told = f"longer than {timeout_s:g} s" if failed.code == TIMEOUT else "too much memory"
    return Overloaded(
        f"the query took {told}", where="sql", fix="narrow it, for example by start_ns"
    )


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"this SQL cannot be answered: {reason}",
        where="sql",
        fix="see the columns of spans and scores in the documentation of querying",
    )


def _plain(value: Any) -> Any:
    """A cell as JSON has it; what is not a number is nothing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if isinstance(value, _PLAIN) else str(value)
