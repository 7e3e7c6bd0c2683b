"""/api/v1/scores: judgements from outside (feedback, labels, other tools), and all read back."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, get_args

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import TargetInput
from trimtab.errors import InvalidRequest, RequestError
from trimtab.ports import ScoreQuery
from trimtab.records import Score, Target
from trimtab.records.score import ScoreSource, ScoreStatus, TargetKind
from trimtab.scoring.submit import submitted

_MOST_TRACES = 200


class ScoreInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A judgement of a target, or of a span by its trace.

    Name the target with `target`, or with `trace_id` alone for a whole trace, or with `trace_id`
    and `span_id`. Send exactly one of `value`, `label` and `passed`. The same `id` again replaces
    the earlier judgement, so a retry is safe.
    """

    name: str
    target: TargetInput | None = None
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
    if not request.body.lstrip().startswith(b"["):
        (score,) = request.app.guarding.judged([_score(request, request.json(ScoreInput))])
        await asyncio.wrap_future(request.app.telemetry.append(scores=[score]))
        return reply(score, status=201)
    inputs = request.json(list[ScoreInput])
    if not inputs:
        raise InvalidRequest("the array of scores is empty", where="$", fix="send at least one")
    given = [_score_of_many(request, index, item) for index, item in enumerate(inputs)]
    scores = request.app.guarding.judged(given)
    await asyncio.wrap_future(request.app.telemetry.append(scores=scores))
    return reply(Page(data=list(scores)), status=201)


def _score_of_many(request: Request, index: int, item: ScoreInput) -> Score:
    try:
        return _score(request, item)
    except RequestError as error:
        raise type(error)(
            error.what, where=f"$[{index}].{error.where}", fix=error.fix, **error.fields
        ) from None


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
    if item.target is not None and (item.trace_id or item.span_id):
        raise InvalidRequest(
            "the score names its target twice",
            where="trace_id" if item.trace_id else "span_id",
            fix='send it inside "target"',
        )
    if item.target is not None:
        return msgspec.convert(item.target, Target, from_attributes=True)
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
    query = ScoreQuery(
        project=request.project,
        target=_query_target(request),
        trace_ids=_trace_ids(request),
        run=request.query.get("run"),
        name=request.query.get("name"),
        source=request.choice("source", get_args(ScoreSource)),
        limit=request.whole_number("limit", 100, low=1, high=10_000),
    )
    return reply(Page(data=await asyncio.to_thread(request.app.telemetry.scores, query)))


def _trace_ids(request: Request) -> tuple[str, ...]:
    ids = tuple(filter(None, request.query.get("trace_id", "").split(",")))
    if len(ids) > _MOST_TRACES:
        raise InvalidRequest(
            f"{len(ids):,} traces are asked about at once",
            where="query parameter trace_id",
            fix=f"send at most {_MOST_TRACES}",
        )
    return ids


def _query_target(request: Request) -> Target | None:
    kind = request.choice("target_kind", get_args(TargetKind))
    target_id = request.query.get("target_id")
    if kind is None and target_id is None:
        return None
    if kind is None or target_id is None:
        missing = "target_kind" if kind is None else "target_id"
        raise InvalidRequest(
            f"the target has no {missing}",
            where=f"query parameter {missing}",
            fix="send both target_kind and target_id, or neither",
        )
    target = {"kind": kind, "id": target_id, "trace_id": request.query.get("trace_id")}
    return msgspec.convert(target, Target)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/scores",
        permission="scores:write",
        handler=add,
        summary="Add one score or an array of them",
        takes=ScoreInput | list[ScoreInput],
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
            "trace_id": f"only scores of this trace, or of up to {_MOST_TRACES}, by commas",
            "name": "only this score",
            "run": "only scores of this run",
            "source": "only this source",
            "target_kind": "with target_id: one target; " + ", ".join(get_args(TargetKind)),
            "target_id": "the id of that target",
            "limit": "how many, 1 to 10000 (default 100)",
        },
    ),
]
