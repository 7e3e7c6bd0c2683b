"""/api/v1/projects: which projects there are, and how much is recorded of each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.config import Config
from trimtab.ports import ProjectTraffic
from trimtab.records.principal import LOCAL


class ProjectView(msgspec.Struct, frozen=True, kw_only=True):
    """A project; `open` is the one that this request is of.

    `spans` are those of live traffic, `calls` the model calls among them; what runs asked is left
    out. `last_hour_ns` is the start of the newest hour with one, None where there is none. `keys`
    are its virtual keys, disabled ones included; None where the caller may not read keys.
    """

    name: str
    open: bool
    spans: int
    calls: int
    last_hour_ns: int | None
    keys: int | None


async def listed(request: Request) -> Response:
    return reply(Page(data=await asyncio.to_thread(_projects, request)))


def _projects(request: Request) -> list[ProjectView]:
    traffic = {one.project: one for one in request.app.telemetry.projects()}
    keys = _keys(request)
    names = {request.project}
    if _is_of_all(request):
        names = {*traffic, *request.app.metadata.projects(), *_declared(request.app.config)}
    return [_view(name, request.project, traffic.get(name), keys) for name in sorted(names)]


def _is_of_all(request: Request) -> bool:
    """A key is of one project; whoever comes without one, in local mode, is of any."""
    principal = request.principal
    return request.app.access.is_local and principal.id == LOCAL and principal.key is None


def _keys(request: Request) -> Counter[str] | None:
    if not request.principal.may("keys:read"):
        return None
    return Counter(key.project for key in request.app.metadata.keys.all())


def _declared(config: Config) -> Iterator[str]:
    gateway = config.gateway
    yield config.project
    yield from (keep.project for keep in config.retention)
    yield from (route.project for route in gateway.routes)
    yield from (allowance.project for allowance in gateway.allowances)
    yield from (model.project for model in gateway.approved_models)
    yield from (policy.project for policy in config.guards.policies)


def _view(
    name: str, opened: str, traffic: ProjectTraffic | None, keys: Counter[str] | None
) -> ProjectView:
    return ProjectView(
        name=name,
        open=name == opened,
        spans=traffic.spans if traffic else 0,
        calls=traffic.calls if traffic else 0,
        last_hour_ns=traffic.last_hour_ns if traffic else None,
        keys=None if keys is None else keys[name],
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/projects",
        permission="metrics:read",
        handler=listed,
        summary="The projects there are, with what is recorded of each; a key sees its own",
        gives=list[ProjectView],
    )
]
