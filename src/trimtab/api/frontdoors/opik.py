"""Opik: traces and spans, whole and changed, feedback scores, and what its SDK asks first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from trimtab.api.frontdoors.taking import INGEST, SCORE, judged, patched, read, report
from trimtab.api.http import Endpoint, Handler, Request, Response, reply
from trimtab.dialects import opik
from trimtab.dialects.opik import Noun
from trimtab.dialects.sdk import Feedback, fields_of, mapping, read_json
from trimtab.errors import InvalidRequest, RequestError
from trimtab.records import SpanPatch

_NOTHING = Response(status=204)
_ROOT = "/api/v1/private"


async def ping(_: Request) -> Response:
    return reply({"message": "Healthy Server", "healthy": True})


async def authenticate(request: Request) -> Response:
    return reply({"workspaceName": request.headers.get("comet-workspace") or "default"})


async def _take(
    request: Request, noun: Noun, items: Callable[[], Sequence[Any]]
) -> list[RequestError]:
    """Make traces or spans durable; what is wrong with some of them."""

    def patches() -> tuple[list[SpanPatch], list[RequestError]]:
        found: list[SpanPatch] = []
        errors: list[RequestError] = []
        for item in items():
            try:
                found.append(opik.read(noun, item))
            except InvalidRequest as error:
                errors.append(error)
        return found, errors

    found, errors = await read(request, patches)
    errors += (await patched(request, found)).values()
    report(request, "Opik", errors)
    return errors


def _batch(noun: Noun) -> Handler:
    async def create(request: Request) -> Response:
        await _take(request, noun, lambda: opik.items(request.body, noun))
        return _NOTHING

    return create


def _changes(noun: Noun) -> Handler:
    async def change(request: Request) -> Response:
        await _take(request, noun, lambda: opik.changes(request.body, noun))
        return _NOTHING

    return change


def _single(noun: Noun) -> Handler:
    async def take(request: Request) -> Response:
        """Take a whole one, or by its id in the path what became known of it."""

        def one() -> list[dict[str, Any]]:
            body = fields_of(read_json(request.body), what="$")
            return [{**body, "id": request.path["id"]} if "id" in request.path else body]

        if errors := await _take(request, noun, one):
            raise errors[0]
        created = "id" not in request.path
        return Response(status=201) if created else _NOTHING

    return take


def _scores(target: Noun | Literal["threads"]) -> Handler:
    async def score(request: Request) -> Response:
        feedback: list[Feedback] = []
        errors: list[RequestError] = []
        for item in opik.items(request.body, "scores"):
            try:
                feedback.append(opik.read_score(target, item))
            except InvalidRequest as error:
                errors.append(error)
        errors += (await judged(request, feedback)).values()
        report(request, "Opik", errors)
        return _NOTHING

    return score


def _score_of(noun: Noun) -> Handler:
    async def score(request: Request) -> Response:
        body = mapping(read_json(request.body)) | {"id": request.path["id"]}
        if errors := await judged(request, [opik.read_score(noun, body)]):
            raise errors[0]
        return _NOTHING

    return score


def _endpoint(
    method: Literal["GET", "POST", "PUT", "PATCH"], path: str, handler: Handler, summary: str
) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"{_ROOT}/{path}",
        permission=SCORE if "feedback-scores" in path else INGEST,
        handler=handler,
        summary=f"{summary} of Opik's SDK",
        bulk=True,
    )


_NOUNS: tuple[Noun, ...] = ("traces", "spans")

ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/is-alive/ping",
        permission=None,
        handler=ping,
        summary="Whether the server answers, for Opik's SDK",
    ),
    _endpoint("POST", "auth", authenticate, "Check the key"),
    _endpoint("GET", "auth/workspace", authenticate, "Name the workspace"),
    _endpoint(
        "PUT", "traces/threads/feedback-scores", _scores("threads"), "Take scores of sessions"
    ),
    *(
        endpoint
        for noun in _NOUNS
        for endpoint in (
            _endpoint("POST", f"{noun}/batch", _batch(noun), f"Take {noun}"),
            _endpoint("PATCH", f"{noun}/batch", _changes(noun), f"Take changes of {noun}"),
            _endpoint("PUT", f"{noun}/feedback-scores", _scores(noun), f"Take scores of {noun}"),
            _endpoint("POST", noun, _single(noun), f"Take one of the {noun}"),
            _endpoint(
                "PATCH", f"{noun}/{{id}}", _single(noun), f"Take a change of one of the {noun}"
            ),
            _endpoint(
                "PUT",
                f"{noun}/{{id}}/feedback-scores",
                _score_of(noun),
                f"Take a score of one of the {noun}",
            ),
        )
    ),
]
