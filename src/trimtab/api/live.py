"""/api/v1/gateway: what the gateway knows at this moment of targets and routes."""

from __future__ import annotations

from difflib import get_close_matches

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.errors import NotFound
from trimtab.gateway.health import TargetState
from trimtab.gateway.standing import RouteState


async def targets(request: Request) -> Response:
    return reply(Page(data=request.app.gateway.health.states()))


async def routes(request: Request) -> Response:
    return reply(Page(data=request.app.route_states(request.project)))


async def route(request: Request) -> Response:
    name = request.path["name"]
    found = {state.name: state for state in request.app.route_states(request.project)}
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
