"""/api/v1/releases: create a bundle, promote it on evidence, roll a route back."""

from __future__ import annotations

import asyncio

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.records import Release
from trimtab.releases.lifecycle import Bundle


class Promotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`run` is the evidence; `force` goes without it and needs a `reason`."""

    run: str | None = None
    reason: str | None = None
    force: bool = False


class RollBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: str


async def add(request: Request) -> Response:
    bundle = request.json(Bundle)
    for target in bundle.targets:
        request.app.require_model(target.model)
    release = await asyncio.to_thread(request.app.releases.create, request.project, bundle)
    await request.app.refresh()
    return reply(release, status=201)


async def listed(request: Request) -> Response:
    releases = request.app.metadata.releases
    route = request.query.get("route")
    return reply(Page(data=await asyncio.to_thread(releases.list, request.project, route)))


async def read(request: Request) -> Response:
    releases = request.app.metadata.releases
    return reply(await asyncio.to_thread(releases.get, request.project, request.path["ref"]))


async def promote(request: Request) -> Response:
    promotion = request.json(Promotion) if request.body.strip() else Promotion()
    release = await asyncio.to_thread(
        request.app.releases.promote,
        request.project,
        request.path["ref"],
        principal=request.principal.id,
        run_id=promotion.run,
        reason=promotion.reason,
        force=promotion.force,
    )
    await request.app.refresh()
    return reply(release)


async def roll_back(request: Request) -> Response:
    given = request.json(RollBack)
    release = await asyncio.to_thread(
        request.app.releases.roll_back,
        request.project,
        request.path["ref"],
        principal=request.principal.id,
        reason=given.reason,
    )
    await request.app.refresh()
    return reply(release)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/releases",
        permission="releases:write",
        handler=add,
        summary="Create a candidate release of a route",
        takes=Bundle,
        gives=Release,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/releases",
        permission="releases:read",
        handler=listed,
        summary="List releases, newest first",
        gives=list[Release],
        query={"route": "only this route"},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/releases/{ref}",
        permission="releases:read",
        handler=read,
        summary="One release, by id or route@version",
        gives=Release,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/releases/{ref}/promote",
        permission="releases:promote",
        handler=promote,
        summary="Make a release live, on the evidence of a run",
        takes=Promotion,
        gives=Release,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/releases/{ref}/rollback",
        permission="releases:promote",
        handler=roll_back,
        summary="Take a live release back: the one that was live before it answers again",
        takes=RollBack,
        gives=Release,
    ),
]
