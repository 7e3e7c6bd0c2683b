"""/api/v1/releases: create a bundle, try it as a canary, promote it on evidence, roll it back."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Line, ModelTargetInput, RetrievalInput, require_path_name
from trimtab.errors import InvalidRequest
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Release
from trimtab.releases.lifecycle import MOST_SHARE, Bundle


class BundleInput(Bundle, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a release: everything that can change an answer."""

    targets: Annotated[tuple[ModelTargetInput, ...], Meta(min_length=1)]
    retrieval: RetrievalInput | None = None
    note: Line = ""


class Promotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`run` is the evidence; `force` goes without it and needs a `reason`."""

    run: str | None = None
    reason: Line | None = None
    force: bool = False


class Canary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`share` is the part of the route's requests that the release answers: 0.05 is 5 %."""

    share: Annotated[float, Meta(gt=0, le=MOST_SHARE)]
    reason: Line | None = None


class ReleaseView(Release, frozen=True, kw_only=True):
    """A release; `warnings` say which of its models nobody offers, or why it cannot answer."""

    warnings: tuple[str, ...] = ()


class RollBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Line


async def add(request: Request) -> Response:
    given = request.json(BundleInput)
    bundle = msgspec.convert(given, Bundle, from_attributes=True)
    await asyncio.to_thread(_require_answerable, request, bundle)
    release = await asyncio.to_thread(request.app.releases.create, request.project, bundle)
    await request.app.refresh()
    return reply(release, status=201)


def _require_answerable(request: Request, bundle: Bundle) -> None:
    """A release that could never answer is refused when it is made, not when it is called.

    Raises:
        InvalidRequest, NotFound: what it names does not exist, or does not go together.
    """
    require_path_name(bundle.route, where="route")
    for target in bundle.targets:
        request.app.require_model(target.model)
    if bundle.guard_policy is not None:
        raise InvalidRequest(
            "there are no guard policies in this version", where="guard_policy", fix="leave it out"
        )
    prompt = None
    if bundle.prompt is not None:
        prompt = request.app.metadata.prompts.get(request.project, bundle.prompt)
        _require_renders(CompiledPrompt(prompt))
    if bundle.retrieval is not None:
        request.app.corpora.retriever(bundle.retrieval)
        if prompt is None or "passages" not in prompt.variables:
            raise InvalidRequest(
                "the retrieved passages would reach no model",
                where="prompt",
                fix="name a prompt that says where they go, with {{ passages }}",
            )


def _require_renders(prompt: CompiledPrompt) -> None:
    """Raises InvalidRequest for a template that fails, whatever variables a request brings."""
    try:
        prompt.render({"passages": "", "question": ""})
    except InvalidRequest as error:
        if not error.fields.get("missing"):
            raise


async def listed(request: Request) -> Response:
    releases = request.app.metadata.releases
    route = request.query.get("route")
    return reply(Page(data=await asyncio.to_thread(releases.list, request.project, route)))


async def read(request: Request) -> Response:
    return reply(await asyncio.to_thread(_view, request))


def _view(request: Request) -> ReleaseView:
    release = request.app.metadata.releases.get(request.project, request.path["ref"])
    warnings = request.app.release_warnings(release)
    return ReleaseView(**msgspec.structs.asdict(release), warnings=warnings)


async def canary(request: Request) -> Response:
    given = request.json(Canary)
    candidate = await _found(request)
    if candidate.state != "canary":  # its share may shrink whatever it is short of
        await asyncio.to_thread(request.app.require_answerable, candidate)
    route = request.app.settings.routes.get((request.project, candidate.route))
    release = await asyncio.to_thread(
        request.app.releases.canary,
        request.project,
        request.path["ref"],
        share=given.share,
        principal=request.principal.id,
        reason=given.reason,
        beside_targets=route is not None and bool(route.targets),
    )
    await request.app.refresh()
    return reply(release)


async def end_canary(request: Request) -> Response:
    release = await asyncio.to_thread(
        request.app.releases.end_canary,
        request.project,
        request.path["ref"],
        principal=request.principal.id,
        reason=request.query.get("reason"),
    )
    await request.app.refresh()
    return reply(release)


async def _found(request: Request) -> Release:
    """The release that is asked for. Raises NotFound."""
    return await asyncio.to_thread(
        request.app.metadata.releases.get, request.project, request.path["ref"]
    )


async def promote(request: Request) -> Response:
    promotion = request.json(Promotion) if request.body.strip() else Promotion()
    await asyncio.to_thread(request.app.require_answerable, await _found(request))
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
        takes=BundleInput,
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
        gives=ReleaseView,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/releases/{ref}/canary",
        permission="releases:promote",
        handler=canary,
        summary="Have a release answer a share of its route's requests, or another share",
        takes=Canary,
        gives=Release,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/releases/{ref}/canary",
        permission="releases:promote",
        handler=end_canary,
        summary="Take its share from a canary, which is a candidate again",
        gives=Release,
        query={"reason": "why, for the record"},
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
        summary="Take a live release or a canary back: what was live before it answers again",
        takes=RollBack,
        gives=Release,
    ),
]
