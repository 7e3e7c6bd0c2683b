"""/api/v1/traces and spans: what was recorded, read back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.queries import FILTER, PAGE, SORTS, asked, sort_of, token
from trimtab.errors import InvalidRequest, NotFound
from trimtab.kit.ids import is_trace_id
from trimtab.ports import ScoreQuery, SpanHead, TraceSummary
from trimtab.records import Score, Span

_LIMIT = {"limit": "how many, 1 to 1000 (default 50)"}
_SORT = {"sort": f"by what, the greatest first: {', '.join(SORTS)} (default start)"}
_NARROWED = {
    "route": "only this route",
    "release": "only this release id",
    "run": "only the calls of this run",
}


class TracePage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest traces first, unless sorted; `next` is the page after this one, null on the last."""

    data: list[TraceSummary]
    next: str | None


class SpanPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest spans first; `next` is the page after this one, null on the last."""

    data: list[Span]
    next: str | None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One trace: its spans by start time, and every score of it."""

    trace_id: str
    spans: list[Span]
    scores: list[Score]


class Skeleton(msgspec.Struct, frozen=True, kw_only=True):
    """One trace without what was said in it."""

    trace_id: str
    spans: list[SpanHead]
    scores: list[Score]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    count: int


async def traces(request: Request) -> Response:
    limit = request.whole_number("limit", 50, low=1, high=1000)
    sort = sort_of(request)
    query = asked(request, limit=limit + 1, sort=sort, **_narrowed(request))
    await request.app.tracing.flush()
    found = await asyncio.to_thread(request.app.telemetry.traces, query)
    last = _last(found, limit)
    following = token(last.place(sort), last.trace_id) if last else None
    return reply(TracePage(data=found[:limit], next=following))


async def spans(request: Request) -> Response:
    limit = request.whole_number("limit", 50, low=1, high=1000)
    query = asked(request, limit=limit + 1, **_narrowed(request))
    await request.app.tracing.flush()
    found = await asyncio.to_thread(request.app.telemetry.spans, query)
    last = _last(found, limit)
    return reply(
        SpanPage(data=found[:limit], next=token(last.start_ns, last.span_id) if last else None)
    )


def _narrowed(request: Request) -> dict[str, Any]:
    return {name: request.query.get(name) for name in _NARROWED}


def _last(found: Sequence[Any], limit: int) -> Any:
    """The last row of a page that is not the last one."""
    return found[limit - 1] if len(found) > limit else None


async def trace(request: Request) -> Response:
    trace_id = trace_id_of(request)
    with_payloads = request.choice("payloads", ("true", "false")) != "false"
    await request.app.tracing.flush()
    telemetry = request.app.telemetry
    read = telemetry.trace if with_payloads else telemetry.skeleton
    found: Any = await asyncio.to_thread(read, request.project, trace_id)
    if not found:
        raise NotFound(f"no trace {trace_id}", fix="GET /api/v1/traces lists the newest")
    query = ScoreQuery(project=request.project, trace_ids=(trace_id,), limit=1000)
    scores = await asyncio.to_thread(telemetry.scores, query)
    kind = Trace if with_payloads else Skeleton
    return reply(kind(trace_id=trace_id, spans=found, scores=scores))


async def span(request: Request) -> Response:
    trace_id, span_id = trace_id_of(request), request.path["span_id"].lower()
    await request.app.tracing.flush()
    found = await asyncio.to_thread(request.app.telemetry.span, request.project, trace_id, span_id)
    if found is None:
        raise NotFound(
            f"no span {span_id[:50]} in trace {trace_id}",
            fix=f"GET /api/v1/traces/{trace_id}?payloads=false lists its spans",
        )
    return reply(found)


def trace_id_of(request: Request) -> str:
    """The trace that the path names. Raises InvalidRequest."""
    trace_id = request.path["trace_id"].lower()
    if not is_trace_id(trace_id):
        raise InvalidRequest(
            "a trace id is 32 hexadecimal digits, not all zero",
            where="trace_id",
            fix="take it from GET /api/v1/traces or the x-trimtab-trace-id header",
        )
    return trace_id


async def span_count(request: Request) -> Response:
    await request.app.tracing.flush()
    count = await asyncio.to_thread(request.app.telemetry.span_count, request.project)
    return reply(Count(count=count))


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/traces",
        permission="traces:read",
        handler=traces,
        summary="List traces with previews and sums, the newest first or sorted",
        gives=TracePage,
        query={**FILTER, **_LIMIT, **PAGE, **_SORT, **_NARROWED},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/traces/{trace_id}",
        permission="traces:read",
        handler=trace,
        summary="One trace: its spans with payloads, and its scores",
        gives=Trace,
        query={"payloads": "false for the heads of the spans, without what was said in them"},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/traces/{trace_id}/spans/{span_id}",
        permission="traces:read",
        handler=span,
        summary="One span with its payloads",
        gives=Span,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/spans",
        permission="traces:read",
        handler=spans,
        summary="List the newest spans with payloads",
        gives=SpanPage,
        query={**FILTER, **_LIMIT, **PAGE, **_NARROWED},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/spans/count",
        permission="traces:read",
        handler=span_count,
        summary="How many spans the project has",
        gives=Count,
    ),
]
