"""/api/v1/plan-runs: runs of plans; looked at, followed, cancelled, resumed and replayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import NoInput
from trimtab.governance import access
from trimtab.kit import jsonx, sse
from trimtab.records import PlanRun, StepRecord

_POLL_S = 0.5  # where another process executes the run, nobody tells this one of its steps
_PAUSE_S = 0.1
_HEARTBEAT_S = 15.0


class PlanRunView(PlanRun, frozen=True, kw_only=True):
    """A run with its steps, in the order in which they were recorded first."""

    steps: Sequence[StepRecord] = ()


class ReplayInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `from` nothing is asked; with it that step is, and all that need it."""

    first: str | None = msgspec.field(name="from", default=None)


async def listed(request: Request) -> Response:
    limit = request.whole_number("limit", 50, low=1, high=1000)
    runs = request.app.metadata.plans.runs
    plan = request.query.get("plan")
    found = await asyncio.to_thread(runs, request.project, plan=plan, limit=limit)
    return reply(Page(data=list(found)))


async def read(request: Request) -> Response:
    return reply(await asyncio.to_thread(_view, request))


def _view(request: Request) -> PlanRunView:
    plans, run_id = request.app.metadata.plans, request.path["plan_run_id"]
    # The run first: one that is over by then has all its steps.
    run = plans.run(request.project, run_id)
    steps = plans.steps(request.project, run_id)
    return msgspec.convert(
        {**msgspec.structs.asdict(run), "steps": steps}, PlanRunView, from_attributes=True
    )


async def cancelled(request: Request) -> Response:
    if request.body.strip():
        request.json(NoInput)
    cancel, run_id = request.app.plans.cancel, request.path["plan_run_id"]
    return reply(await cancel(request.project, run_id, request.principal))


async def resumed(request: Request) -> Response:
    if request.body.strip():
        request.json(NoInput)
    require_calls(request)
    resume, run_id = request.app.plans.resume, request.path["plan_run_id"]
    return reply(await resume(request.project, run_id, request.principal), status=202)


async def replayed(request: Request) -> Response:
    given = request.json(ReplayInput) if request.body.strip() else ReplayInput()
    if given.first is not None:
        require_calls(request)
    replay, run_id = request.app.plans.replay, request.path["plan_run_id"]
    run = await replay(request.project, run_id, request.principal, first=given.first)
    return reply(run, status=202)


def require_calls(request: Request) -> None:
    """Raises Forbidden where a run could ask no model: its calls are those of its starter."""
    access.require(request.principal, "gateway:call")


async def events(request: Request) -> Response:
    run_id = request.path["plan_run_id"]
    await asyncio.to_thread(request.app.metadata.plans.run, request.project, run_id)
    return as_events(request, run_id)


async def ended(request: Request, run_id: str) -> PlanRun:
    """A run when it is over, or when the server stops."""
    run = request.app.metadata.plans.run
    while True:
        found = await asyncio.to_thread(run, request.project, run_id)
        if found.status != "running" or request.app.draining.is_set():
            return found
        await request.app.plans.news(run_id, limit_s=_POLL_S)


def as_events(request: Request, run_id: str) -> Response:
    """A run as server-sent events: `step` for each step that is recorded, `run` at its end."""
    return Response(
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        stream=_followed(request, run_id),
    )


async def _followed(request: Request, run_id: str) -> AsyncGenerator[bytes, None]:
    plans, draining = request.app.metadata.plans, request.app.draining
    yield b": following\n\n"
    seen: dict[tuple[str, int | None], StepRecord] = {}
    quiet_s = 0.0
    while True:
        run = await asyncio.to_thread(plans.run, request.project, run_id)
        steps = await asyncio.to_thread(plans.steps, request.project, run_id)
        fresh = [step for step in steps if seen.get((step.step, step.item)) != step]
        for step in fresh:
            seen[step.step, step.item] = step
            yield _event("step", step)
        if run.status != "running" or draining.is_set():
            yield _event("run", run)
            return
        quiet_s = 0.0 if fresh else quiet_s + _POLL_S
        if quiet_s >= _HEARTBEAT_S:
            quiet_s = 0.0
            yield b": still here\n\n"
        await request.app.plans.news(run_id, limit_s=_POLL_S)
        await asyncio.sleep(_PAUSE_S)


def _event(name: str, value: object) -> bytes:
    return sse.encode(jsonx.encode(value), name=name)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/plan-runs",
        permission="plans:read",
        handler=listed,
        summary="List runs of plans, newest first",
        gives=list[PlanRun],
        query={
            "limit": "how many, 1 to 1000 (default 50)",
            "plan": "only those of this plan, name or name@version",
        },
    ),
    Endpoint(
        method="GET",
        path="/api/v1/plan-runs/{plan_run_id}",
        permission="plans:read",
        handler=read,
        summary="One run of a plan with its steps",
        gives=PlanRunView,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/plan-runs/{plan_run_id}/events",
        permission="plans:read",
        handler=events,
        summary="Follow a run of a plan: its steps as server-sent events, then the run",
    ),
    Endpoint(
        method="POST",
        path="/api/v1/plan-runs/{plan_run_id}/cancel",
        permission="plans:run",
        handler=cancelled,
        summary="End a run of a plan, whichever process executes it",
        takes=NoInput,
        gives=PlanRun,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/plan-runs/{plan_run_id}/resume",
        permission="plans:run",
        handler=resumed,
        summary="Go on with a run of a plan that failed or was cancelled",
        takes=NoInput,
        gives=PlanRun,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/plan-runs/{plan_run_id}/replay",
        permission="plans:run",
        handler=replayed,
        summary="Run again from a run's record: exactly, or from a step on",
        takes=ReplayInput,
        gives=PlanRun,
    ),
]
