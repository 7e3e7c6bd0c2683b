"""/api/v1/judges and /api/v1/cards: judges there are, and how far each version can be believed."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier, as_record
from trimtab.errors import InvalidRequest
from trimtab.records import CalibrationCard, Estimate
from trimtab.scorers.catalogue import ScorerInfo, catalogue, entry

Count = Annotated[int, Meta(ge=0, lt=2**53)]
Finite = Annotated[float, Meta(ge=-1e300, le=1e300)]


class EstimateInput(Estimate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number with its interval, and how many of the labelled cases it rests on."""

    n: Count
    total: Count


class CardInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured of a judge against labels; numbers that could not be measured are null."""

    scorer: Identifier
    digest: Identifier
    model: Annotated[str, Meta(max_length=2_000)] | None = None
    dataset: Identifier
    dataset_digest: Annotated[str, Meta(max_length=200)]
    label: Identifier
    labelled: Count
    judged: Count
    agreement: EstimateInput | None = None
    kappa: EstimateInput | None = None
    alpha: EstimateInput | None = None
    true_positive_rate: EstimateInput | None = None
    true_negative_rate: EstimateInput | None = None
    order_consistency: EstimateInput | None = None
    repeat_spread: Finite | None = None
    length_slope: EstimateInput | None = None
    effective_votes: Finite | None = None


async def judges(_: Request) -> Response:
    return reply(Page(data=list(await asyncio.to_thread(catalogue, "judge"))))


async def judge(request: Request) -> Response:
    return reply(await asyncio.to_thread(entry, request.path["judge"], "judge"))


async def cards(request: Request) -> Response:
    scorer, digest = request.query.get("scorer"), request.query.get("digest")
    found = await asyncio.to_thread(request.app.metadata.cards.list, request.project, scorer)
    return reply(Page(data=[card for card in found if digest in (None, card.digest)]))


async def add(request: Request) -> Response:
    given = request.json(CardInput)
    if given.judged > given.labelled:
        raise InvalidRequest(
            f"{given.judged} of {given.labelled} labelled cases cannot have been judged",
            where="judged",
            fix="count the labelled cases that the judge could judge",
        )
    card = as_record(
        given, CalibrationCard, project=request.project, created_ns=request.app.clock.now_ns()
    )
    await asyncio.to_thread(request.app.metadata.cards.put, card)
    return reply(card, status=201)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/judges",
        permission="judges:read",
        handler=judges,
        summary="List the built-in judges, by name",
        gives=list[ScorerInfo],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/judges/{judge}",
        permission="judges:read",
        handler=judge,
        summary="One built-in judge: what it measures, needs and takes",
        gives=ScorerInfo,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/cards",
        permission="cards:read",
        handler=cards,
        summary="List calibration cards, newest first",
        gives=list[CalibrationCard],
        query={"scorer": "the scorer they belong to", "digest": "its exact version"},
    ),
    Endpoint(
        method="POST",
        path="/api/v1/cards",
        permission="cards:write",
        handler=add,
        summary="Keep a calibration card; the newest of a scorer's digest counts",
        takes=CardInput,
        gives=CalibrationCard,
    ),
]
