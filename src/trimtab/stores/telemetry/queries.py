"""Every question asked of the telemetry schema, in one place: SQL text and its parameters.

Written in DuckDB's dialect with named parameters. Slots in braces take column lists and conditions
from this package only: values never become part of the text. A trace belongs to the moment its
first span started. Conditions that are not SQL come as `Search` (see `filters`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from trimtab.ports import GroupField, ScoreQuery, SpanQuery, TraceSort
from trimtab.records.span import GATEWAY
from trimtab.stores.telemetry import filters
from trimtab.stores.telemetry.filters import Search, Where
from trimtab.stores.telemetry.rows import (
    BUCKETS,
    HEAD_COLUMNS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    SCORE_COLUMNS,
    SPAN_COLUMNS,
    UNPRICED,
    ScoreIdentity,
)

HOUR_NS = 3_600_000_000_000
MAX_NS = (1 << 63) - 1

SPAN = ", ".join(f'"{column}"' for column in SPAN_COLUMNS)
_SCORE = ", ".join(SCORE_COLUMNS)
_HEAD = ", ".join(HEAD_COLUMNS)
_INPUT = f"coalesce(sum({INPUT_TOKENS}), 0)"
_OUTPUT = f"coalesce(sum({OUTPUT_TOKENS}), 0)"

# Sums of spans as rollups keep them; the latency of model calls in steps of 2 %.
BUCKET = """CASE WHEN kind = 'llm'
    THEN CAST(floor(ln(greatest(duration_ns, 1)) / ln(1.02)) AS SMALLINT) ELSE -1 END"""
ROLLUP_SUMS = f"""{BUCKET} AS bucket,
    count(*) AS spans,
    count(*) FILTER (WHERE parent_id IS NULL) AS roots,
    count(*) FILTER (WHERE kind = 'llm' AND status = 'error') AS errors,
    count(*) FILTER (WHERE {UNPRICED}) AS unpriced,
    coalesce(sum({INPUT_TOKENS}) FILTER (WHERE kind = 'llm'), 0) AS input_tokens,
    coalesce(sum({OUTPUT_TOKENS}) FILTER (WHERE kind = 'llm'), 0) AS output_tokens,
    coalesce(sum(cost_usd) FILTER (WHERE kind = 'llm'), 0) AS cost_usd"""


Places = tuple[int, int] | None
"""Between which numbers the spans of a trace are, where that is known."""


class Query(NamedTuple):
    sql: str
    parameters: Mapping[str, Any]


# -- spans -------------------------------------------------------------------------------------


def spans_of_trace(project: str, trace_id: str, extra: str, places: Places = None) -> Query:
    sql = "SELECT {span}, {extra} FROM spans WHERE {where} ORDER BY start_ns, seq"
    return _query(fill(sql, span=SPAN, extra=extra), _of_trace(project, trace_id, places))


def heads_of_trace(project: str, trace_id: str, places: Places = None) -> Query:
    sql = "SELECT {head} FROM spans WHERE {where} ORDER BY start_ns, seq"
    return _query(fill(sql, head=_HEAD), _of_trace(project, trace_id, places))


def one_span(project: str, trace_id: str, span_id: str, extra: str, places: Places = None) -> Query:
    where = _of_trace(project, trace_id, places)
    where.equal("span_id", span_id)
    return _query(
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
    return _query(sql, where, limit=max(query.limit, 0))


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
    return _query("SELECT count(*) FROM spans WHERE {where}", where)


# -- traces ------------------------------------------------------------------------------------

_TRACES = """
    SELECT trace_id, min(start_ns) AS first_ns FROM spans WHERE {where}
    GROUP BY trace_id HAVING {having}
    ORDER BY {place} DESC, trace_id LIMIT $limit"""

# What a list of traces goes by, as `TraceSummary.place` has it.
_PLACES: Mapping[TraceSort, str] = {
    "start": "min(start_ns)",
    "duration": "(max(start_ns + duration_ns) - min(start_ns))",
    "cost": "coalesce(CAST(sum(cost_usd) * 1000000000 AS BIGINT), -1)",
    "tokens": f"({_INPUT} + {_OUTPUT})",
    "spans": "count(*)",
    "errors": "count(*) FILTER (WHERE status = 'error')",
}

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
    where = _period(query)
    sql = "SELECT start_ns FROM spans WHERE {where} ORDER BY start_ns DESC LIMIT 1 OFFSET $skip"
    return _query(sql, where, skip=n - 1)


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
    place = _PLACES[query.sort]
    if query.page is not None:
        having.add(
            f"({place} < $page_place OR {place} = $page_place AND trace_id > $page_id)",
            page_place=query.page[0],
            page_id=query.page[1],
        )
    sql = fill(_TRACES, having=having.text, place=place)
    where.parameters |= having.parameters
    return _query(sql, where, limit=query.limit)


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
    sql = fill(_SUMS, input_tokens=_INPUT, output_tokens=_OUTPUT, unpriced=UNPRICED, firsts=firsts)
    return _query(sql, where, limit=limit)


def roots(project: str, start_ns: int, seqs: Sequence[int]) -> Query:
    """What a list shows of these spans: place, project, id, whether it has a parent, name, status,
    error, `ROOT_OR_FIRST` and previews."""
    sql = fill(_ROOTS, firsts=", ".join(_ROOT_OR_FIRST))
    return Query(sql, {"project": project, "start": start_ns, "seqs": list(seqs)})


# -- scores ------------------------------------------------------------------------------------


def newest_scores(query: ScoreQuery) -> Query:
    where = Where()
    where.equal("project", query.project)
    where.equal("run", query.run)
    where.equal("name", query.name)
    where.equal("source", query.source)
    if query.target is not None:
        where.equal("target_kind", query.target.kind)
        where.equal("target_id", query.target.id)
        where.equal("target_trace_id", query.target.trace_id)
    if query.trace_ids:
        some = "(SELECT unnest($trace_ids::VARCHAR[]))"
        where.add(
            f"(target_trace_id IN {some} OR target_kind = 'trace' AND target_id IN {some})",
            trace_ids=list(query.trace_ids),
        )
    where.compare("time_ns", ">=", "since", query.since_ns)
    sql = "SELECT {score} FROM scores WHERE {where} ORDER BY time_ns DESC, score_id LIMIT $limit"
    return _query(fill(sql, score=_SCORE), where, limit=max(query.limit, 0))


def scores_from(after: ScoreIdentity, limit: int) -> Query:
    """Scores of all projects behind one, by project and id."""
    sql = """
        SELECT {score} FROM scores
        WHERE project > $project OR project = $project AND score_id > $after
        ORDER BY project, score_id LIMIT $limit"""
    parameters = {"project": after.project, "after": after.score_id, "limit": limit}
    return Query(fill(sql, score=_SCORE), parameters)


def scores_by_id(wanted: Iterable[ScoreIdentity]) -> Query:
    """These scores, and perhaps others with one of their projects and one of their ids."""
    sql = """
        SELECT {score} FROM scores
        WHERE project IN (SELECT unnest($projects::VARCHAR[]))
            AND score_id IN (SELECT unnest($ids::VARCHAR[]))"""
    parameters = {
        "projects": sorted({one.project for one in wanted}),
        "ids": sorted({one.score_id for one in wanted}),
    }
    return Query(fill(sql, score=_SCORE), parameters)


# -- groups, series, facets --------------------------------------------------------------------

_FIGURES = f"""count(DISTINCT trace_id), count(*), count(*) FILTER (WHERE kind = 'llm'),
    count(*) FILTER (WHERE status = 'error'), {_INPUT}, {_OUTPUT}, sum(cost_usd),
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
    order = f"{_PLACES['cost' if query.sort == 'start' else query.sort]} DESC, count(*) DESC"
    if query.sort == "start" and by in _NEWEST_FIRST:
        order = "last_ns DESC"
    where = matching(query, search)
    source, key = _source(by, where)
    sql = fill(_GROUPS, key=key, source=source, order=f"{order}, key", figures=_FIGURES)
    return _query(sql, where, limit=max(query.limit, 0))


def series(query: SpanQuery, step_ns: int, by: GroupField | None, search: Search) -> Query:
    """One row per step and value, in the order of Point's fields but for the step's number."""
    where = matching(query, search)
    source, key = _source(by, where)
    sql = fill(_SERIES, key=key, source=source, input_tokens=_INPUT, output_tokens=_OUTPUT)
    return _query(sql, where, step=step_ns, limit=MAX_POINTS)


def facet(query: SpanQuery, by: GroupField, limit: int, search: Search) -> Query:
    where = matching(query, search)
    source, key = _source(by, where)
    return _query(fill(_FACET, key=key, source=source), where, limit=limit)


def score_summaries(query: SpanQuery, search: Search) -> Query:
    """Rows in the order of ScoreSummary's fields, of the traces of matching spans."""
    return _query(fill(_SCORE_SUMMARIES, which=_OF_TRACES), matching(query, search))


def _source(by: GroupField | None, where: Where) -> tuple[str, str]:
    """What to group, and by which expression."""
    if by is None:
        return "spans", "NULL"
    if by in filters.OWNERS:
        return filters.with_owner(where, by)
    return (_BY_TAG, "one_tag") if by == "tag" else ("spans", by)


# -- overview ----------------------------------------------------------------------------------

# Whole hours from the rollups; from the spans what they do not hold yet, and the hours that the
# period cuts. Each part has bounds of its own, so that most of the table is not looked at.
_OVERVIEW = """
    WITH live AS (
        SELECT {columns} FROM spans WHERE project = $project AND run IS NULL
            AND seq > $mark AND start_ns >= $since AND start_ns < $until
        UNION ALL
        SELECT {columns} FROM spans WHERE project = $project AND run IS NULL
            AND start_ns >= $since AND start_ns < $head AND seq <= $mark
        UNION ALL
        SELECT {columns} FROM spans WHERE project = $project AND run IS NULL
            AND start_ns >= $tail AND start_ns < $until AND seq <= $mark
    )
    SELECT grouping(bucket) = 0 AS by_bucket, hour, call, bucket, sum(spans), sum(roots),
        sum(errors), sum(unpriced), sum(input_tokens), sum(output_tokens), sum(cost_usd)
    FROM (SELECT *, bucket >= 0 AS call FROM (
        SELECT hour, bucket, spans, roots, errors, unpriced, input_tokens, output_tokens, cost_usd
        FROM rollups WHERE project = $project AND hour >= $first AND hour < $last
        UNION ALL
        SELECT start_ns // 3600000000000 AS hour, {sums} FROM live GROUP BY hour, bucket
    ) AS parts) AS sums GROUP BY GROUPING SETS ((hour, call), (bucket))"""
_SUMMED = ", ".join(
    (
        *("start_ns", "duration_ns", "kind", "parent_id", "status", "cost_usd"),
        *(f"{bucket}_tokens" for bucket in BUCKETS),
    )
)

_SCORE_SUMMARIES = """
    SELECT name, source, count(*), count(*) FILTER (WHERE status = 'scored'), avg(value),
        CASE WHEN count(passed) > 0 THEN count(*) FILTER (WHERE passed) END,
        CASE WHEN count(value) > 1 THEN stddev_samp(value) END
    FROM scores
    WHERE project = $project AND run IS NULL AND {which}
    GROUP BY name, source ORDER BY name, source"""

_IN_PERIOD = "time_ns >= $since AND time_ns < $until"
_OF_TRACES = """CASE WHEN target_kind = 'trace' THEN target_id ELSE target_trace_id END
    IN (SELECT DISTINCT trace_id FROM spans WHERE {where})"""


class Period(NamedTuple):
    """One project's spans and scores from `since` up to, not including, `until`."""

    project: str
    since: int
    until: int

    def hours(self, mark: int) -> Query:
        """Sums by hour, of model calls and of other spans, and once more by latency bucket.

        The rows begin with whether they are by bucket, the hour, whether they are of calls, and
        the bucket; the rest is in the order of rollups.

        Args:
            mark: the number of the last span that the rollups hold.
        """
        first = -(-self.since // HOUR_NS)
        last = max(first, self.until // HOUR_NS)
        head = min(self.until, first * HOUR_NS)
        parameters = {
            **self._asdict(),
            "mark": mark,
            "first": first,
            "last": last,
            "head": head,
            "tail": max(head, last * HOUR_NS),
        }
        return Query(fill(_OVERVIEW, columns=_SUMMED, sums=ROLLUP_SUMS), parameters)

    def score_summaries(self) -> Query:
        """Rows in the order of ScoreSummary's fields."""
        return Query(fill(_SCORE_SUMMARIES, which=_IN_PERIOD), self._asdict())


# Corrections of an hour are rows of their own: it counts when something of it is left.
_PROJECTS = """
    SELECT project, sum(live_spans), sum(live_calls), max(hour) FROM (
        SELECT project, hour, sum(spans) AS live_spans, sum(calls) AS live_calls FROM (
            SELECT project, hour, spans, CASE WHEN bucket >= 0 THEN spans ELSE 0 END AS calls
            FROM rollups
            UNION ALL
            SELECT project, start_ns // 3600000000000 AS hour, count(*) AS spans,
                count(*) FILTER (WHERE kind = 'llm') AS calls
            FROM spans WHERE seq > $mark AND run IS NULL GROUP BY project, hour
        ) AS parts GROUP BY project, hour HAVING sum(spans) > 0
    ) AS hours GROUP BY project ORDER BY project"""


def projects(mark: int) -> Query:
    """Rows of a project, its spans, its calls and the number of its newest hour.

    Args:
        mark: the number of the last span that the rollups hold.
    """
    return Query(_PROJECTS, {"mark": mark})


# -- composing ---------------------------------------------------------------------------------


def matching(query: SpanQuery, search: Search, *, since: int | None = None) -> Where:
    """The conditions of a query on single spans."""
    where = _period(query)
    where.compare("start_ns", ">=", "floor", since)
    where.equal("trace_id", query.trace_id)
    where.equal("route", query.route)
    where.equal("release", query.release)
    where.equal("run", query.run)
    where.equal("kind", query.kind)
    if query.where is not None:
        where.add(filters.of_span(where, query.where, search))
    return where


def _period(query: SpanQuery) -> Where:
    where = Where(query.since_ns, query.until_ns)
    where.equal("project", query.project)
    where.compare("start_ns", ">=", "since", query.since_ns)
    where.compare("start_ns", "<", "until", query.until_ns)
    return where


def _query(sql: str, where: Where, **parameters: Any) -> Query:
    return Query(fill(sql, where=where.text), where.parameters | parameters)


def fill(sql: str, **slots: str) -> str:
    """SQL with its slots filled; the text of a slot is not looked into."""
    for slot, text in slots.items():
        sql = sql.replace(f"{{{slot}}}", text)
    return sql
