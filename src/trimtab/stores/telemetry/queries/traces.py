"""Questions about traces. A trace belongs to the moment its first span started."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.ports import SpanQuery
from trimtab.stores.telemetry import filters
from trimtab.stores.telemetry.filters import Search, Where
from trimtab.stores.telemetry.queries.composing import (
    INPUT_SUM,
    OUTPUT_SUM,
    PLACES,
    Query,
    composed,
    fill,
    period_of,
)
from trimtab.stores.telemetry.rows import UNPRICED

_TRACES = """
    SELECT trace_id, min(start_ns) AS first_ns FROM spans WHERE {where}
    GROUP BY trace_id HAVING {having}
    ORDER BY {place} DESC, trace_id LIMIT $limit"""

_EARLIER = """
    SELECT DISTINCT trace_id FROM spans
    WHERE project = $project AND trace_id IN (SELECT unnest($ids::VARCHAR[]))
    AND start_ns >= $from AND start_ns < $floor"""

_SUMS = """
    SELECT trace_id, min(start_ns) AS first_ns, max(start_ns + duration_ns) AS last_ns,
        count(*) AS spans, {input_tokens} AS input_sum, {output_tokens} AS output_sum,
        sum(cost_usd) AS cost,
        count(*) FILTER (WHERE {unpriced}) AS unpriced,
        count(*) FILTER (WHERE status = 'error') AS errors,
        {firsts},
        arg_min(seq, start_ns) FILTER (WHERE parent_id IS NULL) AS root,
        arg_min(seq, start_ns) AS first
    FROM spans WHERE {where}
    GROUP BY trace_id ORDER BY first_ns DESC, trace_id LIMIT $limit"""

_ROOTS = """
    SELECT seq, project, span_id, parent_id IS NOT NULL AS partial, name, status, error,
        {firsts}, input_preview, output_preview
    FROM spans WHERE project = $project AND start_ns >= $start
    AND seq IN (SELECT unnest($seqs::BIGINT[]))"""

# Where the root does not say, the first span that does.
ROOT_OR_FIRST = ("route", "release", "model", "user", "session")
_ROOT_OR_FIRST = tuple('"user"' if name == "user" else name for name in ROOT_OR_FIRST)


def start_of_nth_newest(query: SpanQuery, n: int) -> Query:
    """When the n-th newest span of the period started; no row when there are fewer."""
    where = period_of(query)
    sql = "SELECT start_ns FROM spans WHERE {where} ORDER BY start_ns DESC LIMIT 1 OFFSET $skip"
    return composed(sql, where, skip=n - 1)


def first_traces(query: SpanQuery, search: Search, floor_ns: int | None) -> Query:
    """Ids and starts of matching traces, of their spans that started at `floor_ns` or later."""
    where, having = Where(), Where()
    where.equal("project", query.project)
    where.equal("trace_id", query.trace_id)
    where.compare("start_ns", ">=", "floor", floor_ns)
    having.parameters = where.parameters  # one space of names
    having.compare("min(start_ns)", ">=", "since", query.since_ns)
    having.compare("min(start_ns)", "<", "until", query.until_ns)
    one = Where()
    for column in ("route", "release", "run", "kind"):
        one.equal(column, getattr(query, column))
    if one.parameters:
        having.add(f"bool_or({one.text})", **one.parameters)
    if query.where is not None:
        having.add(filters.of_trace(having, query.where, search))
    place = PLACES[query.sort]
    if query.page is not None:
        having.add(
            f"({place} < $page_place OR {place} = $page_place AND trace_id > $page_id)",
            page_place=query.page[0],
            page_id=query.page[1],
        )
    sql = fill(_TRACES, having=having.text, place=place)
    where.parameters |= having.parameters
    return composed(sql, where, limit=query.limit)


def started_earlier(project: str, trace_ids: Sequence[str], start_ns: int, floor: int) -> Query:
    """Which of these traces have a span between `start_ns` and `floor`."""
    parameters = {"project": project, "ids": list(trace_ids), "from": start_ns, "floor": floor}
    return Query(_EARLIER, parameters)


def sums_of_traces(
    project: str, start_ns: int, limit: int, trace_ids: Sequence[str] | None = None
) -> Query:
    """Sums over the spans from a moment on, by trace, newest first; of these traces or of all.

    A row is the id, when it began and ended, the number of spans, tokens in and out, cost, calls
    without a price, spans that failed, `ROOT_OR_FIRST`, and the places of the root (none or 0
    without one) and of the first span.
    """
    where = Where()
    where.equal("project", project)
    where.compare("start_ns", ">=", "start", start_ns)
    if trace_ids is not None:
        where.add("trace_id IN (SELECT unnest($ids::VARCHAR[]))", ids=list(trace_ids))
    firsts = ", ".join(f"arg_min({column}, start_ns) AS {column}" for column in _ROOT_OR_FIRST)
    sql = fill(
        _SUMS, input_tokens=INPUT_SUM, output_tokens=OUTPUT_SUM, unpriced=UNPRICED, firsts=firsts
    )
    return composed(sql, where, limit=limit)


def roots(project: str, start_ns: int, seqs: Sequence[int]) -> Query:
    """What a list shows of these spans: place, project, id, whether it has a parent, name, status,
    error, `ROOT_OR_FIRST` and previews."""
    sql = fill(_ROOTS, firsts=", ".join(_ROOT_OR_FIRST))
    return Query(sql, {"project": project, "start": start_ns, "seqs": list(seqs)})
