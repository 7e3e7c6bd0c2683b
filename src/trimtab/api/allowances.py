"""/api/v1/allowances: what projects, teams, users and keys may spend and ask."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier, as_record
from trimtab.errors import InvalidRequest, NotFound
from trimtab.governance.settings import Source, allowance_key, require_not_declared, with_key_id
from trimtab.records import Allowance
from trimtab.records.access import EACH, AllowanceKind, OnUnpriced, allowance_complaint

Limit = Annotated[int, Meta(ge=1, lt=2**53)]
_KINDS: tuple[AllowanceKind, ...] = ("project", "team", "user", "key")
_NODE = {
    "kind": f"one of {', '.join(_KINDS)}",
    "name": "the name it has in the list",
}


class AllowanceInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An allowance; it replaces the one of the same kind and name. Null is no limit."""

    kind: AllowanceKind
    name: Identifier
    models: tuple[Identifier, ...] | None = None
    daily_usd: Decimal | None = None
    monthly_usd: Decimal | None = None
    soft: Annotated[float, Meta(gt=0, le=1)] = 0.8
    unpriced: OnUnpriced = "allow"
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    concurrency: Limit | None = None


class AllowanceView(Allowance, frozen=True, kw_only=True):
    """An allowance, and whether it stands in the configuration file or came by the API."""

    source: Source


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """The name of what is no more."""

    deleted: str


async def put(request: Request) -> Response:
    allowance = as_record(request.json(AllowanceInput), Allowance, project=request.project)
    if complaint := allowance_complaint(allowance):
        raise InvalidRequest(f"an allowance {complaint}", where="$", fix="correct it")
    allowance = await asyncio.to_thread(_of_known, request, allowance)
    _require_ours(request, allowance.kind, allowance.name)
    store = request.app.metadata.allowances
    await asyncio.to_thread(store.put, allowance, by=request.principal.id)
    await request.app.refresh()
    return reply(_view(allowance, "api"))


async def listed(request: Request) -> Response:
    declared = [one for one in _declared(request) if one.project == request.project]
    names = {allowance_key(one) for one in declared}
    stored = await asyncio.to_thread(request.app.metadata.allowances.list, request.project)
    ours = [one for one in stored if allowance_key(one) not in names]
    views = [*(_view(one, "file") for one in declared), *(_view(one, "api") for one in ours)]
    return reply(Page(data=sorted(views, key=allowance_key)))


async def delete(request: Request) -> Response:
    kind = next((one for one in _KINDS if one == request.choice("kind", _KINDS)), None)
    name = request.query.get("name")
    if kind is None or not name:
        raise InvalidRequest(
            "it is not said which allowance", fix="send ?kind=team&name=support, for example"
        )
    name = await asyncio.to_thread(_stored_name, request, kind, name)
    _require_ours(request, kind, name)
    store = request.app.metadata.allowances
    await asyncio.to_thread(store.delete, request.project, kind, name, by=request.principal.id)
    await request.app.refresh()
    return reply(Deleted(deleted=f"{kind} {name}"))


def _of_known(request: Request, allowance: Allowance) -> Allowance:
    """The allowance of a key by its id. Raises InvalidRequest when there is no such key."""
    if allowance.kind != "key" or allowance.name == EACH:
        return allowance
    try:
        key = request.app.metadata.keys.get(request.project, allowance.name)
    except NotFound as error:
        raise InvalidRequest(
            f"there is no key {allowance.name!r}, so this would limit nothing",
            where="name",
            fix=error.fix or "GET /api/v1/keys lists them",
        ) from None
    return msgspec.structs.replace(allowance, name=key.key_id)


def _stored_name(request: Request, kind: AllowanceKind, name: str) -> str:
    """The name under which an allowance is stored, where a key is called by its name."""
    stored = request.app.metadata.allowances.list(request.project)
    if any((one.kind, one.name) == (kind, name) for one in stored):
        return name
    wanted = Allowance(project=request.project, kind=kind, name=name)
    return with_key_id(wanted, request.app.metadata.keys.list(request.project)).name


def _declared(request: Request) -> list[Allowance]:
    """The allowances of the file, those of keys by the id of the key."""
    keys = request.app.settings.keys
    return [with_key_id(one, keys) for one in request.app.declared.allowances]


def _require_ours(request: Request, kind: AllowanceKind, name: str) -> None:
    key = (request.project, kind, name)
    declared = map(allowance_key, _declared(request))
    require_not_declared(key, declared, what=f"the allowance of the {kind} {name!r}")


def _view(allowance: Allowance, source: Source) -> AllowanceView:
    return AllowanceView(**msgspec.structs.asdict(allowance), source=source)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/allowances",
        permission="allowances:read",
        handler=listed,
        summary="List allowances, by kind and name",
        gives=list[AllowanceView],
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/allowances",
        permission="allowances:write",
        handler=put,
        summary="Set the allowance of a project, team, user or key",
        takes=AllowanceInput,
        gives=AllowanceView,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/allowances",
        permission="allowances:write",
        handler=delete,
        summary="Delete the allowance of a kind and name",
        gives=Deleted,
        query=_NODE,
    ),
]
