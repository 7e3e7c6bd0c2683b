"""/api/v1/spend and budgets: what was spent, by whom, and what is left."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.errors import InvalidRequest, NotFound
from trimtab.governance.budget import Budget, Used, explain
from trimtab.governance.periods import periods
from trimtab.records.access import AllowanceKind

_PERIOD = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_KINDS: tuple[AllowanceKind, ...] = ("project", "team", "user", "key")


class SpendRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one project, team, user or key used in a period."""

    kind: AllowanceKind
    name: str
    period: str
    requests: int
    tokens_input: int
    tokens_output: int
    cost_usd: Decimal
    unpriced: int


async def budget(request: Request) -> Response:
    return reply(await _explained(request, request.path["ref"]))


async def own_budget(request: Request) -> Response:
    if request.principal.key is None:
        raise NotFound(
            f"{request.principal.id!r} is no virtual key and has no budget",
            fix="send a virtual key, or ask GET /api/v1/keys/{ref}/budget for that of another",
        )
    return reply(await _explained(request, request.principal.key))


async def spend(request: Request) -> Response:
    period = request.query.get("period", periods(request.app.clock.now_ns()).month)
    if not _PERIOD.fullmatch(period):
        raise InvalidRequest(
            f"{period[:50]!r} is not a day or a month",
            where="query parameter period",
            fix="send for example period=2026-11 or period=2026-11-21",
        )
    asked = request.choice("kind", _KINDS)
    kind = next((one for one in _KINDS if one == asked), None)
    found = await asyncio.to_thread(request.app.metadata.spend.list, request.project, period, kind)
    rows = [
        SpendRow(
            kind=key.kind,
            name=key.name,
            period=key.period,
            **msgspec.structs.asdict(Used.of(amount)),
        )
        for key, amount in found.items()
    ]
    return reply(Page(data=rows))


async def _explained(request: Request, ref: str) -> Budget:
    app = request.app
    key = await asyncio.to_thread(app.metadata.keys.get, request.project, ref)
    return await asyncio.to_thread(
        explain,
        key,
        app.settings,
        app.metadata.spend,
        now_ns=app.clock.now_ns(),
        live=await app.live(key),
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/keys/{ref}/budget",
        permission="allowances:read",
        handler=budget,
        summary="What a key may still spend, by its own limits and those it shares",
        gives=Budget,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/budget",
        permission="gateway:call",
        handler=own_budget,
        summary="What the key of this request may still spend",
        gives=Budget,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/spend",
        permission="allowances:read",
        handler=spend,
        summary="What projects, teams, users and keys spent in a period, the most first",
        gives=list[SpendRow],
        query={
            "period": "a UTC day or month, as in 2026-11-21 or 2026-11 (default this month)",
            "kind": f"only {', '.join(_KINDS)}",
        },
    ),
]
