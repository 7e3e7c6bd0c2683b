"""/api/v1/behind: what answers to a name depend on, so that a change of it is noticed."""

from __future__ import annotations

import asyncio

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.app.behind import behind
from trimtab.errors import InvalidRequest
from trimtab.records.behind import Behind


async def read(request: Request) -> Response:
    name = request.query.get("name")
    if not name:
        raise InvalidRequest(
            "name is missing", where="query parameter name", fix="send a route, release or model"
        )
    return reply(await asyncio.to_thread(behind, request.app, request.project, name))


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/behind",
        permission="routes:read",
        handler=read,
        summary="The guards and the documents that answers to a name depend on",
        gives=Behind,
        query={"name": "a route, `route@2`, `prompt/NAME`, or a model"},
    ),
]
