"""/api/v1/probes: questions asked again and again, to notice that a model changed."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import NoInput, require_path_name
from trimtab.api.llm import caller_of
from trimtab.errors import InvalidRequest, NotFound
from trimtab.gateway.ask import Told
from trimtab.governance import access
from trimtab.records import Probe, ProbeLook

_OWN = ("model", "messages", "stream", "n")


class ProbeInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Questions of a dataset, asked of a model or route every `every_s` seconds.

    `repeats` answers to each question are the reference. `parameters` go over a temperature of 0
    and a fixed seed; one that is null is not sent. `alpha` is what may be risked of a false alarm,
    over all looks together.
    """

    ask: Annotated[str, Meta(min_length=1, max_length=500)]
    dataset: Annotated[str, Meta(min_length=1, max_length=500)]
    parameters: dict[str, Any] = {}
    every_s: Annotated[float, Meta(ge=60, le=31_536_000)] = 86_400.0
    repeats: Annotated[int, Meta(ge=2, le=20)] = 3
    alpha: Annotated[float, Meta(gt=0, lt=1)] = 0.01
    enabled: bool = True


class Acceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The run of an earlier reference; null asks the questions again as a new one."""

    run: str | None = None


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    deleted: str


async def listed(request: Request) -> Response:
    probes = request.app.metadata.probes
    return reply(Page(data=await asyncio.to_thread(probes.list, request.project)))


async def put(request: Request) -> Response:
    given = request.json(ProbeInput)
    name = request.path["name"]
    require_path_name(name, where="name")
    probe = Probe(name=name, project=request.project, **msgspec.structs.asdict(given))
    _require_settable(probe)
    await _require_may_ask(request, probe)
    return reply(await asyncio.to_thread(_stored, request, probe))


def _stored(request: Request, probe: Probe) -> Probe:
    """Store a probe, with the reference that one of its name has.

    Raises NotFound where there is no such dataset.
    """
    request.app.metadata.datasets.get(request.project, probe.dataset)
    probes = request.app.metadata.probes
    try:
        former = probes.get(probe.project, probe.name)
    except NotFound:
        former = probe
    kept = msgspec.structs.replace(probe, reference=former.reference)
    probes.put(kept, by=request.principal.id)
    return kept


def _require_settable(probe: Probe) -> None:
    """Raises InvalidRequest for a parameter that is not a probe's to set."""
    own = sorted(set(_OWN) & set(probe.parameters))
    if own:
        raise InvalidRequest(
            f"{own[0]!r} cannot be a parameter of a probe",
            where=f"parameters.{own[0]}",
            fix="leave it out: the probe asks its questions itself",
        )


async def _require_may_ask(request: Request, probe: Probe) -> None:
    """Refuse a probe that asks what a call with this key could not.

    Raises:
        Forbidden: the key makes no calls, or none of this model.
        NotFound: there is no such model.
        InvalidRequest: the probe asks a prompt without a model.
    """
    access.require(request.principal, "gateway:call")
    own = probe.parameters.get("trimtab")
    told = Told.of(own if isinstance(own, dict) else {})
    await request.app.gateway.require_allowed(
        caller_of(request), probe.ask, prompt_model=told.model
    )


async def read(request: Request) -> Response:
    return reply(await _found(request))


async def remove(request: Request) -> Response:
    probes, name = request.app.metadata.probes, request.path["name"]
    await asyncio.to_thread(probes.delete, request.project, name, by=request.principal.id)
    return reply(Removed(deleted=name))


async def look(request: Request) -> Response:
    if request.body.strip():
        request.json(NoInput)
    probe = await _found(request)
    await _require_may_ask(request, probe)
    return reply(await request.app.probing.look(probe, principal=request.principal.id))


async def looks(request: Request) -> Response:
    limit = request.whole_number("limit", 100, low=1, high=1000)
    probe = await _found(request)
    found = await asyncio.to_thread(
        lambda: list(request.app.metadata.probes.looks(request.project, probe.name, limit=limit))
    )
    return reply(Page(data=found))


async def accept(request: Request) -> Response:
    given = request.json(Acceptance) if request.body.strip() else Acceptance()
    probe = await _found(request)
    if given.run is None:
        await _require_may_ask(request, probe)
    found = await request.app.probing.accept(probe, given.run, principal=request.principal.id)
    return reply(found)


async def _found(request: Request) -> Probe:
    """The probe that is asked for. Raises NotFound."""
    return await asyncio.to_thread(
        request.app.metadata.probes.get, request.project, request.path["name"]
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/probes",
        permission="probes:read",
        handler=listed,
        summary="List probes, by name",
        gives=list[Probe],
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/probes/{name}",
        permission="probes:write",
        handler=put,
        summary="Store a probe; its first look is the reference",
        takes=ProbeInput,
        gives=Probe,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/probes/{name}",
        permission="probes:read",
        handler=read,
        summary="One probe",
        gives=Probe,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/probes/{name}",
        permission="probes:write",
        handler=remove,
        summary="Delete a probe and its looks; its runs stay",
        gives=Removed,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/probes/{name}/looks",
        permission="probes:read",
        handler=looks,
        summary="What its looks found, newest first",
        gives=list[ProbeLook],
        query={"limit": "how many, 1 to 1000 (default 100)"},
    ),
    Endpoint(
        method="POST",
        path="/api/v1/probes/{name}/looks",
        permission="probes:write",
        handler=look,
        summary="Look now, and answer when it is done",
        takes=NoInput,
        gives=ProbeLook,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/probes/{name}/reference",
        permission="probes:write",
        handler=accept,
        summary="Take what it says now, or an earlier reference, as what is compared with",
        takes=Acceptance,
        gives=ProbeLook,
    ),
]
