"""/api/v1/scores: judgements from outside (feedback, labels, other tools), and all read back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.errors import InvalidRequest
from trimtab.ports import ScoreQuery
from trimtab.records import Score, Target
from trimtab.records.score import ScoreSource, ScoreStatus, TargetKind
from trimtab.scoring.submit import submitted


class ScoreInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A judgement of a target, or of a span by its trace.

    Name the target with `target`, or with `trace_id` alone for a whole trace, or with `trace_id`
    and `span_id`. Send exactly one of `value`, `label` and `passed`. The same `id` again replaces
    the earlier judgement, so a retry is safe.
    """

    name: str
    target: Target | None = None
    trace_id: str | None = None
    span_id: str | None = None
    id: str | None = None
    status: ScoreStatus = "scored"
    value: float | None = None
    label: str | None = None
    passed: bool | None = None
    reason: str | None = None
    evidence: tuple[str, ...] = ()
    source: ScoreSource = "user"
    scorer_version: str = "1"
    author: str | None = None
    run: str | None = None
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    metadata: dict[str, Any] = {}


async def add(request: Request) -> Response:
    """Store one score, or a JSON array of them; answered when they are durable."""
    one = not request.body.lstrip().startswith(b"[")
    inputs = [request.json(ScoreInput)] if one else request.json(list[ScoreInput])
    if not inputs:
        raise InvalidRequest("the array of scores is empty", fix="send at least one score")
    scores = [_score(request, item) for item in inputs]
    await asyncio.wrap_future(request.app.telemetry.append(scores=scores))
    return reply(scores[0] if one else Page(data=list(scores)), status=201)


def _score(request: Request, item: ScoreInput) -> Score:
    fields = {name: getattr(item, name) for name in item.__struct_fields__}
    for name in ("target", "trace_id", "span_id", "id", "author"):
        fields.pop(name)
    return submitted(
        project=request.project,
        target=_target(item),
        id=item.id,
        author=item.author or request.principal.id,
        clock=request.app.clock,
        **fields,
    )


def _target(item: ScoreInput) -> Target:
    if item.target is not None:
        return item.target
    if item.trace_id is None:
        raise InvalidRequest(
            "the score has no target",
            where="target",
            fix='send "trace_id", or "trace_id" and "span_id", or a "target"',
        )
    if item.span_id is not None:
        return Target(kind="span", id=item.span_id, trace_id=item.trace_id)
    return Target(kind="trace", id=item.trace_id, trace_id=item.trace_id)


async def listed(request: Request) -> Response:
    target = None
    if "target_kind" in request.query or "target_id" in request.query:
        target = _query_target(request.query)
    query = ScoreQuery(
        project=request.project,
        target=target,
        trace_id=request.query.get("trace_id"),
        run=request.query.get("run"),
        name=request.query.get("name"),
        source=request.query.get("source"),
        limit=request.whole_number("limit", 100, low=1, high=10_000),
    )
    return reply(Page(data=await asyncio.to_thread(request.app.telemetry.scores, query)))


def _query_target(query: Mapping[str, str]) -> Target:
    fields = {"kind": "target_kind", "id": "target_id", "trace_id": "trace_id"}
    given = {field: query[name] for field, name in fields.items() if name in query}
    try:
        return msgspec.convert(given, Target)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"the target is not complete: {error}",
            where="query parameters target_kind and target_id",
            fix="send both, or neither",
        ) from None


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/scores",
        permission="scores:write",
        handler=add,
        summary="Add one score or an array of them",
        takes=ScoreInput,
        gives=Score,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/scores",
        permission="scores:read",
        handler=listed,
        summary="List the newest scores",
        gives=list[Score],
        query={
            "trace_id": "only scores of this trace",
            "name": "only this score",
            "run": "only scores of this run",
            "source": "only this source",
            "target_kind": "with target_id: one target; " + ", ".join(get_args(TargetKind)),
            "target_id": "the id of that target",
            "limit": "how many, 1 to 10000 (default 100)",
        },
    ),
]
