"""POST /v1/chat/completions and GET /v1/models: the gateway over HTTP, in OpenAI's dialect."""

from __future__ import annotations

from typing import Any

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.gateway.trace import Caller

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "te"})


async def complete(request: Request) -> Response:
    caller = Caller(
        principal=request.principal.id,
        project=request.project,
        user=_said(request, "user"),
        session=_said(request, "session"),
        environment=_said(request, "environment"),
    )
    answer = await request.app.gateway.chat(request.body, caller)
    headers = {
        name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP
    }
    media_type = headers.pop("content-type", "application/json")
    if media_type.startswith("text/event-stream"):
        headers |= {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return Response(
        status=answer.status, media_type=media_type, headers=headers, stream=answer.chunks
    )


def _said(request: Request, name: str) -> str | None:
    """What a header of ours says; an empty one says nothing."""
    return request.headers.get(f"x-trimtab-{name}") or None


async def models(request: Request) -> Response:
    snapshot = request.app.gateway.snapshot
    cards = snapshot.cards
    data: list[dict[str, Any]] = []
    for name in snapshot.names(request.project):
        card = cards.get(name)
        row: dict[str, Any] = {"id": name, "object": "model", "created": 0, "owned_by": "trimtab"}
        if card is not None:
            row |= {
                "owned_by": card.owned_by or card.provider,
                "description": card.description,
                "limitations": card.limitations,
            }
        data.append(row)
    return reply({"object": "list", "data": data})


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/v1/chat/completions",
        permission="gateway:call",
        handler=complete,
        abandons=True,
        summary="Answer a chat through a route or a model, streamed or not",
        dialect="openai",
    ),
    Endpoint(
        method="GET",
        path="/v1/models",
        permission="gateway:call",
        handler=models,
        summary="List the routes and models this project may ask for",
        dialect="openai",
    ),
]
