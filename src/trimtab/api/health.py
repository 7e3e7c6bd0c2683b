"""GET /healthz and /readyz: is the process alive, and can it keep its promises."""

from __future__ import annotations

import asyncio

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.errors import TrimtabError


async def healthz(_: Request) -> Response:
    return reply({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Ready means that a record can be made durable now and that the stores answer."""
    failures = {}
    for name, check in request.app.checks().items():
        try:
            await asyncio.to_thread(check)
        except TrimtabError as error:
            # Anybody may ask this: what fails, but not where the files are.
            failures[name] = f"{error.what}; {error.fix}" if error.fix else error.what
    status = "not ready" if failures else "ready"
    return reply({"status": status, "failures": failures}, status=503 if failures else 200)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/healthz",
        permission=None,
        handler=healthz,
        summary="Whether the process is alive",
    ),
    Endpoint(
        method="GET",
        path="/readyz",
        permission=None,
        handler=readyz,
        summary="Whether records can be made durable and the stores answer",
    ),
]
