"""/api/v1/traces/{trace_id}/tree: a trace of any size at once, to be looked at as a tree."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.packed import packed
from trimtab.api.traces import trace_id_of
from trimtab.errors import NotFound
from trimtab.ports import SpanHead, SpanQuery, TraceSummary
from trimtab.records.span import CostSource
from trimtab.tracing.tree import Columns, CostPart, columns, cost_split


class TraceTree(msgspec.Struct, frozen=True, kw_only=True):
    """One trace without what was said in it: its sums, and its spans in columns."""

    trace_id: str
    summary: TraceSummary | None
    costs: tuple[CostPart, ...]
    columns: Columns


class SpanCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one span cost, by bucket of its tokens; `source` says who says so."""

    cost_usd: Decimal | None
    source: CostSource | None
    estimated: bool
    parts: tuple[CostPart, ...]


async def tree(request: Request) -> Response:
    trace_id = trace_id_of(request)
    await request.app.tracing.flush()
    heads = await asyncio.to_thread(request.app.telemetry.skeleton, request.project, trace_id)
    if not heads:
        raise NotFound(f"no trace {trace_id}", fix="GET /api/v1/traces lists the newest")
    return await asyncio.to_thread(_told, request, trace_id, heads)


def _told(request: Request, trace_id: str, heads: list[SpanHead]) -> Response:
    start_ns = min(head.start_ns for head in heads)
    # Only with its time is one trace among very many found at once.
    query = SpanQuery(
        project=request.project,
        trace_id=trace_id,
        since_ns=start_ns,
        until_ns=start_ns + 1,
        limit=1,
    )
    found = TraceTree(
        trace_id=trace_id,
        summary=next(iter(request.app.telemetry.traces(query)), None),
        costs=cost_split(heads, request.app.price_of()),
        columns=columns(heads),
    )
    return packed(request, reply(found))


async def cost(request: Request) -> Response:
    trace_id, span_id = trace_id_of(request), request.path["span_id"].lower()
    await request.app.tracing.flush()
    telemetry = request.app.telemetry
    found = await asyncio.to_thread(telemetry.span, request.project, trace_id, span_id)
    if found is None:
        raise NotFound(
            f"no span {span_id[:50]} in trace {trace_id}",
            fix=f"GET /api/v1/traces/{trace_id}/tree lists its spans",
        )
    return reply(
        SpanCost(
            cost_usd=found.cost_usd,
            source=found.cost_source,
            estimated=found.usage is not None and found.usage.estimated,
            parts=cost_split([found], request.app.price_of()),
        )
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/traces/{trace_id}/tree",
        permission="traces:read",
        handler=tree,
        summary="One trace in columns, without what was said in it",
        gives=TraceTree,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/traces/{trace_id}/spans/{span_id}/cost",
        permission="traces:read",
        handler=cost,
        summary="What one span cost, by bucket of its tokens",
        gives=SpanCost,
    ),
]
