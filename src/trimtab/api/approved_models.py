"""/api/v1/approved-models: the catalogue of models that a project may use."""

from __future__ import annotations

import asyncio

import msgspec

from trimtab.api.allowances import Deleted
from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier, Line, as_record
from trimtab.errors import InvalidRequest
from trimtab.governance.settings import Source, model_key, require_not_declared
from trimtab.records import ApprovedModel
from trimtab.records.access import approved_model_complaint


class ApprovedModelInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry; it replaces the one of the same pattern. `expires` is a UTC day, ISO 8601."""

    model: Identifier
    suitable: Line = ""
    unsuitable: Line = ""
    expires: str | None = None


class ApprovedModelView(ApprovedModel, frozen=True, kw_only=True):
    """An entry, and whether it stands in the configuration file or came by the API."""

    source: Source


async def put(request: Request) -> Response:
    model = as_record(
        request.json(ApprovedModelInput),
        ApprovedModel,
        project=request.project,
        approved_by=request.principal.id,
        approved_ns=request.app.clock.now_ns(),
    )
    if complaint := approved_model_complaint(model):
        raise InvalidRequest(f"an approved model {complaint}", where="$", fix="correct it")
    _require_ours(request, model.model)
    store = request.app.metadata.approved_models
    await asyncio.to_thread(store.put, model, by=request.principal.id)
    await request.app.refresh()
    return reply(_view(model, "api"))


async def listed(request: Request) -> Response:
    declared = [one for one in request.app.declared.approved_models if _is_of(one, request.project)]
    names = {one.model for one in declared}
    stored = await asyncio.to_thread(request.app.metadata.approved_models.list, request.project)
    ours = [one for one in stored if one.model not in names]
    views = [*(_view(one, "file") for one in declared), *(_view(one, "api") for one in ours)]
    return reply(Page(data=sorted(views, key=model_key)))


async def delete(request: Request) -> Response:
    model = request.query.get("model")
    if not model:
        raise InvalidRequest("it is not said which entry", fix="send ?model=openai/*, for example")
    _require_ours(request, model)
    store = request.app.metadata.approved_models
    await asyncio.to_thread(store.delete, request.project, model, by=request.principal.id)
    await request.app.refresh()
    return reply(Deleted(deleted=model))


def _is_of(model: ApprovedModel, project: str) -> bool:
    return model.project == project


def _require_ours(request: Request, model: str) -> None:
    declared = map(model_key, request.app.declared.approved_models)
    require_not_declared((request.project, model), declared, what=f"the approved model {model!r}")


def _view(model: ApprovedModel, source: Source) -> ApprovedModelView:
    return ApprovedModelView(**msgspec.structs.asdict(model), source=source)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/approved-models",
        permission="models:read",
        handler=listed,
        summary="List the catalogue of approved models, by pattern",
        gives=list[ApprovedModelView],
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/approved-models",
        permission="models:write",
        handler=put,
        summary="Approve a model, or all that a pattern means",
        takes=ApprovedModelInput,
        gives=ApprovedModelView,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/approved-models",
        permission="models:write",
        handler=delete,
        summary="Withdraw the approval of a pattern",
        gives=Deleted,
        query={"model": "the pattern as it is in the list"},
    ),
]
