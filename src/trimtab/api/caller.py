"""/api/v1/caller: who asks, as the server sees it."""

from __future__ import annotations

import msgspec

from trimtab.api.http import Endpoint, Request, Response, reply


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key was sent, and what it gives.

    `name` is that of the key, or "local" on a server without keys. `permissions` are `noun:verb`,
    `noun:*` or `*`, which is everything in a project. `key_id`, `user` and `team` are those of a
    virtual key.
    """

    name: str
    project: str
    permissions: list[str]
    key_id: str | None
    user: str | None
    team: str | None


async def read(request: Request) -> Response:
    principal = request.principal
    return reply(
        Asker(
            name=principal.id,
            project=principal.project,
            permissions=sorted(principal.permissions),
            key_id=principal.key,
            user=principal.user,
            team=principal.team,
        )
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/caller",
        permission="",
        handler=read,
        summary="Who asks: the name, the project and the permissions of the key that is sent",
        gives=Asker,
    )
]
