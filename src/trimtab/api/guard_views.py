"""Policies of guards as the API shows them: where they come from, and what comes of them."""

from __future__ import annotations

from typing import Literal

import msgspec

from trimtab.api.http import Request
from trimtab.app.guarding import default_policy
from trimtab.errors import Conflict, NotFound, TrimtabError
from trimtab.guards.policies import DEFAULT
from trimtab.records import GuardPolicy, GuardRule, RecordRules
from trimtab.records.guard import GuardMode

Origin = Literal["preset", "file", "api"]


class PolicyView(GuardPolicy, frozen=True, kw_only=True):
    """A policy as it was written, and what comes of it.

    `in_force` are all its rules, those of what it extends among them, and `hides` is what no record
    shows; `version` tells them apart from earlier ones. `routes` name it, or have it because they
    name none.
    """

    source: Origin
    revision: int | None = None
    version: str
    in_mode: GuardMode
    in_force: tuple[GuardRule, ...]
    hides: RecordRules
    routes: tuple[str, ...] = ()


def views(request: Request) -> list[PolicyView]:
    """All that a route of the project may name."""
    return [view(request, name) for name in request.app.guarding.policies.names(request.project)]


def view(request: Request, name: str) -> PolicyView:
    """One of them. Raises NotFound, and Conflict for one whose rules cannot be told."""
    policies = request.app.guarding.policies
    if name not in policies.names(request.project):
        raise NotFound(f"there is no policy {name[:200]!r}", fix="list the policies")
    try:
        flat = policies.named(request.project, name)
    except TrimtabError as error:  # what it extends was deleted behind its back
        raise Conflict(error.what, where="extends", fix=error.fix) from None
    key = request.project, name
    written = request.app.settings.guard_policies.get(key)
    declared = {(one.project, one.name) for one in request.app.declared.guard_policies}
    says_default = name == DEFAULT and request.app.config.guards.says_default
    origin: Origin = "preset"
    revision = None
    if key in declared or says_default:
        origin = "file"
    elif written is not None:
        origin = "api"
        revision = request.app.metadata.guard_policies.get(*key).revision
    shown = written or flat
    if name == DEFAULT and (written is None or says_default):
        shown = default_policy(request.app.config)
    return PolicyView(
        **{**msgspec.structs.asdict(shown), "project": request.project},
        source=origin,
        revision=revision,
        version=flat.version,
        in_mode=flat.mode or "shadow",
        in_force=flat.rules,
        hides=(flat.record or RecordRules()).over(),
        routes=_routes(request, name),
    )


def _routes(request: Request, name: str) -> tuple[str, ...]:
    """The routes that are watched by a policy."""
    found = []
    for one in request.app.settings.routes.values():
        named = one.guards.policy if one.guards is not None else None
        if one.project == request.project and (named or DEFAULT) == name:
            found.append(one.name)
    return tuple(sorted(found))
