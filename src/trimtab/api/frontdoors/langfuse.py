"""Langfuse: batches of ingestion events, scores, prompts, and what its SDKs ask first.

Its SDKs from version 3 on send spans by OTLP; see `trimtab.api.otlp`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from trimtab.api.frontdoors.taking import INGEST, SCORE, judged, patched, read, report, stored
from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.dialects import langfuse
from trimtab.dialects.langfuse import Event
from trimtab.dialects.sdk import Feedback
from trimtab.errors import InvalidRequest, NotFound, RequestError
from trimtab.records import Prompt, Score
from trimtab.version import __version__


async def ingest(request: Request) -> Response:
    """Take a batch of events; 207 says of each whether it is durable."""

    def events() -> list[tuple[str, Event | InvalidRequest]]:
        return [(langfuse.event_id(raw), _event(raw)) for raw in langfuse.events(request.body)]

    read_events = await read(request, events)
    errors: dict[int, RequestError] = {}
    patches, feedback = [], []
    for place, (_, event) in enumerate(read_events):
        if isinstance(event, InvalidRequest):
            errors[place] = event
            continue
        patches += [(place, patch) for patch in event.patches]
        feedback += [(place, event.feedback)] if event.feedback else []
    unknown = await patched(request, [patch for _, patch in patches])
    errors |= {patches[index][0]: error for index, error in unknown.items()}
    refused = await judged(request, [given for _, given in feedback])
    errors |= {feedback[index][0]: error for index, error in refused.items()}
    report(request, "Langfuse", list(errors.values()))
    results = [(name, errors.get(place)) for place, (name, _) in enumerate(read_events)]
    return reply(langfuse.ingested(results), status=207)


def _event(raw: Any) -> Event | InvalidRequest:
    try:
        return langfuse.read_event(raw)
    except InvalidRequest as error:
        return error


async def score(request: Request) -> Response:
    """Take one score, or a list of them, of which the bad ones are named in the answer."""
    given, many = langfuse.scores(request.body)
    feedback: list[Feedback] = []
    errors: list[RequestError] = []
    for item in given:
        try:
            feedback.append(langfuse.read_score(item))
        except InvalidRequest as error:
            errors.append(error)
    told = await stored(request, feedback)
    errors += [one for one in told.values() if isinstance(one, RequestError)]
    if not many:
        if errors:
            raise errors[0]
        return reply({"id": feedback[0].id or _stored_id(told[0])})
    report(request, "Langfuse", errors)
    body = langfuse.scored(accepted=len(given) - len(errors), errors=errors)
    return reply(body, status=207 if errors else 202)


def _stored_id(told: Score | RequestError) -> str:
    return told.score_id if isinstance(told, Score) else ""


async def projects(request: Request) -> Response:
    return reply(langfuse.projects(request.project))


async def health(_: Request) -> Response:
    return reply({"status": "OK", "version": __version__})


async def prompt(request: Request) -> Response:
    """A prompt by its name: the newest, or of a version, or with a label."""
    name = request.path["name"]
    version, label = request.query.get("version"), request.query.get("label") or "production"
    if version:
        return reply(langfuse.prompt(await _prompt(request, f"{name}@{version}"), ()))
    newest = await _prompt(request, name)
    found = newest if label == "latest" else await _labelled(request, newest, label)
    return reply(langfuse.prompt(found, ("latest",) if found == newest else ()))


async def _prompt(request: Request, ref: str) -> Prompt:
    return await asyncio.to_thread(request.app.metadata.prompts.get, request.project, ref)


async def _labelled(request: Request, newest: Prompt, label: str) -> Prompt:
    """The version that a label points to. Where none is in production, the newest is."""
    if label in newest.labels:
        return newest
    try:
        return await _prompt(request, f"{newest.name}@{label}")
    except NotFound:
        if label == "production":
            return newest
        raise NotFound(
            f"no version of {newest.name!r} has the label {label[:50]!r}",
            where="query parameter label",
            fix="ask for a version, or without a label for the newest",
        ) from None


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/public/ingestion",
        permission=INGEST,
        handler=ingest,
        summary="Take a batch of events of Langfuse's SDK",
        bulk=True,
    ),
    Endpoint(
        method="POST",
        path="/api/public/scores",
        permission=SCORE,
        handler=score,
        summary="Take scores of Langfuse's SDK",
        bulk=True,
    ),
    Endpoint(
        method="GET",
        path="/api/public/projects",
        permission=INGEST,
        handler=projects,
        summary="The project of the key, for Langfuse's SDK",
    ),
    Endpoint(
        method="GET",
        path="/api/public/health",
        permission=None,
        handler=health,
        summary="Whether the server answers, for Langfuse's SDK",
    ),
    Endpoint(
        method="GET",
        path="/api/public/v2/prompts/{name}",
        permission="prompts:read",
        handler=prompt,
        summary="A prompt as Langfuse's SDK reads it",
        query={
            "version": "this version",
            "label": "the version with this label (default production, or else the newest)",
            "resolve": "ignored: prompts of Trimtab do not refer to each other",
        },
    ),
]
