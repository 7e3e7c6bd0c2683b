"""What matching spans add up to: by value, by step of time, by both."""

from __future__ import annotations

from trimtab.ports import GroupField, SpanQuery
from trimtab.stores.telemetry import filters
from trimtab.stores.telemetry.filters import Search, Where
from trimtab.stores.telemetry.queries.composing import (
    INPUT_SUM,
    OUTPUT_SUM,
    PLACES,
    Query,
    composed,
    fill,
    matching,
)
from trimtab.stores.telemetry.rows import UNPRICED

_FIGURES = f"""count(DISTINCT trace_id), count(*), count(*) FILTER (WHERE kind = 'llm'),
    count(*) FILTER (WHERE status = 'error'), {INPUT_SUM}, {OUTPUT_SUM}, sum(cost_usd),
    count(*) FILTER (WHERE {UNPRICED}),
    quantile_cont(duration_ns / 1e6, 0.5) FILTER (WHERE kind = 'llm'),
    quantile_cont(duration_ns / 1e6, 0.95) FILTER (WHERE kind = 'llm')"""

_GROUPS = """
    SELECT {key} AS key, {figures}, min(start_ns) AS first_ns, max(start_ns) AS last_ns
    FROM {source} WHERE {where} GROUP BY key ORDER BY {order} LIMIT $limit"""

_SERIES = """
    SELECT CAST(floor(start_ns / $step) AS BIGINT) AS step, {key} AS key, count(*),
        count(*) FILTER (WHERE kind = 'llm'), count(*) FILTER (WHERE status = 'error'),
        {input_tokens}, {output_tokens}, sum(cost_usd),
        quantile_cont(duration_ns / 1e6, 0.5) FILTER (WHERE kind = 'llm'),
        quantile_cont(duration_ns / 1e6, 0.95) FILTER (WHERE kind = 'llm'),
        quantile_cont(duration_ns / 1e6, 0.99) FILTER (WHERE kind = 'llm')
    FROM {source} WHERE {where} GROUP BY step, key ORDER BY step, key LIMIT $limit"""

_COUNTS = """
    SELECT CAST(floor(start_ns / $step) AS BIGINT) AS step, {key} AS key, count(*),
        count(*) FILTER (WHERE status = 'error')
    FROM {source} WHERE {where} GROUP BY step, key ORDER BY step, key LIMIT $limit"""

_FACET = """
    SELECT {key} AS key, count(DISTINCT trace_id) AS traces FROM {source}
    WHERE {where} AND {key} IS NOT NULL
    GROUP BY key ORDER BY traces DESC, key LIMIT $limit"""

# Not `spans, unnest(tags)`: DuckDB makes a join of that, twenty times as slow.
_BY_TAG = "(SELECT *, unnest(tags) AS one_tag FROM spans) AS tagged"
_NEWEST_FIRST = frozenset({"session", "user"})
MAX_POINTS = 20_000


def groups(query: SpanQuery, by: GroupField, search: Search) -> Query:
    """One row per value, in the order of Group's fields.

    The newest come first of what goes by, such as sessions, else those that cost most, unless the
    query says by what they are sorted.
    """
    order = f"{PLACES['cost' if query.sort == 'start' else query.sort]} DESC, count(*) DESC"
    if query.sort == "start" and by in _NEWEST_FIRST:
        order = "last_ns DESC"
    where = matching(query, search)
    source, key = _source(by, where)
    sql = fill(_GROUPS, key=key, source=source, order=f"{order}, key", figures=_FIGURES)
    return composed(sql, where, limit=max(query.limit, 0))


def series(query: SpanQuery, step_ns: int, by: GroupField | None, search: Search) -> Query:
    """One row per step and value, in the order of Point's fields but for the step's number."""
    where = matching(query, search)
    source, key = _source(by, where)
    sql = fill(_SERIES, key=key, source=source, input_tokens=INPUT_SUM, output_tokens=OUTPUT_SUM)
    return composed(sql, where, step=step_ns, limit=MAX_POINTS)


def counts(query: SpanQuery, step_ns: int, by: GroupField | None, search: Search) -> Query:
    """One row per step and value, in the order of StepCount's fields but for the step's number.

    What charts of how much there was ask: some columns instead of most of them.
    """
    where = matching(query, search)
    source, key = _source(by, where)
    sql = fill(_COUNTS, key=key, source=source)
    return composed(sql, where, step=step_ns, limit=MAX_POINTS)


def facet(query: SpanQuery, by: GroupField, limit: int, search: Search) -> Query:
    where = matching(query, search)
    source, key = _source(by, where)
    return composed(fill(_FACET, key=key, source=source), where, limit=limit)


def _source(by: GroupField | None, where: Where) -> tuple[str, str]:
    """What to group, and by which expression."""
    if by is None:
        return "spans", "NULL"
    if by in filters.OWNERS:
        return filters.with_owner(where, by)
    return (_BY_TAG, "one_tag") if by == "tag" else ("spans", by)
