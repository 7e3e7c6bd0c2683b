"""/api/v1/runs: start an experiment, watch it, compare two and let the gate judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.errors import InvalidRequest, MeasureError, ScorerError
from trimtab.experiments.gate import GateRule
from trimtab.records import Run


class RunInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release over a dataset; `scorers` empty means the default ones.

    `split` takes only the rows of one split.
    """

    release: str
    dataset: str
    scorers: tuple[str, ...] = ()
    name: Annotated[str, Meta(max_length=200)] = ""
    split: str | None = None
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 4


class ComparisonInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Judge a run against a baseline run by rules; no rules means the default ones."""

    baseline: str
    rules: tuple[GateRule, ...] = ()


async def add(request: Request) -> Response:
    given = request.json(RunInput)
    with _asked_for():
        run = await request.app.start_run(
            request.principal,
            release=given.release,
            dataset=given.dataset,
            scorers=given.scorers,
            name=given.name,
            split=given.split,
            concurrency=given.concurrency,
        )
    return reply(run, status=202)


async def listed(request: Request) -> Response:
    limit = request.whole_number("limit", 50, low=1, high=1000)
    runs = request.app.metadata.runs
    return reply(Page(data=await asyncio.to_thread(runs.list, request.project, limit=limit)))


async def read(request: Request) -> Response:
    runs = request.app.metadata.runs
    return reply(await asyncio.to_thread(runs.get, request.project, request.path["run_id"]))


async def compared(request: Request) -> Response:
    given = request.json(ComparisonInput)
    with _asked_for():
        run = await asyncio.to_thread(
            request.app.compare_runs,
            request.project,
            request.path["run_id"],
            given.baseline,
            given.rules,
        )
    return reply(run)


@contextmanager
def _asked_for() -> Iterator[None]:
    """A scorer or a rule that cannot be is the mistake of whoever asked for it."""
    try:
        yield
    except (ScorerError, MeasureError) as error:
        raise InvalidRequest(
            error.what, where=error.where or "rules", fix=error.fix, **error.fields
        ) from None


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/runs",
        permission="runs:write",
        handler=add,
        summary="Start an experiment: a release over a dataset",
        takes=RunInput,
        gives=Run,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/runs",
        permission="runs:read",
        handler=listed,
        summary="List runs, newest first",
        gives=list[Run],
        query={"limit": "how many, 1 to 1000 (default 50)"},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/runs/{run_id}",
        permission="runs:read",
        handler=read,
        summary="One run: progress, metrics and verdict",
        gives=Run,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/runs/{run_id}/comparison",
        permission="runs:write",
        handler=compared,
        summary="Compare a finished run with a baseline run; the verdict is stored with it",
        takes=ComparisonInput,
        gives=Run,
    ),
]
