"""/api/v1/cache: answers that this server keeps to give them again."""

from __future__ import annotations

import msgspec

from trimtab.api.http import Endpoint, Request, Response, reply


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """How many answers were forgotten."""

    cleared: int


async def clear(request: Request) -> Response:
    route = request.query.get("route") or None
    return reply(Cleared(cleared=await request.app.clear_cache(request.project, route)))


ENDPOINTS = [
    Endpoint(
        method="DELETE",
        path="/api/v1/cache",
        permission="routes:write",
        handler=clear,
        summary="Forget the cached answers of this project",
        gives=Cleared,
        query={"route": "only those of the route of this name"},
    ),
]
