"""/api/v1/gateway: what the gateway knows at this moment of targets, routes and calls."""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.errors import NotFound
from trimtab.gateway.health import TargetState
from trimtab.gateway.standing import RouteState


class CallFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one route, model and status since the server began, all its processes together.

    Of a request that was refused before anybody was asked `status` is the code of the error, and
    `route` and `model` are empty. `retried` took more than one attempt. `saved_usd` is what the
    calls would have cost that the cache answered.
    """

    route: str
    model: str
    status: str
    requests: int
    retried: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    unpriced: int
    cache_hits: int
    cache_misses: int
    saved_usd: Decimal


async def figures(request: Request) -> Response:
    counted, _ = await request.app.measured()
    return reply(
        Page(
            data=[
                CallFigures(
                    route=labels.route,
                    model=labels.model,
                    status=labels.status,
                    requests=sums.requests,
                    retried=sums.retried,
                    input_tokens=sums.input,
                    output_tokens=sums.output,
                    cost_usd=sums.cost_usd,
                    unpriced=sums.unpriced,
                    cache_hits=sums.hits,
                    cache_misses=sums.misses,
                    saved_usd=sums.saved_usd,
                )
                for labels, sums in sorted(counted.calls.items())
                if labels.project == request.project
            ]
        )
    )


async def targets(request: Request) -> Response:
    return reply(Page(data=request.app.gateway.health.states()))


async def routes(request: Request) -> Response:
    return reply(Page(data=request.app.answerable.routes(request.project)))


async def route(request: Request) -> Response:
    name = request.path["name"]
    found = {state.name: state for state in request.app.answerable.routes(request.project)}
    if name not in found:
        close = get_close_matches(name[:200], found, n=3)
        raise NotFound(
            f"no route {name[:200]!r} is in use",
            fix=f"did you mean {', '.join(close)}?" if close else "GET /api/v1/gateway/routes",
        )
    return reply(found[name])


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/gateway/figures",
        permission="metrics:read",
        handler=figures,
        summary="What calls add up to since the server began, by route, model and status",
        gives=list[CallFigures],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/gateway/targets",
        permission="routes:read",
        handler=targets,
        summary="Models as this process has seen them: breaker, latency, errors, calls in flight",
        gives=list[TargetState],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/gateway/routes",
        permission="routes:read",
        handler=routes,
        summary="How each route answers now, or why it cannot, by name",
        gives=list[RouteState],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/gateway/routes/{name}",
        permission="routes:read",
        handler=route,
        summary="How one route answers now, or why it cannot",
        gives=RouteState,
    ),
]
