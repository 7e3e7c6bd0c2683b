"""/api/v1/config: the settings in force, and having the server read them again."""

from __future__ import annotations

import asyncio

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.inputs import NoInput
from trimtab.app.reload import InForce, Reloaded
from trimtab.errors import ConfigError, InvalidRequest, MissingExtra


async def read(request: Request) -> Response:
    return reply(await asyncio.to_thread(request.app.in_force))


async def reload(request: Request) -> Response:
    if request.body.strip():
        request.json(NoInput)
    try:
        return reply(await request.app.reload(request.principal.id))
    except (ConfigError, MissingExtra) as error:
        # Whoever asks for it can mend it: it is no failure of the server.
        raise InvalidRequest(error.what, where=error.where, fix=error.fix, **error.fields) from None


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/config",
        permission="admin:read",
        handler=read,
        summary="The settings in force with secrets masked, and where each was written",
        gives=InForce,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/config/reload",
        permission="admin:write",
        handler=reload,
        summary="Read the configuration again: all of it is taken, or nothing",
        takes=NoInput,
        gives=Reloaded,
    ),
]
