"""/api/v1/scorers: the scorers there are, judges among them."""

from __future__ import annotations

import asyncio
from typing import cast, get_args

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.records.run import Tier
from trimtab.scorers.catalogue import ScorerInfo, catalogue, entry


async def scorers(request: Request) -> Response:
    tier = cast("Tier | None", request.choice("tier", get_args(Tier)))
    return reply(Page(data=list(await asyncio.to_thread(catalogue, tier))))


async def scorer(request: Request) -> Response:
    return reply(await asyncio.to_thread(entry, request.path["scorer"]))


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/scorers",
        permission="judges:read",
        handler=scorers,
        summary="List the built-in scorers, judges among them, by name",
        gives=list[ScorerInfo],
        query={"tier": f"only those of a tier: {', '.join(get_args(Tier))}"},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/scorers/{scorer}",
        permission="judges:read",
        handler=scorer,
        summary="One built-in scorer: what it measures, needs and takes",
        gives=ScorerInfo,
    ),
]
