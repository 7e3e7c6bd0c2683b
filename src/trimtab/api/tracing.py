"""/api/v1/traces, spans and metrics: what was recorded, read back."""

from __future__ import annotations

import asyncio

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.errors import InvalidRequest, NotFound
from trimtab.kit.ids import is_trace_id
from trimtab.ports import Overview, ScoreQuery, SpanQuery, TraceSummary
from trimtab.records import Score, Span

_NS_PER_HOUR = 3_600_000_000_000
_FILTERS = {
    "route": "only this route",
    "release": "only this release id",
    "run": "only the calls of this run",
}


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One trace: its spans by start time, and every score of it."""

    trace_id: str
    spans: list[Span]
    scores: list[Score]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    count: int


async def traces(request: Request) -> Response:
    limit = request.whole_number("limit", 50, low=1, high=1000)
    await request.app.tracing.flush()
    query = SpanQuery(
        project=request.project,
        limit=limit,
        route=request.query.get("route"),
        release=request.query.get("release"),
        run=request.query.get("run"),
    )
    return reply(Page(data=await asyncio.to_thread(request.app.telemetry.traces, query)))


async def trace(request: Request) -> Response:
    trace_id = request.path["trace_id"].lower()
    if not is_trace_id(trace_id):
        raise InvalidRequest(
            "a trace id is 32 hexadecimal digits, not all zero",
            where="trace_id",
            fix="take it from GET /api/v1/traces or the x-trimtab-trace-id header",
        )
    await request.app.tracing.flush()
    spans = await asyncio.to_thread(request.app.telemetry.trace, request.project, trace_id)
    if not spans:
        raise NotFound(f"no trace {trace_id}", fix="GET /api/v1/traces lists the newest")
    query = ScoreQuery(project=request.project, trace_id=trace_id, limit=1000)
    scores = await asyncio.to_thread(request.app.telemetry.scores, query)
    return reply(Trace(trace_id=trace_id, spans=spans, scores=scores))


async def span_count(request: Request) -> Response:
    await request.app.tracing.flush()
    count = await asyncio.to_thread(request.app.telemetry.span_count, request.project)
    return reply(Count(count=count))


async def overview(request: Request) -> Response:
    hours = request.whole_number("hours", 24, low=1, high=24 * 366)
    await request.app.tracing.flush()
    until_ns = request.app.clock.now_ns() + 1
    figures = await asyncio.to_thread(
        request.app.telemetry.overview,
        request.project,
        since_ns=until_ns - hours * _NS_PER_HOUR,
        until_ns=until_ns,
    )
    return reply(figures)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/traces",
        permission="traces:read",
        handler=traces,
        summary="List the newest traces with previews and sums",
        gives=list[TraceSummary],
        query={"limit": "how many, 1 to 1000 (default 50)", **_FILTERS},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/traces/{trace_id}",
        permission="traces:read",
        handler=trace,
        summary="One trace: its spans with payloads, and its scores",
        gives=Trace,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/spans/count",
        permission="traces:read",
        handler=span_count,
        summary="How many spans the project has",
        gives=Count,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/metrics/overview",
        permission="metrics:read",
        handler=overview,
        summary="Calls, errors, latency, tokens, cost and scores of the last hours",
        gives=Overview,
        query={"hours": "how far back, 1 to 8784 (default 24)"},
    ),
]
