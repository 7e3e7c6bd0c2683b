"""Every route of the server, in one table, each with the permission it needs."""

from __future__ import annotations

from trimtab.api import (
    chat,
    datasets,
    health,
    openapi,
    otlp,
    prompts,
    releases,
    runs,
    scores,
    status_page,
    tracing,
)
from trimtab.api.http import Endpoint, Request, Response, reply


async def _description(_: Request) -> Response:
    return reply(openapi.describe(TABLE))


TABLE: tuple[Endpoint, ...] = (
    *chat.ENDPOINTS,
    *tracing.ENDPOINTS,
    *otlp.ENDPOINTS,
    *scores.ENDPOINTS,
    *prompts.ENDPOINTS,
    *datasets.ENDPOINTS,
    *releases.ENDPOINTS,
    *runs.ENDPOINTS,
    *health.ENDPOINTS,
    Endpoint(
        method="GET",
        path="/api/v1/openapi.json",
        permission=None,
        handler=_description,
        summary="This description",
    ),
    *status_page.ENDPOINTS,
)
