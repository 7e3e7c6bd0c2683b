"""/api/v1/plans: write and check plans, list and read them, and begin their runs."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from trimtab.api import plan_runs
from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import require_path_name
from trimtab.api.plan_files import declaration
from trimtab.kit import jsonx
from trimtab.plans.declared import PlanInput, declared
from trimtab.records import Plan, PlanRun
from trimtab.signals.secrets.places import refused, secrets_at


class PlanRunInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Begin a run; `wait` answers when it is over."""

    inputs: dict[str, Any] = {}
    wait: bool = False


async def add(request: Request) -> Response:
    plan = await asyncio.to_thread(_declared, request)
    if request.choice("allow_secrets", ("true", "false")) != "true":
        await asyncio.to_thread(_require_no_secrets, plan)
    return reply(await asyncio.to_thread(request.app.metadata.plans.add, plan), status=201)


def _require_no_secrets(plan: Plan) -> None:
    """Raises InvalidRequest for what looks like a credential."""
    texts = [("description", plan.description), ("output", plan.output or "")]
    texts += [(f"inputs.{one.name}", jsonx.encode(one).decode()) for one in plan.inputs]
    for place, step in enumerate(plan.steps):
        for name, value in msgspec.structs.asdict(step).items():
            said = value if isinstance(value, str) else jsonx.encode(value).decode()
            texts.append((f"steps[{place}].{name}", said))
    found = list(secrets_at(texts))
    if found:
        raise refused(found, way="send it to /api/v1/plans?allow_secrets=true")


async def checked(request: Request) -> Response:
    return reply(await asyncio.to_thread(_declared, request))


def _declared(request: Request) -> Plan:
    plan = declared(
        declaration(request.body, "the request body"),
        project=request.project,
        author=request.principal.id,
        clock=request.app.clock,
    )
    require_path_name(plan.name, where="name")
    return plan


async def listed(request: Request) -> Response:
    plans = request.app.metadata.plans
    return reply(Page(data=await asyncio.to_thread(plans.list, request.project)))


async def read(request: Request) -> Response:
    plans = request.app.metadata.plans
    return reply(await asyncio.to_thread(plans.get, request.project, request.path["ref"]))


async def versions(request: Request) -> Response:
    plans = request.app.metadata.plans
    found = await asyncio.to_thread(plans.versions, request.project, request.path["name"])
    return reply(Page(data=list(found)))


async def started(request: Request) -> Response:
    given = request.json(PlanRunInput) if request.body.strip() else PlanRunInput()
    plan_runs.require_calls(request)
    streamed = request.choice("stream", ("true", "false")) == "true"
    plans = request.app.metadata.plans
    plan = await asyncio.to_thread(plans.get, request.project, request.path["ref"])
    run = await request.app.plans.start(
        plan,
        given.inputs,
        request.principal,
        environment=request.headers.get("x-trimtab-environment") or None,
    )
    if streamed:
        return plan_runs.as_events(request, run.plan_run_id)
    if given.wait:
        return reply(await plan_runs.ended(request, run.plan_run_id), status=201)
    return reply(run, status=202)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/plans",
        permission="plans:write",
        handler=add,
        summary="Store the next version of a plan, declared in YAML or JSON",
        takes=PlanInput,
        gives=Plan,
        query={"allow_secrets": "true: store what looks like a credential too"},
    ),
    Endpoint(
        method="POST",
        path="/api/v1/plans/check",
        permission="plans:read",
        handler=checked,
        summary="Say what is wrong with a plan, or how it is read; nothing is stored",
        takes=PlanInput,
        gives=Plan,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/plans",
        permission="plans:read",
        handler=listed,
        summary="List the newest version of each plan",
        gives=list[Plan],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/plans/{ref}",
        permission="plans:read",
        handler=read,
        summary="One plan: name for the newest version, name@3 for a version",
        gives=Plan,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/plans/{name}/versions",
        permission="plans:read",
        handler=versions,
        summary="The versions of a plan, newest first",
        gives=list[Plan],
    ),
    Endpoint(
        method="POST",
        path="/api/v1/plans/{ref}/runs",
        permission="plans:run",
        handler=started,
        summary="Begin a run of a plan; in the background, waited for, or as server-sent events",
        takes=PlanRunInput,
        gives=PlanRun,
        query={"stream": "true: the steps as server-sent events, as they are recorded"},
    ),
]
