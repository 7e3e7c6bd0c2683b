"""Finding the newest traces without looking at all of them.

A trace that started at some moment or later has no span before it. So look at the newest spans
only, and widen the view until it holds enough traces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from trimtab.ports import SpanQuery
from trimtab.stores.telemetry import queries
from trimtab.stores.telemetry.filters import Search
from trimtab.stores.telemetry.queries import HOUR_NS, Query

_SPANS_PER_TRACE = 16

Fetch = Callable[[Query], Sequence[Any]]


def newest_traces(
    query: SpanQuery, fetch: Fetch, search: Callable[[SpanQuery, int | None], Search]
) -> list[tuple[str, int]]:
    """Ids and starts of the newest matching traces.

    Args:
        fetch: the rows that answer a query.
        search: conditions on payloads, over the spans of a query from a moment on.
    """
    recent = query
    if query.page is not None:
        until = query.page[0] + 1
        recent = replace(query, until_ns=min(query.until_ns or until, until))
    reach = query.limit * _SPANS_PER_TRACE
    while True:
        row = fetch(queries.start_of_nth_newest(recent, reach))
        floor = row[0][0] if row else query.since_ns
        over = search(replace(query, until_ns=None), floor)
        wider = replace(query, limit=query.limit * 2 + 16)
        found = fetch(queries.newest_traces(wider, over, floor))
        if floor is not None:
            found = _without_earlier(query.project, found, floor, fetch)
        whole = not row or (query.since_ns is not None and row[0][0] <= query.since_ns)
        if whole or len(found) >= query.limit:
            return list(found[: query.limit])
        reach *= 8


def _without_earlier(
    project: str, found: Sequence[Any], floor: int, fetch: Fetch
) -> list[tuple[str, int]]:
    """Those that did not start before the floor: no span of theirs is in the hour before it."""
    ids = [trace_id for trace_id, _ in found]
    earlier = {
        trace_id
        for (trace_id,) in fetch(queries.started_earlier(project, ids, floor - HOUR_NS, floor))
    }
    return [(trace_id, start) for trace_id, start in found if trace_id not in earlier]
