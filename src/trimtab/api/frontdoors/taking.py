"""What all front doors do: patches and judgements of a request become durable, item by item."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from trimtab.api.http import Request
from trimtab.dialects.sdk import Feedback
from trimtab.errors import NotFound, RequestError
from trimtab.governance import access
from trimtab.records import Score, SpanPatch, Target
from trimtab.scoring.submit import submitted

T = TypeVar("T")

INGEST = "traces:write"
SCORE = "scores:write"
_log = logging.getLogger("trimtab.api")
# A thread costs more than reading this much, which is a few spans.
_AT_ONCE_BYTES = 16 * 1024


async def read(request: Request, step: Callable[[], T]) -> T:
    """Read a body where it holds up nobody."""
    return step() if len(request.body) <= _AT_ONCE_BYTES else await asyncio.to_thread(step)


async def patched(request: Request, patches: Sequence[SpanPatch]) -> dict[int, RequestError]:
    """Make patches durable; what is wrong with some of them, by their places.

    Raises:
        StoreError: none is durable; the request may be sent again.
    """
    if not patches:
        return {}
    lost = await request.app.ingest.patch(request.project, patches)
    unknown = {id(patch) for patch in lost}
    return {
        place: NotFound("no such span is known, and its trace is not named", where="trace_id")
        for place, patch in enumerate(patches)
        if id(patch) in unknown
    }


async def judged(request: Request, feedback: Sequence[Feedback]) -> dict[int, RequestError]:
    """Make judgements durable; what is wrong with some of them, by their places.

    Raises:
        StoreError: none is durable; the request may be sent again.
    """
    told = await stored(request, feedback)
    return {place: one for place, one in told.items() if isinstance(one, RequestError)}


async def stored(request: Request, feedback: Sequence[Feedback]) -> dict[int, Score | RequestError]:
    """Make judgements durable: each as it was stored, or what is wrong with it, by their places.

    Raises:
        StoreError: none is durable; the request may be sent again.
    """
    if not feedback:
        return {}
    nameless = {given.span_id for given in feedback if given.span_id and given.trace_id is None}
    assembler = request.app.ingest.assembler
    traces = await assembler.locate(request.project, nameless) if nameless else {}
    told: dict[int, Score | RequestError] = {}
    for place, given in enumerate(feedback):
        try:
            access.require(request.principal, SCORE)
            told[place] = _score(request, given, traces)
        except RequestError as error:
            told[place] = error
    places = [place for place, one in told.items() if isinstance(one, Score)]
    if scores := [one for one in told.values() if isinstance(one, Score)]:
        hidden = request.app.guarding.judged(scores)
        await asyncio.wrap_future(request.app.telemetry.append(scores=hidden))
        told |= zip(places, hidden, strict=True)
    return told


def _score(request: Request, given: Feedback, traces: dict[str, str]) -> Score:
    return submitted(
        project=request.project,
        target=_target(given, traces),
        name=given.name,
        id=given.id,
        author=given.author or request.principal.id,
        clock=request.app.clock,
        value=given.value,
        label=given.label,
        passed=given.passed,
        reason=given.reason,
        source=given.source,
        metadata=given.metadata,
    )


def _target(given: Feedback, traces: dict[str, str]) -> Target:
    if given.span_id is not None:
        trace_id = given.trace_id or traces.get(given.span_id)
        if trace_id is None:
            raise NotFound("no such span is known yet", where="target", fix="send its trace too")
        return Target(kind="span", id=given.span_id, trace_id=trace_id)
    if given.trace_id is not None:
        return Target(kind="trace", id=given.trace_id, trace_id=given.trace_id)
    return Target(kind="session", id=given.session or "")


def report(request: Request, door: str, errors: Sequence[RequestError]) -> None:
    """Log what was left out of a request, for SDKs that do not look at the answer."""
    if errors:
        _log.warning(
            "%s, project %s: %d items were left out; the first: %s",
            door,
            request.project,
            len(errors),
            errors[0],
        )
