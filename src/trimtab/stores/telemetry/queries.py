"""Every question asked of the telemetry schema, in one place: SQL text and its parameters.

Written in DuckDB's dialect with named parameters; values never become part of the text. A trace
belongs to the moment its first span started, and is matched when one of its spans matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from trimtab.ports import ScoreQuery, SpanQuery
from trimtab.stores.telemetry.rows import SCORE_COLUMNS, SPAN_COLUMNS

HOUR_NS = 3_600_000_000_000
_SPAN = ", ".join(f'"{column}"' for column in SPAN_COLUMNS)
_SCORE = ", ".join(SCORE_COLUMNS)


class Query(NamedTuple):
    sql: str
    parameters: Mapping[str, Any]


def spans_of_trace(project: str, trace_id: str) -> Query:
    sql = f"""
        SELECT {_SPAN} FROM spans WHERE project = $project AND trace_id = $trace_id
        ORDER BY start_ns, seq"""
    return Query(sql, {"project": project, "trace_id": trace_id})


def newest_spans(query: SpanQuery) -> Query:
    where, parameters = _of_spans(query)
    if query.since_ns is not None:
        where += " AND start_ns >= $since"
        parameters["since"] = query.since_ns
    if query.until_ns is not None:
        where += " AND start_ns < $until"
        parameters["until"] = query.until_ns
    parameters["limit"] = max(query.limit, 0)
    sql = f"SELECT {_SPAN} FROM spans WHERE {where} ORDER BY start_ns DESC, seq DESC LIMIT $limit"
    return Query(sql, parameters)


def spans_after(seq: int, limit: int) -> Query:
    sql = f"SELECT seq, {_SPAN} FROM spans WHERE seq > $seq ORDER BY seq LIMIT $limit"
    return Query(sql, {"seq": seq, "limit": max(limit, 0)})


def span_count(project: str | None) -> Query:
    if project is None:
        return Query("SELECT count(*) FROM spans", {})
    return Query("SELECT count(*) FROM spans WHERE project = $project", {"project": project})


def payload_bodies(ids: Sequence[int]) -> Query:
    sql = """
        SELECT id, body, CASE WHEN body IS NULL THEN lower(hex(hash)) END FROM payloads
        WHERE id IN (SELECT unnest($ids::BIGINT[]))"""
    return Query(sql, {"ids": list(ids)})


# -- traces ------------------------------------------------------------------------------------


def start_of_nth_newest(query: SpanQuery, n: int) -> Query:
    """When the n-th newest matching span started; no row when there are fewer."""
    where, parameters = _of_spans(query)
    if query.until_ns is not None:
        where += " AND start_ns < $until"
        parameters["until"] = query.until_ns
    sql = f"SELECT start_ns FROM spans WHERE {where} ORDER BY start_ns DESC LIMIT 1 OFFSET $n"
    return Query(sql, {**parameters, "n": n - 1})


def newest_traces(query: SpanQuery, floor_ns: int | None) -> Query:
    """Ids and starts of matching traces; complete for those that started at the floor or later."""
    where, parameters = _of_spans(query)
    bounds = [
        (name, sign, bound)
        for name, sign, bound in (
            ("floor", ">=", floor_ns),
            ("since", ">=", query.since_ns),
            ("until", "<", query.until_ns),
        )
        if bound is not None
    ]
    parameters |= {name: bound for name, _, bound in bounds}
    parameters["limit"] = query.limit
    having = " AND ".join(f"min(start_ns) {sign} ${name}" for name, sign, _ in bounds) or "true"
    # A trace that started at the floor or later has no span before it.
    late = "".join(f" AND start_ns >= ${name}" for name, sign, _ in bounds if sign == ">=")
    sql = f"""
        WITH matching AS (SELECT DISTINCT trace_id FROM spans WHERE {where}{late})
        SELECT trace_id, min(start_ns) AS start_ns FROM spans SEMI JOIN matching USING (trace_id)
        WHERE project = $project
        GROUP BY trace_id HAVING {having}
        ORDER BY start_ns DESC, trace_id LIMIT $limit"""
    return Query(sql, parameters)


_TRACE_SUMS = """
    min(start_ns) AS start_ns,
    max(end_ns) AS end_ns,
    count(*) AS spans,
    coalesce(sum(input_tokens + cache_read_tokens + cache_write_5m_tokens
                 + cache_write_1h_tokens + audio_input_tokens), 0) AS input_tokens,
    coalesce(sum(output_tokens + reasoning_tokens + audio_output_tokens), 0) AS output_tokens,
    sum(cost_usd) AS cost_usd,
    count(*) FILTER (WHERE kind = 'llm' AND cost_usd IS NULL) AS unpriced"""
_OF_ROOT_OR_FIRST = ("route", "release", "model", '"user"', "session")


def trace_summaries(project: str, trace_ids: Sequence[str], start_ns: int) -> Query:
    """One row per trace in the order of TraceSummary's fields, none of which began earlier."""
    firsts = ", ".join(f"arg_min({column}, start_ns) AS {column}" for column in _OF_ROOT_OR_FIRST)
    chosen = ", ".join(f"coalesce(r.{name}, s.{name})" for name in _OF_ROOT_OR_FIRST)
    sql = f"""
        WITH members AS (
            SELECT * FROM spans WHERE project = $project AND start_ns >= $start
            AND trace_id IN (SELECT unnest($ids::VARCHAR[]))
        ), sums AS (
            SELECT trace_id, {_TRACE_SUMS}, {firsts} FROM members GROUP BY trace_id
        ), roots AS (
            SELECT * FROM members QUALIFY row_number() OVER (
                PARTITION BY trace_id ORDER BY parent_id IS NOT NULL, start_ns, seq) = 1
        )
        SELECT s.trace_id, r.project, r.name, s.start_ns, (s.end_ns - s.start_ns) / 1e6,
            r.status, r.error, {chosen}, s.spans, s.input_tokens, s.output_tokens, s.cost_usd,
            s.unpriced, r.input_preview, r.output_preview, r.parent_id IS NOT NULL
        FROM sums AS s JOIN roots AS r USING (trace_id)
        ORDER BY s.start_ns DESC, s.trace_id"""
    return Query(sql, {"project": project, "ids": list(trace_ids), "start": start_ns})


# -- scores ------------------------------------------------------------------------------------


def newest_scores(query: ScoreQuery) -> Query:
    where = ["project = $project"]
    parameters: dict[str, Any] = {"project": query.project, "limit": max(query.limit, 0)}
    equal = {"run": query.run, "name": query.name, "source": query.source}
    if query.target is not None:
        equal["target_kind"] = query.target.kind
        equal["target_id"] = query.target.id
        equal["target_trace_id"] = query.target.trace_id
    for column, value in equal.items():
        if value is not None:
            where.append(f"{column} = ${column}")
            parameters[column] = value
    if query.trace_id is not None:
        where.append(
            "(target_trace_id = $trace_id OR target_kind = 'trace' AND target_id = $trace_id)"
        )
        parameters["trace_id"] = query.trace_id
    if query.since_ns is not None:
        where.append("time_ns >= $since")
        parameters["since"] = query.since_ns
    sql = f"""
        SELECT {_SCORE} FROM scores WHERE {" AND ".join(where)}
        ORDER BY time_ns DESC, score_id LIMIT $limit"""
    return Query(sql, parameters)


def scores_by_id(ids: Sequence[str]) -> Query:
    sql = f"SELECT {_SCORE} FROM scores WHERE score_id IN (SELECT unnest($ids::VARCHAR[]))"
    return Query(sql, {"ids": list(ids)})


# -- overview ----------------------------------------------------------------------------------

_PERIOD = "project = $project AND start_ns >= $since AND start_ns < $until"


def totals(project: str, since_ns: int, until_ns: int) -> Query:
    sql = f"""
        WITH period AS (SELECT * FROM spans WHERE {_PERIOD}),
        calls AS (
            SELECT *, (end_ns - start_ns) / 1e6 AS latency_ms FROM period WHERE kind = 'llm'
        )
        SELECT
            (SELECT count(DISTINCT trace_id) FROM period),
            (SELECT count(*) FROM period),
            count(*),
            count(*) FILTER (WHERE status = 'error'),
            coalesce(sum(input_tokens + cache_read_tokens + cache_write_5m_tokens
                         + cache_write_1h_tokens + audio_input_tokens), 0),
            coalesce(sum(output_tokens + reasoning_tokens + audio_output_tokens), 0),
            sum(cost_usd),
            count(*) FILTER (WHERE cost_usd IS NULL),
            quantile_cont(latency_ms, 0.5),
            quantile_cont(latency_ms, 0.95),
            quantile_cont(latency_ms, 0.99)
        FROM calls"""
    return Query(sql, _period(project, since_ns, until_ns))


def calls_per_hour(project: str, since_ns: int, until_ns: int) -> Query:
    sql = f"""
        SELECT start_ns // {HOUR_NS} AS hour, count(*), count(*) FILTER (WHERE status = 'error'),
            sum(cost_usd)
        FROM spans WHERE {_PERIOD} AND kind = 'llm' GROUP BY hour ORDER BY hour"""
    return Query(sql, _period(project, since_ns, until_ns))


def score_summaries(project: str, since_ns: int, until_ns: int) -> Query:
    sql = """
        SELECT name, source, count(*), count(*) FILTER (WHERE status = 'scored'), avg(value),
            CASE WHEN count(passed) > 0 THEN count(*) FILTER (WHERE passed) END
        FROM scores WHERE project = $project AND time_ns >= $since AND time_ns < $until
        GROUP BY name, source ORDER BY name, source"""
    return Query(sql, _period(project, since_ns, until_ns))


def _period(project: str, since_ns: int, until_ns: int) -> dict[str, Any]:
    return {"project": project, "since": since_ns, "until": until_ns}


def _of_spans(query: SpanQuery) -> tuple[str, dict[str, Any]]:
    """The conditions of a query that hold for single spans, without the period."""
    where, parameters = "project = $project", {"project": query.project}
    for column in ("trace_id", "route", "release", "run", "kind"):
        value = getattr(query, column)
        if value is not None:
            where += f" AND {column} = ${column}"
            parameters[column] = value
    return where, parameters


# -- writing -----------------------------------------------------------------------------------


def known_spans(identities: Sequence[str]) -> Query:
    sql = """
        SELECT replace(identity::VARCHAR, '-', '') FROM spans
        WHERE identity IN (SELECT unnest($ids::UUID[]))"""
    return Query(sql, {"ids": list(identities)})


def new_payload_ids(count: int) -> Query:
    return Query("SELECT nextval('payload_id') FROM range($count)", {"count": count})


def latest_payloads(count: int) -> Query:
    sql = """
        SELECT hash, id FROM payloads
        WHERE id > (SELECT coalesce(max(id), 0) FROM payloads) - $count ORDER BY id"""
    return Query(sql, {"count": count})


def heartbeat(now_ns: int) -> Query:
    return Query("UPDATE heartbeat SET time_ns = $now WHERE id = 1", {"now": now_ns})
