"""/api/v1/config: have the server read its configuration again."""

from __future__ import annotations

import msgspec

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.app.reload import Reloaded
from trimtab.errors import ConfigError, InvalidRequest, MissingExtra


class ReloadInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose: file and environment say it all."""


async def reload(request: Request) -> Response:
    if request.body.strip():
        request.json(ReloadInput)
    try:
        return reply(await request.app.reload(request.principal.id))
    except (ConfigError, MissingExtra) as error:
        # Whoever asks for it can mend it: it is no failure of the server.
        raise InvalidRequest(error.what, where=error.where, fix=error.fix, **error.fields) from None


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/config/reload",
        permission="admin:write",
        handler=reload,
        summary="Read the configuration again: all of it is taken, or nothing",
        takes=ReloadInput,
        gives=Reloaded,
    ),
]
