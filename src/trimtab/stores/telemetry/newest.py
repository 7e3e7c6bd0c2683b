"""The newest traces, found without looking at all of them.

A trace that started at some moment or later has no span before it. So look at the newest spans
only, and widen the view until it holds enough traces. From where on it holds enough is remembered
for the list that everybody opens, the one without a filter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from trimtab.ports import SpanQuery
from trimtab.stores.telemetry import queries
from trimtab.stores.telemetry.filters import Search
from trimtab.stores.telemetry.queries import HOUR_NS, ROOT_OR_FIRST, Query

_SPANS_PER_TRACE = 16
_MAX_FLOORS = 1_000
_ROOT = -2  # in a row of sums

Fetch = Callable[[Query], Sequence[Any]]
Searches = Callable[[SpanQuery, int | None], Search]
Sums = tuple[Any, ...]


class Floors:
    """From which moment on a project's spans hold some number of traces."""

    def __init__(self) -> None:
        self._floors: dict[tuple[str, int], int] = {}

    def find(self, query: SpanQuery) -> int | None:
        return self._floors.get((query.project, query.limit)) if _is_plain(query) else None

    def note(self, query: SpanQuery, floor: int) -> None:
        if _is_plain(query):
            if len(self._floors) >= _MAX_FLOORS:
                self._floors.clear()
            self._floors[query.project, query.limit] = floor


def newest_summaries(
    query: SpanQuery, fetch: Fetch, search: Searches, floors: Floors
) -> list[dict[str, Any]]:
    """The fields of TraceSummary of the newest matching traces, and the `span_id` of their roots.

    Args:
        fetch: the rows that answer a query.
        search: conditions on payloads, over the spans of a query from a moment on.
    """
    sums = _recent_sums(query, fetch, floors)
    if sums is None:
        sums = _sums(query, _first_traces(query, fetch, search, floors), fetch)
    if not sums:
        return []
    seqs = [root or first for *_, root, first in sums]
    found = fetch(queries.roots(query.project, min(first for _, first, *_ in sums), seqs))
    roots = {seq: root for seq, *root in found}
    return [_fields(row, roots[seq]) for row, seq in zip(sums, seqs, strict=True) if seq in roots]


def _first_traces(
    query: SpanQuery, fetch: Fetch, search: Searches, floors: Floors
) -> Sequence[tuple[str, int]]:
    """Ids and starts of the traces that a list begins with."""
    if query.sort == "start":
        return _newest_traces(query, fetch, search, floors)
    floor = None if query.since_ns is None else query.since_ns - HOUR_NS
    over = search(replace(query, until_ns=None), floor)
    return fetch(queries.first_traces(query, over, floor))


def _newest_traces(
    query: SpanQuery, fetch: Fetch, search: Searches, floors: Floors
) -> list[tuple[str, int]]:
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
        found = fetch(queries.first_traces(wider, over, floor))
        if floor is not None:
            earlier = _earlier(query.project, [trace_id for trace_id, _ in found], floor, fetch)
            found = [row for row in found if row[0] not in earlier]
        whole = not row or (query.since_ns is not None and row[0][0] <= query.since_ns)
        if len(found) >= query.limit:
            floors.note(query, found[min(query.limit * 2, len(found) - 1)][1])
        if whole or len(found) >= query.limit:
            return list(found[: query.limit])
        reach *= 8


def _sums(query: SpanQuery, traces: Sequence[tuple[str, int]], fetch: Fetch) -> list[Sums]:
    """The sums of some traces, in their order."""
    if not traces:
        return []
    ids, earliest = [trace_id for trace_id, _ in traces], min(start for _, start in traces)
    found = fetch(queries.sums_of_traces(query.project, earliest, len(ids), ids))
    by_id = {row[0]: row for row in found}
    return [by_id[trace_id] for trace_id in ids if trace_id in by_id]


def _recent_sums(query: SpanQuery, fetch: Fetch, floors: Floors) -> Sequence[Sums] | None:
    """The sums of the newest traces from the remembered moment on; None when those are too few.

    A root starts before the rest of its trace, so only traces without one can have begun earlier.
    """
    floor = floors.find(query)
    if floor is None:
        return None
    found = fetch(queries.sums_of_traces(query.project, floor, query.limit * 2 + 16))
    if not all(row[_ROOT] for row in found[: query.limit]):
        rootless = [row[0] for row in found if not row[_ROOT]]
        earlier = _earlier(query.project, rootless, floor, fetch)
        found = [row for row in found if row[0] not in earlier]
    if len(found) < query.limit:
        return None
    if len(found) > query.limit * 2:
        floors.note(query, found[query.limit * 2][1])
    return found[: query.limit]


def _earlier(project: str, trace_ids: Sequence[str], floor: int, fetch: Fetch) -> set[str]:
    """Those that started before the floor: a span of theirs is in the hour before it."""
    found = fetch(queries.started_earlier(project, trace_ids, floor - HOUR_NS, floor))
    return {trace_id for (trace_id,) in found}


def _fields(sums: Sums, root: Sequence[Any]) -> dict[str, Any]:
    trace_id, first_ns, last_ns, spans, *counted = sums
    input_tokens, output_tokens, cost, unpriced, errors, *rest = counted
    project, span_id, partial, name, status, error, *said, input_preview, output_preview = root
    pairs = zip(ROOT_OR_FIRST, said, rest, strict=False)
    return {
        "trace_id": trace_id,
        "project": project,
        "name": name,
        "start_ns": first_ns,
        "duration_ms": (last_ns - first_ns) / 1e6,
        "status": status,
        "error": error,
        **{field: first if own is None else own for field, own, first in pairs},
        "spans": spans,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cost_usd": cost,
        "unpriced": unpriced,
        "errors": errors,
        "input_preview": input_preview,
        "output_preview": output_preview,
        "partial": bool(partial),
        "span_id": span_id,
    }


def _is_plain(query: SpanQuery) -> bool:
    """Whether a query is for a project's newest traces, whatever they are."""
    return query == SpanQuery(project=query.project, limit=query.limit)
