"""The live scores of the releases of a route, as they are stored. It computes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.experiments.live import LiveScore
from trimtab.ports import MetadataStore, TelemetryStore

_MOST_LIVE = 200_000
_LIVE_S = 30.0


def live_scores(
    metadata: MetadataStore,
    telemetry: TelemetryStore,
    project: str,
    route: str,
    score: str,
    since_ns: int | None,
) -> list[LiveScore]:
    """Scores of calls that no run made, in the order of the calls.

    Raises:
        InvalidRequest: there are too many.
    """
    text = _LIVE.format(route=_quoted(route), score=_quoted(score), since=int(since_ns or 0))
    table = telemetry.sql(project, text, max_rows=_MOST_LIVE, timeout_s=_LIVE_S)
    if table.truncated:
        raise InvalidRequest(
            f"there are more than {_MOST_LIVE:,} such scores",
            where="since",
            fix="look at a shorter period",
        )
    named = {one.release_id: one.ref for one in metadata.releases.list(project)}
    return list(_read(table.rows, named))


_LIVE = """
SELECT spans.release, coalesce(spans.session, spans.trace_id), scores.value, scores.passed
FROM scores JOIN spans
ON scores.target_trace_id = spans.trace_id
AND (scores.target_id = spans.span_id OR scores.target_kind = 'trace')
WHERE scores.name = {score} AND scores.status = 'scored' AND spans.route = {route}
AND spans.release IS NOT NULL AND spans.parent_id IS NULL AND spans.run IS NULL
AND spans.start_ns >= {since}
ORDER BY spans.start_ns, spans.trace_id
"""


def _read(rows: Iterable[Sequence[Any]], named: Mapping[str, str]) -> Iterable[LiveScore]:
    """Scores with the names of their releases, which spans know by their ids."""
    for release, session, value, passed in rows:
        number = passed if value is None else value
        if number is not None:
            yield LiveScore(named.get(release, release), session, float(number))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
