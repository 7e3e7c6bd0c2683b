"""/api/v1/routes: the names that applications ask for, and what is behind them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.allowances import Deleted
from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier, ModelTargetInput, as_record, require_path_name
from trimtab.errors import ConfigError, Conflict, InvalidRequest, NotFound, TrimtabError
from trimtab.governance import access
from trimtab.governance.settings import (
    Source,
    require_free_names,
    require_not_declared,
    route_key,
)
from trimtab.records import Route, RouteGuards
from trimtab.records.route import (
    Bandit,
    Breaker,
    CacheSettings,
    Choice,
    ReleaseShare,
    Retries,
    Shadow,
    Timeouts,
    route_complaint,
)
from trimtab.releases.canaries import MOST_SHARE

Revision = Annotated[int, Meta(ge=0, lt=2**31)]
_MAX_REVISION = 2**31 - 1


class RetriesInput(Retries, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attempts after the first, all targets together, and the pauses before them in seconds."""


class TimeoutsInput(Timeouts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds: to the first byte of content, between two pieces, and for the whole answer."""


class BreakerInput(Breaker, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a target is left alone: after `failures` in a row, for `cooldown_s`."""


class CacheInput(CacheSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be answered from memory of earlier answers."""


class GuardsInput(RouteGuards, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The policy of the route, and its mode there; null is the project's, and the policy's own."""


class ShadowInput(Shadow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A copy of a share of the requests, whose answers go to nobody."""


class ReleaseShareInput(ReleaseShare, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release's share of the requests, relative to its siblings."""


class BanditInput(Bandit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lets the shares of the split follow a score; its weights are where they begin."""


class WeightedModelInput(ModelTargetInput, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of a route; one of weight 0 is not drawn."""

    weight: Annotated[float, Meta(ge=0)] = 1.0


class RouteInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A route; what is left out has its default, or for calls that of `gateway.defaults`.

    `revision` is the one that this replaces: 0 for a route that must be new. Without it, whatever
    is there is replaced.
    """

    revision: Revision | None = None
    aliases: tuple[Identifier, ...] = ()
    targets: tuple[WeightedModelInput, ...] = ()
    choose: Choice = "weighted"
    fallbacks: tuple[Identifier, ...] = ()
    retries: RetriesInput | None = None
    timeouts: TimeoutsInput | None = None
    breaker: BreakerInput | None = None
    sticky: bool = False
    split: tuple[ReleaseShareInput, ...] = ()
    bandit: BanditInput | None = None
    shadows: tuple[ShadowInput, ...] = ()
    cache: CacheInput | None = None
    guards: GuardsInput | None = None


class RouteView(Route, frozen=True, kw_only=True):
    """A route, and whether it stands in the configuration file, which has no revisions.

    A route that is not `in_use` has a name or an alias that the file gives to another. `warnings`
    say what of it leads nowhere, or why it cannot answer at all.
    """

    revision: int | None
    source: Source
    in_use: bool
    warnings: tuple[str, ...] = ()


async def put(request: Request) -> Response:
    given = request.json(RouteInput)
    name = request.path["name"]
    require_path_name(name, where="name")
    route = as_record(given, Route, name=name, project=request.project)
    if complaint := route_complaint(route):
        raise InvalidRequest(f"a route {complaint}", where="$", fix="correct it")
    require_free_names(route, _declared(request))
    await asyncio.to_thread(_require_answerable, request, route)
    await asyncio.to_thread(_require_split, request, route)
    stored = await asyncio.to_thread(
        request.app.metadata.routes.put, route, by=request.principal.id, over=given.revision
    )
    await request.app.refresh()
    return reply(_view(request, route, stored.revision), status=200 if stored.revision > 1 else 201)


def _require_answerable(request: Request, route: Route) -> None:
    """Raises InvalidRequest when a model, a fallback or a policy of guards is not there.

    So it does for a cache by likeness, where nothing tells how alike two requests are.
    """
    has_embedder = request.app.config.gateway.cache_embedder is not None
    if route.cache is not None and route.cache.similarity is not None and not has_embedder:
        raise InvalidRequest(
            "a cache with a similarity needs an embedding model, and none is set",
            where="cache.similarity",
            fix="set gateway.cache_embedder in the configuration, or leave similarity out",
        )
    try:
        request.app.guarding.policy(route.project, route.guards)
    except ConfigError as error:
        raise InvalidRequest(error.what, where="guards.policy", fix=error.fix) from None
    for model in (*(one.model for one in route.targets), *(one.model for one in route.shadows)):
        request.app.answerable.require_model(model)
    routes = [one for one in request.app.settings.routes.values() if one.project == route.project]
    names = {name for one in routes for name in (one.name, *one.aliases)}
    names |= {release.route for release in request.app.metadata.releases.list(route.project)}
    for fallback in route.fallbacks:
        if fallback not in names:
            request.app.answerable.require_model(fallback)


def _require_split(request: Request, route: Route) -> None:
    """Raises Forbidden, or InvalidRequest, for shares that nothing has proved.

    To change who answers needs what a promotion needs, and what was never live answers at most as
    much as a canary may, as long as something is live.
    """
    try:
        before = request.app.metadata.routes.get(route.project, route.name).route.split
    except NotFound:
        before = ()
    if not route.split or route.split == before:
        return
    access.require(request.principal, "releases:promote")
    found = request.app.metadata.releases.list(route.project)
    releases = [one for one in found if one.route == route.name]
    unproved = {one.version for one in releases if one.state in ("draft", "candidate", "canary")}
    whole = sum(one.weight for one in route.split)
    part = sum(one.weight for one in route.split if one.version in unproved)
    if any(one.state == "live" for one in releases) and part > MOST_SHARE * whole:
        raise InvalidRequest(
            f"releases that are not live have {part / whole:.0%} of the split, and may have"
            f" {MOST_SHARE:.0%}",
            where="split",
            fix="give what is live the rest, or promote a release",
        )


async def listed(request: Request) -> Response:
    declared = _declared(request)
    names = {route.name for route in declared}
    stored = await asyncio.to_thread(request.app.metadata.routes.list, request.project)
    views = [_view(request, route) for route in declared]
    views += [
        _view(request, one.route, one.revision) for one in stored if one.route.name not in names
    ]
    return reply(Page(data=sorted(views, key=route_key)))


async def read(request: Request) -> Response:
    name = request.path["name"]
    declared = next((route for route in _declared(request) if route.name == name), None)
    if declared is not None:
        return reply(_view(request, declared))
    stored = await asyncio.to_thread(request.app.metadata.routes.get, request.project, name)
    return reply(_view(request, stored.route, stored.revision))


async def delete(request: Request) -> Response:
    name = request.path["name"]
    over = None
    if "revision" in request.query:
        over = request.whole_number("revision", 1, low=0, high=_MAX_REVISION)
    declared = map(route_key, _declared(request))
    require_not_declared((request.project, name), declared, what=f"the route {name!r}")
    await asyncio.to_thread(_require_not_needed, request, name)
    await asyncio.to_thread(
        request.app.metadata.routes.delete,
        request.project,
        name,
        by=request.principal.id,
        over=over,
    )
    await asyncio.to_thread(
        request.app.metadata.shares.delete, request.project, name, by=request.principal.id
    )
    await request.app.refresh()
    return reply(Deleted(deleted=name))


def _require_not_needed(request: Request, name: str) -> None:
    """Raises Conflict when a route falls back to this one and nothing else has its name."""
    routes = [one for one in request.app.settings.routes.values() if one.project == request.project]
    gone = next(({one.name, *one.aliases} for one in routes if one.name == name), {name})
    if any(
        one.state == "live" for one in request.app.metadata.releases.list(request.project, name)
    ):
        gone -= {name}
    needing = [one.name for one in routes if one.name != name and gone & set(one.fallbacks)]
    if needing:
        raise Conflict(
            f"the route {name!r} is a fallback of {', '.join(sorted(needing))}",
            where="name",
            fix="take it out of their fallbacks first",
            routes=sorted(needing),
        )


def _declared(request: Request) -> list[Route]:
    return [route for route in request.app.declared.routes if route.project == request.project]


def _view(request: Request, route: Route, revision: int | None = None) -> RouteView:
    """A route as it is shown; one of the file has no revision."""
    in_use = request.app.settings.routes.get(route_key(route)) == route
    compiled = request.app.gateway.snapshot.routes(route.project).get(route.name)
    warnings: tuple[str, ...] = ()
    if in_use and compiled is not None:
        warnings = (str(compiled),) if isinstance(compiled, TrimtabError) else compiled.warnings
    return RouteView(
        **msgspec.structs.asdict(route),
        revision=revision,
        source="file" if revision is None else "api",
        in_use=in_use,
        warnings=warnings,
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/routes",
        permission="routes:read",
        handler=listed,
        summary="List routes, by name",
        gives=list[RouteView],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/routes/{name}",
        permission="routes:read",
        handler=read,
        summary="One route",
        gives=RouteView,
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/routes/{name}",
        permission="routes:write",
        handler=put,
        summary="Create or replace a route; requests that begin afterwards take it",
        takes=RouteInput,
        gives=RouteView,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/routes/{name}",
        permission="routes:write",
        handler=delete,
        summary="Delete a route",
        gives=Deleted,
        query={"revision": "the one that must be stored (default whichever is)"},
    ),
]
