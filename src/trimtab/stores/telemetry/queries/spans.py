"""Questions about single spans and the spans of a trace; what is not SQL comes as `Search`."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.ports import SpanQuery
from trimtab.records.span import GATEWAY
from trimtab.stores.telemetry.filters import Search, Where
from trimtab.stores.telemetry.queries.composing import Query, composed, fill, matching
from trimtab.stores.telemetry.rows import HEAD_COLUMNS, SPAN_COLUMNS, UNPRICED

SPAN = ", ".join(f'"{column}"' for column in SPAN_COLUMNS)
_HEAD = ", ".join(HEAD_COLUMNS)

Places = tuple[int, int] | None
"""Between which numbers the spans of a trace are, where that is known."""


def spans_of_trace(project: str, trace_id: str, extra: str, places: Places = None) -> Query:
    sql = "SELECT {span}, {extra} FROM spans WHERE {where} ORDER BY start_ns, seq"
    return composed(fill(sql, span=SPAN, extra=extra), _of_trace(project, trace_id, places))


def heads_of_trace(project: str, trace_id: str, places: Places = None) -> Query:
    sql = "SELECT {head} FROM spans WHERE {where} ORDER BY start_ns, seq"
    return composed(fill(sql, head=_HEAD), _of_trace(project, trace_id, places))


def one_span(project: str, trace_id: str, span_id: str, extra: str, places: Places = None) -> Query:
    where = _of_trace(project, trace_id, places)
    where.equal("span_id", span_id)
    return composed(
        fill("SELECT {span}, {extra} FROM spans WHERE {where}", span=SPAN, extra=extra), where
    )


def _of_trace(project: str, trace_id: str, places: Places) -> Where:
    where = Where()
    where.equal("project", project)
    where.equal("trace_id", trace_id)
    if places is not None:
        where.add("seq BETWEEN $first_seq AND $last_seq", first_seq=places[0], last_seq=places[1])
    return where


def newest_seqs(query: SpanQuery, search: Search, *, since: int | None = None) -> Query:
    """Numbers of the newest matching spans; the rows are then read by number."""
    where = matching(query, search, since=since)
    if query.page is not None:
        where.add(
            "(start_ns < $page_ns OR start_ns = $page_ns AND span_id > $page_id)",
            page_ns=query.page[0],
            page_id=query.page[1],
        )
    sql = """
        SELECT seq, start_ns FROM spans WHERE {where}
        ORDER BY start_ns DESC, span_id LIMIT $limit"""
    return composed(sql, where, limit=max(query.limit, 0))


def spans_by_seqs(seqs: Sequence[int], first_ns: int, extra: str) -> Query:
    """Newest first; `first_ns` is when the oldest of them started."""
    sql = """
        SELECT {span}, {extra} FROM spans
        WHERE seq IN (SELECT unnest($seqs::BIGINT[])) AND start_ns >= $first
        ORDER BY start_ns DESC, span_id"""
    return Query(fill(sql, span=SPAN, extra=extra), {"seqs": list(seqs), "first": first_ns})


def spans_after(seq: int, limit: int, extra: str) -> Query:
    sql = """
        SELECT seq, {span}, {extra} FROM spans WHERE seq > $seq AND NOT open
        ORDER BY seq LIMIT $limit"""
    return Query(fill(sql, span=SPAN, extra=extra), {"seq": seq, "limit": max(limit, 0)})


def route_spans(project: str, route: str, after: int, since_ns: int, limit: int) -> Query:
    """In the order of RouteSpan's fields; of the gateway's own spans, outside any run."""
    sql = """
        SELECT seq, trace_id, span_id, parent_id, kind, status, release, session, "user",
            environment, start_ns, duration_ns, cost_usd, {unpriced} AS unpriced
        FROM spans
        WHERE seq > $after AND project = $project AND route = $route AND service = $service
            AND run IS NULL AND NOT open AND start_ns >= $since
        ORDER BY seq LIMIT $limit"""
    parameters = {"project": project, "route": route, "service": GATEWAY, "after": after}
    parameters |= {"since": since_ns, "limit": limit}
    return Query(fill(sql, unpriced=UNPRICED), parameters)


def route_scores(
    project: str, route: str, name: str, since_ns: int, after_ns: int, limit: int
) -> Query:
    """In the order of RouteScore's fields."""
    sql = """
        SELECT judged.score_id, judged.time_ns, judged.value, judged.passed, calls.trace_id,
            calls.release, calls.session, calls."user", calls.environment, calls.start_ns
        FROM (SELECT score_id, time_ns, value, passed, target_kind, target_id,
                CASE WHEN target_kind = 'trace' THEN target_id ELSE target_trace_id END AS trace_id
            FROM scores WHERE project = $project AND name = $name AND status = 'scored'
                AND time_ns >= $after) AS judged
        JOIN (SELECT trace_id, span_id, parent_id, release, session, "user", environment, start_ns
            FROM spans WHERE project = $project AND route = $route AND service = $service
                AND run IS NULL AND NOT open AND start_ns >= $since) AS calls
        ON judged.trace_id = calls.trace_id
        WHERE judged.target_id = calls.span_id
            OR judged.target_kind = 'trace' AND calls.parent_id IS NULL
        ORDER BY judged.time_ns, judged.score_id LIMIT $limit"""
    parameters = {"project": project, "route": route, "service": GATEWAY, "name": name}
    return Query(sql, parameters | {"since": since_ns, "after": after_ns, "limit": limit})


def before_next_call(seq: int) -> Query:
    """The place before the first answered call behind a place, or the last place there is."""
    sql = """
        SELECT coalesce(min(CASE WHEN NOT open AND parent_id IS NULL AND run IS NULL
            AND status = 'ok' AND kind IN ('chain', 'llm')
            AND (route IS NOT NULL OR model IS NOT NULL) THEN seq END) - 1,
            greatest(max(seq), $seq), $seq)
        FROM spans WHERE seq > $seq"""
    return Query(sql, {"seq": seq})


def everything_after(seq: int, limit: int, extra: str) -> Query:
    """Spans in order of arrival, open ones included."""
    sql = "SELECT seq, {span}, {extra} FROM spans WHERE seq > $seq ORDER BY seq LIMIT $limit"
    return Query(fill(sql, span=SPAN, extra=extra), {"seq": seq, "limit": limit})


def span_count(project: str | None) -> Query:
    where = Where()
    where.equal("project", project)
    return composed("SELECT count(*) FROM spans WHERE {where}", where)
