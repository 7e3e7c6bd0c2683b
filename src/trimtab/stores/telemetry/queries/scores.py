"""Questions about scores, one by one and summed up."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.ports import ScoreQuery, SpanQuery
from trimtab.stores.telemetry.filters import Search, Where
from trimtab.stores.telemetry.queries.composing import Query, composed, fill, matching
from trimtab.stores.telemetry.rows import SCORE_COLUMNS, ScoreIdentity

_SCORE = ", ".join(SCORE_COLUMNS)

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
    return composed(fill(sql, score=_SCORE), where, limit=max(query.limit, 0))


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


def score_summaries(query: SpanQuery, search: Search) -> Query:
    """Rows in the order of ScoreSummary's fields, of the traces of matching spans."""
    return composed(fill(_SCORE_SUMMARIES, which=_OF_TRACES), matching(query, search))


def summaries_of_period(project: str, since: int, until: int) -> Query:
    """Rows in the order of ScoreSummary's fields, of the scores given from `since` to `until`."""
    parameters = {"project": project, "since": since, "until": until}
    return Query(fill(_SCORE_SUMMARIES, which=_IN_PERIOD), parameters)
