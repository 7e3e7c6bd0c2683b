"""Every question asked of the telemetry schema, in one place: SQL text and its parameters.

Written in DuckDB's dialect with named parameters. Slots in braces take column lists and conditions
from this module only: values never become part of the text. A trace belongs to the moment its first
span started, and is matched when one of its spans matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from trimtab.ports import ScoreQuery, SpanQuery
from trimtab.stores.telemetry.rows import SCORE_COLUMNS, SPAN_COLUMNS

HOUR_NS = 3_600_000_000_000

_SPAN = ", ".join(f'"{column}"' for column in SPAN_COLUMNS)
_SCORE = ", ".join(SCORE_COLUMNS)
_INPUT_TOKENS = """coalesce(sum(input_tokens + cache_read_tokens + cache_write_5m_tokens
    + cache_write_1h_tokens + audio_input_tokens), 0)"""
_OUTPUT_TOKENS = "coalesce(sum(output_tokens + reasoning_tokens + audio_output_tokens), 0)"


class Query(NamedTuple):
    sql: str
    parameters: Mapping[str, Any]


# -- spans -------------------------------------------------------------------------------------


def spans_of_trace(project: str, trace_id: str) -> Query:
    sql = """
        SELECT {span} FROM spans WHERE project = $project AND trace_id = $trace_id
        ORDER BY start_ns, seq"""
    return Query(_fill(sql, span=_SPAN), {"project": project, "trace_id": trace_id})


def newest_spans(query: SpanQuery) -> Query:
    where = _of_spans(query)
    where.compare("start_ns", ">=", "since", query.since_ns)
    where.compare("start_ns", "<", "until", query.until_ns)
    sql = """
        SELECT {span} FROM spans WHERE {where}
        ORDER BY start_ns DESC, seq DESC LIMIT $limit"""
    return where.query(_fill(sql, span=_SPAN), limit=query.limit)


def spans_after(seq: int, limit: int) -> Query:
    sql = "SELECT seq, {span} FROM spans WHERE seq > $seq ORDER BY seq LIMIT $limit"
    return Query(_fill(sql, span=_SPAN), {"seq": seq, "limit": max(limit, 0)})


def span_count(project: str | None) -> Query:
    where = _Where()
    where.equal("project", project)
    return where.query("SELECT count(*) FROM spans WHERE {where}")


def payload_bodies(ids: Sequence[int]) -> Query:
    """Id and body; where there is no body, the digest of the blob that holds it."""
    sql = """
        SELECT id, body, CASE WHEN body IS NULL THEN lower(hex(hash)) END FROM payloads
        WHERE id IN (SELECT unnest($ids::BIGINT[]))"""
    return Query(sql, {"ids": list(ids)})


# -- traces ------------------------------------------------------------------------------------

_TRACES = """
    WITH matching AS (SELECT DISTINCT trace_id FROM spans WHERE {where})
    SELECT trace_id, min(start_ns) AS start_ns FROM spans SEMI JOIN matching USING (trace_id)
    WHERE project = $project
    GROUP BY trace_id HAVING {having}
    ORDER BY start_ns DESC, trace_id LIMIT $limit"""

_SUMMARIES = """
    WITH members AS (
        SELECT * FROM spans WHERE project = $project AND start_ns >= $start
        AND trace_id IN (SELECT unnest($ids::VARCHAR[]))
    ), sums AS (
        SELECT trace_id, min(start_ns) AS start_ns, max(end_ns) AS end_ns, count(*) AS spans,
            {input_tokens} AS input_tokens, {output_tokens} AS output_tokens,
            sum(cost_usd) AS cost_usd,
            count(*) FILTER (WHERE kind = 'llm' AND cost_usd IS NULL) AS unpriced,
            {firsts}
        FROM members GROUP BY trace_id
    ), roots AS (
        SELECT * FROM members QUALIFY row_number() OVER (
            PARTITION BY trace_id ORDER BY parent_id IS NOT NULL, start_ns, seq) = 1
    )
    SELECT s.trace_id, r.project, r.name, s.start_ns, (s.end_ns - s.start_ns) / 1e6,
        r.status, r.error, {chosen}, s.spans, s.input_tokens, s.output_tokens, s.cost_usd,
        s.unpriced, r.input_preview, r.output_preview, r.parent_id IS NOT NULL
    FROM sums AS s JOIN roots AS r USING (trace_id)
    ORDER BY s.start_ns DESC, s.trace_id"""

# Where the root does not say, the first span that does.
_ROOT_OR_FIRST = ("route", "release", "model", '"user"', "session")


def start_of_nth_newest(query: SpanQuery, n: int) -> Query:
    """When the n-th newest matching span started; no row when there are fewer."""
    where = _of_spans(query)
    where.compare("start_ns", "<", "until", query.until_ns)
    sql = "SELECT start_ns FROM spans WHERE {where} ORDER BY start_ns DESC LIMIT 1 OFFSET $skip"
    return where.query(sql, skip=n - 1)


def newest_traces(query: SpanQuery, floor_ns: int | None) -> Query:
    """Ids and starts of matching traces that started at `floor_ns` or later."""
    where, having = _of_spans(query), _Where()
    starts = [start for start in (floor_ns, query.since_ns) if start is not None]
    if starts:
        # A trace that started then has no earlier span, so those need not be looked at.
        where.compare("start_ns", ">=", "since", max(starts))
        having.compare("min(start_ns)", ">=", "since", max(starts))
    having.compare("min(start_ns)", "<", "until", query.until_ns)
    sql = _fill(_TRACES, having=having.text)
    return where.query(sql, **having.parameters, limit=query.limit)


def trace_summaries(project: str, trace_ids: Sequence[str], start_ns: int) -> Query:
    """One row per trace, in the order of TraceSummary's fields; none of them began earlier."""
    sql = _fill(
        _SUMMARIES,
        input_tokens=_INPUT_TOKENS,
        output_tokens=_OUTPUT_TOKENS,
        firsts=", ".join(f"arg_min({column}, start_ns) AS {column}" for column in _ROOT_OR_FIRST),
        chosen=", ".join(f"coalesce(r.{column}, s.{column})" for column in _ROOT_OR_FIRST),
    )
    return Query(sql, {"project": project, "ids": list(trace_ids), "start": start_ns})


# -- scores ------------------------------------------------------------------------------------


def newest_scores(query: ScoreQuery) -> Query:
    where = _Where()
    where.equal("project", query.project)
    where.equal("run", query.run)
    where.equal("name", query.name)
    where.equal("source", query.source)
    if query.target is not None:
        where.equal("target_kind", query.target.kind)
        where.equal("target_id", query.target.id)
        where.equal("target_trace_id", query.target.trace_id)
    if query.trace_id is not None:
        where.add(
            "(target_trace_id = $trace_id OR target_kind = 'trace' AND target_id = $trace_id)",
            trace_id=query.trace_id,
        )
    where.compare("time_ns", ">=", "since", query.since_ns)
    sql = "SELECT {score} FROM scores WHERE {where} ORDER BY time_ns DESC, score_id LIMIT $limit"
    return where.query(_fill(sql, score=_SCORE), limit=query.limit)


def scores_by_id(ids: Sequence[str]) -> Query:
    sql = "SELECT {score} FROM scores WHERE score_id IN (SELECT unnest($ids::VARCHAR[]))"
    return Query(_fill(sql, score=_SCORE), {"ids": list(ids)})


# -- overview ----------------------------------------------------------------------------------

_TOTALS = """
    WITH period AS (
        SELECT * FROM spans
        WHERE project = $project AND start_ns >= $since AND start_ns < $until AND run IS NULL
    ), calls AS (
        SELECT *, (end_ns - start_ns) / 1e6 AS latency_ms FROM period WHERE kind = 'llm'
    )
    SELECT
        (SELECT count(DISTINCT trace_id) FROM period),
        (SELECT count(*) FROM period),
        count(*),
        count(*) FILTER (WHERE status = 'error'),
        {input_tokens},
        {output_tokens},
        sum(cost_usd),
        count(*) FILTER (WHERE cost_usd IS NULL),
        quantile_cont(latency_ms, 0.5),
        quantile_cont(latency_ms, 0.95),
        quantile_cont(latency_ms, 0.99)
    FROM calls"""

_HOURS = """
    SELECT start_ns // 3600000000000 AS hour, count(*),
        count(*) FILTER (WHERE status = 'error'), sum(cost_usd)
    FROM spans
    WHERE project = $project AND start_ns >= $since AND start_ns < $until AND run IS NULL
        AND kind = 'llm'
    GROUP BY hour ORDER BY hour"""

_SCORE_SUMMARIES = """
    SELECT name, source, count(*), count(*) FILTER (WHERE status = 'scored'), avg(value),
        CASE WHEN count(passed) > 0 THEN count(*) FILTER (WHERE passed) END
    FROM scores
    WHERE project = $project AND time_ns >= $since AND time_ns < $until AND run IS NULL
    GROUP BY name, source ORDER BY name, source"""


class Period(NamedTuple):
    """One project's spans and scores from `since` up to, not including, `until`."""

    project: str
    since: int
    until: int

    def totals(self) -> Query:
        """One row: traces, spans, and then figures of model calls in Overview's order."""
        sql = _fill(_TOTALS, input_tokens=_INPUT_TOKENS, output_tokens=_OUTPUT_TOKENS)
        return Query(sql, self._asdict())

    def calls_per_hour(self) -> Query:
        """Hours since the epoch that saw a call, with calls, errors and cost."""
        return Query(_HOURS, self._asdict())

    def score_summaries(self) -> Query:
        """Rows in the order of ScoreSummary's fields."""
        return Query(_SCORE_SUMMARIES, self._asdict())


# -- writing -----------------------------------------------------------------------------------


def known_spans(identities: Sequence[str]) -> Query:
    """Which of these identities are stored."""
    sql = """
        SELECT replace(identity::VARCHAR, '-', '') FROM spans
        WHERE identity IN (SELECT unnest($ids::UUID[]))"""
    return Query(sql, {"ids": list(identities)})


def new_payload_ids(count: int) -> Query:
    return Query("SELECT nextval('payload_id') FROM range($count)", {"count": count})


def latest_payloads(count: int) -> Query:
    """Hash and id of about the last `count` payloads, oldest first."""
    sql = """
        SELECT hash, id FROM payloads
        WHERE id > (SELECT coalesce(max(id), 0) FROM payloads) - $count ORDER BY id"""
    return Query(sql, {"count": count})


def heartbeat(now_ns: int) -> Query:
    return Query("UPDATE heartbeat SET time_ns = $now WHERE id = 1", {"now": now_ns})


# -- composing ---------------------------------------------------------------------------------


class _Where:
    """Conditions joined by AND, with their parameters."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.parameters: dict[str, Any] = {}

    @property
    def text(self) -> str:
        return " AND ".join(self._conditions) or "true"

    def add(self, condition: str, **parameters: Any) -> None:
        self._conditions.append(condition)
        self.parameters |= parameters

    def equal(self, column: str, value: str | None) -> None:
        """Nothing when the value is None, which means any."""
        if value is not None:
            self.add(f"{column} = ${column}", **{column: value})

    def compare(self, column: str, sign: str, parameter: str, value: int | None) -> None:
        if value is not None:
            self.add(f"{column} {sign} ${parameter}", **{parameter: value})

    def query(self, sql: str, **parameters: Any) -> Query:
        """A negative limit is no rows, as a limit of 0 is."""
        if "limit" in parameters:
            parameters["limit"] = max(parameters["limit"], 0)
        return Query(_fill(sql, where=self.text), self.parameters | parameters)


def _of_spans(query: SpanQuery) -> _Where:
    """The conditions of a query that hold for single spans, without the period."""
    where = _Where()
    where.equal("project", query.project)
    where.equal("trace_id", query.trace_id)
    where.equal("route", query.route)
    where.equal("release", query.release)
    where.equal("run", query.run)
    where.equal("kind", query.kind)
    return where


def _fill(sql: str, **slots: str) -> str:
    for slot, text in slots.items():
        sql = sql.replace(f"{{{slot}}}", text)
    return sql
