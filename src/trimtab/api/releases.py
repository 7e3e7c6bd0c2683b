"""/api/v1/releases: what answers behind a route: made, listed, read and compared."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Line, ModelTargetInput, RetrievalInput, require_path_name
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Release
from trimtab.releases.creating import Bundle
from trimtab.releases.difference import Difference, difference
from trimtab.releases.history import Event
from trimtab.releases.status import RouteStatus
from trimtab.signals.secrets.places import refused, secrets_at


class BundleInput(Bundle, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a release: everything that can change an answer.

    `allow_secrets` stores what looks like a credential too.
    """

    targets: Annotated[tuple[ModelTargetInput, ...], Meta(min_length=1)]
    retrieval: RetrievalInput | None = None
    note: Line = ""
    allow_secrets: bool = False


class ReleaseView(Release, frozen=True, kw_only=True):
    """A release; `warnings` say what of it is not as it should be, or why it cannot answer."""

    warnings: tuple[str, ...] = ()


async def add(request: Request) -> Response:
    given = request.json(BundleInput)
    bundle = msgspec.convert(given, Bundle, from_attributes=True)
    if not given.allow_secrets:
        await asyncio.to_thread(_require_no_secrets, bundle)
    await asyncio.to_thread(_require_answerable, request, bundle)
    release = await asyncio.to_thread(
        request.app.releases.create, request.project, bundle, author=request.principal.id
    )
    await request.app.refresh()
    return reply(release, status=201)


def _require_no_secrets(bundle: Bundle) -> None:
    """Raises InvalidRequest for what looks like a credential."""
    parameters = jsonx.encode(bundle.parameters).decode()
    found = list(secrets_at([("parameters", parameters), ("note", bundle.note)]))
    if found:
        raise refused(found, way="send allow_secrets true")


def _require_answerable(request: Request, bundle: Bundle) -> None:
    """A release that could never answer is refused when it is made, not when it is called.

    Raises:
        InvalidRequest, NotFound: what it names does not exist, or does not go together.
    """
    require_path_name(bundle.route, where="route")
    for target in bundle.targets:
        request.app.answerable.require_model(target.model)
    request.app.answerable.require_taken(bundle.targets, bundle.parameters)
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
    warnings = request.app.answerable.warnings(release)
    return ReleaseView(**msgspec.structs.asdict(release), warnings=warnings)


async def diff(request: Request) -> Response:
    other = request.query.get("base")
    if not other:
        raise InvalidRequest(
            "nothing is named to compare with",
            where="query parameter base",
            fix="send for example base=docs@1",
        )
    get = request.app.metadata.releases.get
    base = await asyncio.to_thread(get, request.project, other)
    new = await asyncio.to_thread(get, request.project, request.path["ref"])
    return reply(difference(base, new))


async def status(request: Request) -> Response:
    name, releases = request.path["name"], request.app.releases
    return reply(await asyncio.to_thread(releases.status, request.project, name))


async def history(request: Request) -> Response:
    name, releases = request.path["name"], request.app.releases
    return reply(Page(data=await asyncio.to_thread(releases.history, request.project, name)))


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
        method="GET",
        path="/api/v1/releases/{ref}/diff",
        permission="releases:read",
        handler=diff,
        summary="What the content of a release does not have in common with that of another",
        gives=Difference,
        query={"base": "the release it is compared with"},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/routes/{name}/status",
        permission="releases:read",
        handler=status,
        summary="What answers where on a route, and what its newest release waits for",
        gives=RouteStatus,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/routes/{name}/history",
        permission="releases:read",
        handler=history,
        summary="Everything that became of the releases of a route, newest first",
        gives=list[Event],
    ),
]
