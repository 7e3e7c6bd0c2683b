"""/api/v1/runs: start an experiment or take one from elsewhere, watch it, let the gate judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.errors import InvalidRequest, MeasureError, ScorerError
from trimtab.experiments.external import RunEnd, RunOpening
from trimtab.experiments.gate import GateRule
from trimtab.records import Result, Run

_MOST_PAGES = 10**9


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
    """Judge a run against a baseline run by rules; no rules means the default ones.

    Runs are named by id, by name (the newest finished one), or `last`. `allow_uncalibrated` lets
    judges gate that have no calibration card. `store` keeps the verdict as the run's own; with
    rules or `allow_uncalibrated`, of a run that is vouched for, that needs `releases:promote`.
    """

    baseline: str
    rules: tuple[GateRule, ...] = ()
    allow_uncalibrated: bool = False
    store: bool = False


class ResultsInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Results of a run that is executed elsewhere. Sending one again replaces it."""

    results: Annotated[tuple[Result, ...], Meta(max_length=5000)]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How many results are durable now."""

    stored: int


class ResultPage(msgspec.Struct, frozen=True, kw_only=True):
    """Results in the order they came; `next` is the page after this one, null on the last."""

    data: Sequence[Result]
    next: str | None


async def add(request: Request) -> Response:
    given = request.json(RunInput)
    with asked_for():
        run = await request.app.release_runs.start(
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
    found = await asyncio.to_thread(
        runs.list,
        request.project,
        limit=limit,
        suite=request.query.get("suite"),
        name=request.query.get("name"),
    )
    return reply(Page(data=found))


async def opened(request: Request) -> Response:
    given = request.json(RunOpening)
    run = await asyncio.to_thread(request.app.external.open, request.principal, given)
    return reply(run, status=201)


async def appended(request: Request) -> Response:
    given = request.json(ResultsInput)
    await request.app.external.append(request.principal, request.path["run_id"], given.results)
    return reply(Taken(stored=len(given.results)))


async def ended(request: Request) -> Response:
    given = request.json(RunEnd)
    end = request.app.external.end
    return reply(await asyncio.to_thread(end, request.principal, request.path["run_id"], given))


async def results(request: Request) -> Response:
    limit = request.whole_number("limit", 500, low=1, high=10_000)
    start = request.whole_number("page", 0, low=0, high=_MOST_PAGES)
    page, run_id = request.app.metadata.runs.page, request.path["run_id"]
    found, following = await asyncio.to_thread(
        page, request.project, run_id, start=start, size=limit
    )
    return reply(ResultPage(data=found, next=None if following is None else str(following)))


async def read(request: Request) -> Response:
    runs = request.app.metadata.runs
    return reply(await asyncio.to_thread(runs.get, request.project, request.path["run_id"]))


async def compared(request: Request) -> Response:
    given = request.json(ComparisonInput)
    with asked_for():
        run = await asyncio.to_thread(
            request.app.comparisons.judged,
            request.principal,
            request.path["run_id"],
            given.baseline,
            given.rules,
            allow_uncalibrated=given.allow_uncalibrated,
            store=given.store,
        )
    return reply(run)


@contextmanager
def asked_for() -> Iterator[None]:
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
        query={
            "limit": "how many, 1 to 1000 (default 50)",
            "suite": "only those of this suite",
            "name": "only those of this name",
        },
    ),
    Endpoint(
        method="POST",
        path="/api/v1/runs/external",
        permission="runs:write",
        handler=opened,
        summary="Open a run that is executed elsewhere; opening it again changes nothing",
        takes=RunOpening,
        gives=Run,
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
        method="GET",
        path="/api/v1/runs/{run_id}/results",
        permission="runs:read",
        handler=results,
        summary="What was answered to each example of a run, and how it was judged",
        gives=ResultPage,
        query={
            "limit": "how many, 1 to 10000 (default 500)",
            "page": "`next` of the page before this one",
        },
    ),
    Endpoint(
        method="POST",
        path="/api/v1/runs/{run_id}/results",
        permission="runs:write",
        handler=appended,
        summary="Add results of a run that is executed elsewhere; durable when acknowledged",
        takes=ResultsInput,
        gives=Taken,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/runs/{run_id}/end",
        permission="runs:write",
        handler=ended,
        summary="End a run that is executed elsewhere",
        takes=RunEnd,
        gives=Run,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/runs/{run_id}/comparison",
        permission="runs:write",
        handler=compared,
        summary="Compare a finished run with a baseline run; the verdict is stored where asked",
        takes=ComparisonInput,
        gives=Run,
    ),
]
