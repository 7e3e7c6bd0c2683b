"""/api/v1/guards/reviews: what rules ask people to decide, and what they decided."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Literal

import msgspec

from trimtab.api.guard_reports import MOST, PERIOD, scores_of, since_of, totals_of
from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier, Line
from trimtab.errors import NotFound
from trimtab.guards.report import GUARD, REVIEW
from trimtab.ports import ScoreQuery
from trimtab.records import Score, Target
from trimtab.scoring.submit import submitted

_PENDING = "pending"


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A question to people: whether a rule was right about a call."""

    rule: str
    time_ns: int
    trace_id: str | None
    span_id: str
    decision: str
    author: str | None = None
    reason: str | None = None


class DecisionInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people decided: `upheld` if the rule was right about this call, else `dismissed`.

    `pending` takes a decision back: the call waits for one again.
    """

    rule: Identifier
    trace_id: Identifier
    span_id: Identifier
    decision: Literal["upheld", "dismissed", "pending"]
    reason: Line | None = None


async def reviews(request: Request) -> Response:
    which = request.choice("decision", (_PENDING, "upheld", "dismissed", "all")) or _PENDING
    limit = request.whole_number("limit", 50, low=1, high=1_000)
    since_ns = since_of(request)
    await request.app.tracing.flush()
    found = await asyncio.to_thread(_reviews, request, since_ns)
    wanted = [one for one in found if which in ("all", one.decision)]
    return reply(Page(data=wanted[:limit]))


async def decide(request: Request) -> Response:
    asked = request.json(DecisionInput)
    await request.app.tracing.flush()
    name = f"{GUARD}{asked.rule}{REVIEW}"
    target = Target(kind="span", id=asked.span_id, trace_id=asked.trace_id)
    query = ScoreQuery(project=request.project, target=target, name=name, limit=1)
    if not await asyncio.to_thread(request.app.telemetry.scores, query):
        raise NotFound(
            f"the rule {asked.rule[:200]!r} asked no review of that call",
            where="span_id",
            fix="list the reviews",
        )
    given = submitted(
        project=request.project,
        target=target,
        id=None,
        author=request.principal.id,
        clock=request.app.clock,
        name=name,
        label=asked.decision,
        reason=asked.reason,
        source="human",
    )
    (score,) = request.app.guarding.judged([given])
    await asyncio.wrap_future(request.app.telemetry.append(scores=[score]))
    return reply(score, status=201)


def _reviews(request: Request, since_ns: int) -> list[Review]:
    """Newest first; what was decided later than asked is what counts."""
    totals = totals_of(request, since_ns, request.app.clock.now_ns() + 1)
    found: list[Review] = []
    for name in sorted(name for name in totals if name.endswith(REVIEW)):
        found += _asked(name, scores_of(request, name, since_ns, MOST))
    return sorted(found, key=lambda one: (-one.time_ns, one.rule))


def _asked(name: str, scores: Iterable[Score]) -> list[Review]:
    """One review for each call, from the first question and the newest word on it.

    Args:
        scores: the newest first.
    """
    newest: dict[str, Score] = {}
    asked: dict[str, Score] = {}
    for score in scores:
        newest.setdefault(score.target.id, score)
        if score.label == _PENDING:
            asked[score.target.id] = score
    return [
        _review(name.removeprefix(GUARD).removesuffix(REVIEW), score, newest[target])
        for target, score in asked.items()
    ]


def _review(rule: str, question: Score, last: Score) -> Review:
    is_decided = last.label != _PENDING
    return Review(
        rule=rule,
        time_ns=question.time_ns,
        trace_id=question.target.trace_id,
        span_id=question.target.id,
        decision=str(last.label),
        author=last.author if is_decided else None,
        reason=last.reason if is_decided else None,
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/guards/reviews",
        permission="guards:read",
        handler=reviews,
        summary="What rules asked people to decide, newest first",
        gives=list[Review],
        query={
            "decision": f"{_PENDING} (default), upheld, dismissed or all",
            **PERIOD,
            "limit": "how many, 1 to 1000 (default 50)",
        },
    ),
    Endpoint(
        method="POST",
        path="/api/v1/guards/reviews",
        permission="guards:write",
        handler=decide,
        summary="Decide about a call that a rule asked people to review",
        takes=DecisionInput,
        gives=Score,
    ),
]
