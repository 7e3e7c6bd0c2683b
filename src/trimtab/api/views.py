"""/api/v1/views: pages of the web UI as somebody left them, by name, shared in a project."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.allowances import Deleted
from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier, as_record
from trimtab.errors import InvalidRequest
from trimtab.records import View

_Key = Annotated[str, Meta(min_length=1, max_length=50)]
_Value = Annotated[str, Meta(max_length=8_000)]


class ViewInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A view; it replaces the one of the same page and name. `state` is the page's parameters."""

    page: Annotated[str, Meta(pattern="^[a-z][a-z-]{0,49}$")]
    name: Identifier
    state: Annotated[dict[_Key, _Value], Meta(max_length=50)] = {}


async def listed(request: Request) -> Response:
    views, page = request.app.metadata.views, request.query.get("page")
    return reply(Page(data=await asyncio.to_thread(views.list, request.project, page)))


async def put(request: Request) -> Response:
    view = as_record(
        request.json(ViewInput),
        View,
        project=request.project,
        saved_by=request.principal.id,
        saved_ns=request.app.clock.now_ns(),
    )
    await asyncio.to_thread(request.app.metadata.views.put, view)
    return reply(view)


async def delete(request: Request) -> Response:
    page, name = request.query.get("page"), request.query.get("name")
    if not page or not name:
        raise InvalidRequest(
            "it is not said which view", fix="send ?page=traces&name=NAME, for example"
        )
    views = request.app.metadata.views
    await asyncio.to_thread(views.delete, request.project, page, name, by=request.principal.id)
    return reply(Deleted(deleted=name))


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/views",
        permission="views:read",
        handler=listed,
        summary="List the saved views of the web UI's pages, by page and name",
        gives=list[View],
        query={"page": "only those of this page, for example traces"},
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/views",
        permission="views:write",
        handler=put,
        summary="Save a page as it is under a name, for the whole project",
        takes=ViewInput,
        gives=View,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/views",
        permission="views:write",
        handler=delete,
        summary="Delete a saved view",
        gives=Deleted,
        query={"page": "the page it is of", "name": "its name as it is in the list"},
    ),
]
