"""/v1: the gateway over HTTP, in the dialects of OpenAI and Anthropic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from trimtab.api.http import Endpoint, Handler, Method, Request, Response, reply
from trimtab.dialects.llm import DIALECTS, passthrough
from trimtab.errors import InvalidRequest, NotFound
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller, Passing
from trimtab.governance.access import require
from trimtab.kit import jsonx
from trimtab.scorers.subjects import trace_cost

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "te"})
# Nouns of OpenAI's API that are passed on as they come.
_NOUNS = (
    "images",
    "audio",
    "files",
    "uploads",
    "batches",
    "fine_tuning",
    "vector_stores",
    "videos",
)
_METHODS: tuple[Method, ...] = ("GET", "POST", "DELETE")
# What a request that names a model may make; all else shows or changes what the provider keeps for
# everybody who shares its account.
_MAKING = frozenset({"images", "audio"})
_SHARED = "gateway:pass"
# Headers of a request that mean something to a provider; each provider takes those it knows.
_PASSED_ON = (
    "anthropic-beta",
    "anthropic-version",
    "idempotency-key",
    "openai-beta",
)


def asks(dialect: str) -> Handler:
    """The handler of one dialect's requests."""

    async def handle(request: Request) -> Response:
        gateway = request.app.gateway
        answer = await gateway.ask(
            DIALECTS[dialect],
            request.body,
            caller_of(request),
            variables=_variables(request),
            prompt_model=_said(request, "model"),
        )
        return as_response(answer)

    return handle


async def pass_on(request: Request) -> Response:
    """Any other path of OpenAI's API, as it came.

    Raises:
        Forbidden: it names no model, and the key may not pass on such requests.
    """
    content_type = request.headers.get("content-type", "")
    may = request.principal.may(_SHARED)
    if not may and not passthrough.read(request.body, content_type).model:
        require(request.principal, _SHARED)
    answer = await request.app.gateway.pass_on(
        Passing(
            method=request.method,
            path=request.target.removeprefix("/v1"),
            content_type=content_type,
            body=request.body,
        ),
        caller_of(request),
        provider=_said(request, "provider"),
    )
    return as_response(answer)


def caller_of(request: Request) -> Caller:
    """Who asks, by the key and by what the headers of ours say."""
    headers, principal = request.headers, request.principal
    return Caller(
        principal=principal.id,
        project=principal.project,
        user=_said(request, "user"),
        session=_said(request, "session"),
        environment=_said(request, "environment"),
        # Calls of a run are not scored as live traffic: only who may make runs can say so.
        run=_said(request, "run") if principal.may("runs:write") else None,
        key=principal.key,
        key_user=principal.user,
        team=principal.team,
        models=principal.models,
        headers={name: headers[name] for name in _PASSED_ON if name in headers},
        cache_control=headers.get("cache-control", ""),
        retries=_retries(request),
    )


def as_response(answer: Answer) -> Response:
    headers = {
        name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP
    }
    media_type = headers.pop("content-type", "application/json")
    if media_type.startswith("text/event-stream"):
        headers |= {"cache-control": "no-cache", "x-accel-buffering": "no"}
    if answer.body is not None:
        cost_usd = trace_cost(answer.spans)
        if cost_usd is not None:
            headers["x-trimtab-cost-usd"] = f"{cost_usd:f}"
        return Response(
            status=answer.status, media_type=media_type, headers=headers, body=answer.body
        )
    return Response(
        status=answer.status, media_type=media_type, headers=headers, stream=answer.chunks
    )


def _said(request: Request, name: str) -> str | None:
    """What a header of ours says; an empty one says nothing."""
    return request.headers.get(f"x-trimtab-{name}") or None


def _retries(request: Request) -> int | None:
    """The most attempts after the first; None where the route decides."""
    said = _said(request, "retries")
    if said is None:
        return None
    if not (said.isascii() and said.isdecimal() and len(said) < 4):
        raise InvalidRequest(
            f"{said[:20]!r} is no number of retries",
            where="x-trimtab-retries",
            fix="send 0 or more",
        )
    return int(said)


def _variables(request: Request) -> dict[str, Any]:
    """Variables of the route's prompt, for clients that cannot add to the body."""
    text = request.headers.get("x-trimtab-variables")
    if not text:
        return {}
    try:
        return jsonx.decode(text.encode(), dict[str, Any])
    except InvalidRequest as error:
        raise InvalidRequest(
            f"the variables are no JSON object: {error.what}",
            where="x-trimtab-variables",
            fix='send for example {"name": "Ada"}',
        ) from None


async def models(request: Request) -> Response:
    """What the caller may ask for, as the clients of both dialects read it."""
    gateway = request.app.gateway
    data = [_model(request, name) for name in gateway.names(caller_of(request))]
    return reply({"object": "list", "data": data, "has_more": False})


async def model(request: Request) -> Response:
    """One of them."""
    name = request.path["model"]
    if name not in request.app.gateway.names(caller_of(request)):
        raise NotFound(
            f"no route or model {name[:200]!r}", where="model", fix="GET /v1/models lists them"
        )
    return reply(_model(request, name))


def _model(request: Request, name: str) -> dict[str, Any]:
    card = request.app.gateway.snapshot.cards.get(name)
    row: dict[str, Any] = {"id": name, "object": "model", "created": 0, "owned_by": "trimtab"}
    row |= {"type": "model", "display_name": name}
    if card is not None:
        row |= {
            "owned_by": card.owned_by or card.provider,
            "description": card.description,
            "limitations": card.limitations,
        }
        if card.price is not None:
            row["price"] = card.price
    return row


def _endpoint(
    path: str, dialect: str, summary: str, shape: Literal["openai", "anthropic"] = "openai"
) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        permission="gateway:call",
        handler=asks(dialect),
        abandons=True,
        summary=summary,
        dialect=shape,
    )


def _passed_on() -> Iterator[Endpoint]:
    for noun in _NOUNS:
        for path in (f"/v1/{noun}", f"/v1/{noun}/{{rest:path}}"):
            for method in _METHODS:
                makes = method == "POST" and noun in _MAKING
                yield Endpoint(
                    method=method,
                    path=path,
                    permission="gateway:call" if makes else _SHARED,
                    handler=pass_on,
                    abandons=True,
                    summary=f"{noun.replace('_', ' ').capitalize()}, passed on as it came",
                    dialect="openai",
                )


ENDPOINTS = [
    _endpoint(
        "/v1/chat/completions",
        "openai.chat",
        "Answer a chat through a route or a model, streamed or not",
    ),
    _endpoint("/v1/responses", "openai.responses", "The same in the dialect of OpenAI's Responses"),
    _endpoint(
        "/v1/messages", "anthropic.messages", "The same in the dialect of Anthropic", "anthropic"
    ),
    _endpoint(
        "/v1/messages/count_tokens",
        "anthropic.count_tokens",
        "Count the tokens of a request to Anthropic",
        "anthropic",
    ),
    _endpoint("/v1/completions", "openai.completions", "Complete a text"),
    _endpoint("/v1/embeddings", "openai.embeddings", "Embed texts"),
    _endpoint("/v1/moderations", "openai.moderations", "Classify what texts may harm"),
    Endpoint(
        method="GET",
        path="/v1/models",
        permission="gateway:call",
        handler=models,
        summary="List the routes and models that the caller may ask for",
        dialect="openai",
    ),
    Endpoint(
        method="GET",
        path="/v1/models/{model:path}",
        permission="gateway:call",
        handler=model,
        summary="One of them",
        dialect="openai",
    ),
    *_passed_on(),
]
