"""What every question is made of: text with slots, conditions, and sums.

Written in DuckDB's dialect with named parameters. Slots in braces take column lists and conditions
from this package only: values never become part of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from trimtab.ports import SpanQuery, TraceSort
from trimtab.stores.telemetry import filters
from trimtab.stores.telemetry.filters import Search, Where
from trimtab.stores.telemetry.rows import INPUT_TOKENS, OUTPUT_TOKENS

HOUR_NS = 3_600_000_000_000
MAX_NS = (1 << 63) - 1

INPUT_SUM = f"coalesce(sum({INPUT_TOKENS}), 0)"
OUTPUT_SUM = f"coalesce(sum({OUTPUT_TOKENS}), 0)"

# What a list of traces goes by, as `TraceSummary.place` has it.
PLACES: Mapping[TraceSort, str] = {
    "start": "min(start_ns)",
    "duration": "(max(start_ns + duration_ns) - min(start_ns))",
    "cost": "coalesce(CAST(sum(cost_usd) * 1000000000 AS BIGINT), -1)",
    "tokens": f"({INPUT_SUM} + {OUTPUT_SUM})",
    "spans": "count(*)",
    "errors": "count(*) FILTER (WHERE status = 'error')",
}


class Query(NamedTuple):
    sql: str
    parameters: Mapping[str, Any]


def matching(query: SpanQuery, search: Search, *, since: int | None = None) -> Where:
    """The conditions of a query on single spans."""
    where = period_of(query)
    where.compare("start_ns", ">=", "floor", since)
    where.equal("trace_id", query.trace_id)
    where.equal("route", query.route)
    where.equal("release", query.release)
    where.equal("run", query.run)
    where.equal("kind", query.kind)
    if query.where is not None:
        where.add(filters.of_span(where, query.where, search))
    return where


def period_of(query: SpanQuery) -> Where:
    where = Where(query.since_ns, query.until_ns)
    where.equal("project", query.project)
    where.compare("start_ns", ">=", "since", query.since_ns)
    where.compare("start_ns", "<", "until", query.until_ns)
    return where


def composed(sql: str, where: Where, **parameters: Any) -> Query:
    return Query(fill(sql, where=where.text), where.parameters | parameters)


def fill(sql: str, **slots: str) -> str:
    """SQL with its slots filled; the text of a slot is not looked into."""
    for slot, text in slots.items():
        sql = sql.replace(f"{{{slot}}}", text)
    return sql
