"""LangSmith: runs in forms, in batches and singly, feedback, and what its SDKs ask first."""

from __future__ import annotations

from typing import Any

from trimtab.api.frontdoors.taking import INGEST, SCORE, judged, patched, read, report
from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.dialects import langsmith, multipart
from trimtab.dialects.langsmith import Form, Sent
from trimtab.dialects.sdk import fields_of, read_json
from trimtab.errors import InvalidRequest, RequestError


async def info(_: Request) -> Response:
    return reply(langsmith.INFO)


async def form(request: Request) -> Response:
    """Take a form of runs and feedback; what is wrong with some of it is in the answer."""
    boundary = multipart.boundary_of(request.headers.get("content-type", ""))

    def parts() -> tuple[Form, int]:
        found = list(multipart.parts(request.body, boundary))
        return langsmith.read_form(found), langsmith.left_out(found)

    whole, attachments = await read(request, parts)
    errors: dict[str, RequestError] = dict(whole.errors)
    if attachments:
        errors["attachments"] = InvalidRequest(f"{attachments} attachments are not kept")
    return await _take(request, whole.items, errors)


async def batch(request: Request) -> Response:
    """Take a batch of runs; what is wrong with some of them is in the answer."""
    items = await read(request, lambda: langsmith.read_batch(request.body))
    return await _take(request, items, {})


async def _take(request: Request, items: list[Sent], errors: dict[str, RequestError]) -> Response:
    patches, feedback = [], []
    for item in items:
        name = f"{item.verb}.{item.id}"[:200]
        try:
            told = langsmith.read(item)
        except InvalidRequest as error:
            errors[name] = error
            continue
        patches += [(name, told.patch)] if told.patch else []
        feedback += [(name, told.feedback)] if told.feedback else []
    unknown = await patched(request, [patch for _, patch in patches])
    errors |= {patches[place][0]: error for place, error in unknown.items()}
    refused = await judged(request, [given for _, given in feedback])
    errors |= {feedback[place][0]: error for place, error in refused.items()}
    report(request, "LangSmith", list(errors.values()))
    said = {name: str(error) for name, error in errors.items()}
    return reply({"message": "accepted", "errors": said}, status=202)


async def create(request: Request) -> Response:
    """Take one run."""
    return await _one(request, {})


async def update(request: Request) -> Response:
    """Take what became known of one run."""
    return await _one(request, {"id": request.path["run_id"]})


async def _one(request: Request, more: dict[str, Any]) -> Response:
    run = fields_of(await read(request, lambda: read_json(request.body)), what="$")
    errors = await patched(request, [langsmith.read_run(run | more)])
    if errors:
        raise errors[0]
    return reply({"message": "accepted"}, status=202)


async def feedback(request: Request) -> Response:
    """Take one judgement; 404 when its run is not known yet, which the SDK tries again."""
    body = fields_of(read_json(request.body), what="$")
    errors = await judged(request, [langsmith.read_feedback(body)])
    if errors:
        raise errors[0]
    return reply(body)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/info",
        permission=None,
        handler=info,
        summary="What this server takes from LangSmith's SDK",
    ),
    Endpoint(
        method="POST",
        path="/runs/multipart",
        permission=INGEST,
        handler=form,
        summary="Take a form of runs and feedback of LangSmith's SDK",
        bulk=True,
    ),
    Endpoint(
        method="POST",
        path="/runs/batch",
        permission=INGEST,
        handler=batch,
        summary="Take a batch of runs of LangSmith's SDK",
        bulk=True,
    ),
    Endpoint(
        method="POST",
        path="/runs",
        permission=INGEST,
        handler=create,
        summary="Take one run of LangSmith's SDK",
        bulk=True,
    ),
    Endpoint(
        method="PATCH",
        path="/runs/{run_id}",
        permission=INGEST,
        handler=update,
        summary="Take what became known of a run of LangSmith's SDK",
        bulk=True,
    ),
    Endpoint(
        method="POST",
        path="/feedback",
        permission=SCORE,
        handler=feedback,
        summary="Take a judgement of LangSmith's SDK",
    ),
]
