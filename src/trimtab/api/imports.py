"""POST /api/v1/import: what other tools exported, recorded as if it had been sent here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from trimtab.api.frontdoors.taking import INGEST, SCORE, judged, patched
from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.conventions import normalise
from trimtab.dialects import exports
from trimtab.dialects.exports import Row, Tool
from trimtab.errors import InvalidRequest, RequestError
from trimtab.governance import access

_SHOWN = 20


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row was left out; rows count from 1."""

    row: int
    reason: str


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows were taken and how many were left out, with why for the first of them."""

    rows: int
    refused: int
    refusals: tuple[Refusal, ...]


async def take(request: Request) -> Response:
    """Record the rows that can be understood. Sending a file again changes nothing."""
    tool = request.choice("from", get_args(Tool)) or "trimtab"
    found = await asyncio.to_thread(exports.rows, request.body)
    read = await asyncio.to_thread(_read, found, next(t for t in get_args(Tool) if t == tool))
    good = [(number, row) for number, row in read if isinstance(row, Row)]
    refusals = {number: str(row) for number, row in read if not isinstance(row, Row)}
    refusals |= await _record(request, good)
    said = [Refusal(row=number, reason=refusals[number]) for number in sorted(refusals)[:_SHOWN]]
    return reply(ImportReport(rows=len(found), refused=len(refusals), refusals=tuple(said)))


def _read(found: Sequence[Any], tool: Tool) -> list[tuple[int, Row | InvalidRequest]]:
    return [(number, _row(value, tool)) for number, value in enumerate(found, start=1)]


def _row(value: Any, tool: Tool) -> Row | InvalidRequest:
    try:
        return exports.read_row(value, tool)
    except InvalidRequest as error:
        return error


async def _record(request: Request, good: Sequence[tuple[int, Row]]) -> dict[int, str]:
    """Make rows durable; why some of them could not be, by their numbers."""
    ingest, project = request.app.ingest, request.project
    spans = [ingest.priced(normalise(raw, project=project)) for _, row in good for raw in row.raw]
    spans += [ingest.priced(replace(one, project=project)) for _, row in good for one in row.spans]
    refused = await ingest.write(spans) if spans else 0
    patches = [(number, patch) for number, row in good for patch in row.patches]
    errors: dict[int, str] = {}
    lost = await patched(request, [patch for _, patch in patches])
    errors |= {patches[place][0]: str(error) for place, error in lost.items()}
    feedback = [(number, given) for number, row in good for given in row.feedback]
    unjudged = await judged(request, [given for _, given in feedback])
    errors |= {feedback[place][0]: str(error) for place, error in unjudged.items()}
    scores = [replace(score, project=project) for _, row in good for score in row.scores]
    if scores:
        access.require(request.principal, SCORE)
        hidden = await asyncio.to_thread(request.app.guarding.judged, scores)
        await asyncio.wrap_future(request.app.telemetry.append(scores=hidden))
    if refused:
        raise _unstorable(refused)
    return errors


def _unstorable(count: int) -> RequestError:
    return InvalidRequest(
        f"{count} spans hold what cannot be stored; the others are recorded",
        where="$",
        fix="the server's log says what is wrong with them",
        refused=count,
    )


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/import",
        permission=INGEST,
        handler=take,
        summary="Record what Trimtab, Langfuse, LangSmith or Phoenix exported",
        takes=list[dict[str, Any]],
        gives=ImportReport,
        bulk=True,
        query={"from": "the tool: " + ", ".join(get_args(Tool)) + " (default trimtab)"},
    ),
]
