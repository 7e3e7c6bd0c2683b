"""What a period adds up to: whole hours from the rollups, the rest from the spans."""

from __future__ import annotations

from typing import NamedTuple

from trimtab.stores.telemetry.queries.composing import HOUR_NS, Query, fill
from trimtab.stores.telemetry.queries.scores import summaries_of_period
from trimtab.stores.telemetry.rows import BUCKETS, INPUT_TOKENS, OUTPUT_TOKENS, UNPRICED

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
        return summaries_of_period(self.project, self.since, self.until)


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
