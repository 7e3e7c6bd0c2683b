"""/api/v1/guards/policies: which guards hold where, and in which mode."""

from __future__ import annotations

import asyncio

import msgspec

from trimtab.api.allowances import Deleted
from trimtab.api.guard_views import PolicyView, view, views
from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier, Line, as_record, require_path_name
from trimtab.api.routes import Revision
from trimtab.errors import Conflict, InvalidRequest, NotFound, TrimtabError
from trimtab.governance.settings import require_not_declared
from trimtab.guards.policies import DEFAULT, over
from trimtab.guards.presets import PRESETS
from trimtab.records import GuardPolicy, GuardRule, ModelSlot, RecordRules
from trimtab.records.guard import GuardMode, policy_complaint

_MAX_REVISION = 2**31 - 1


class SlotInput(ModelSlot, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that is asked where a signal is not sure: `low` <= score < `high`."""


class RuleInput(GuardRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signal, or one scorer, asked of some of the texts of a call."""

    slot: SlotInput | None = None


class RecordInput(RecordRules, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the record of a call hides, in every mode but `off`."""


class PolicyInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules, put over those of the policy it `extends`: one of the same name replaces.

    `revision` is the one that this replaces: 0 for a policy that must be new. Without it, whatever
    is there is replaced. `mode` and `record` null are those of the policy that is extended.
    """

    revision: Revision | None = None
    extends: Identifier | None = None
    mode: GuardMode | None = None
    rules: tuple[RuleInput, ...] = ()
    record: RecordInput | None = None
    note: Line = ""


class ModeInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mode that a policy is to have; `revision` as in a policy."""

    mode: GuardMode
    revision: Revision | None = None


class PolicyRevision(GuardPolicy, frozen=True, kw_only=True):
    """A policy as it was written once."""

    revision: int


async def listed(request: Request) -> Response:
    return reply(Page(data=await asyncio.to_thread(views, request)))


async def read(request: Request) -> Response:
    return reply(await asyncio.to_thread(view, request, request.path["name"]))


async def revisions(request: Request) -> Response:
    """Every revision that the store has had of a name, newest first."""
    name = request.path["name"]
    store = request.app.metadata.guard_policies
    found = await asyncio.to_thread(store.history, request.project, name)
    if not found:
        raise NotFound(f"no policy {name[:200]!r} was ever stored", fix="list the policies")
    return reply(
        Page(
            data=[
                PolicyRevision(**msgspec.structs.asdict(one.policy), revision=one.revision)
                for one in found
            ]
        )
    )


async def put(request: Request) -> Response:
    given = request.json(PolicyInput)
    name = request.path["name"]
    require_path_name(name, where="name")
    policy = as_record(
        msgspec.structs.replace(given, revision=None),
        GuardPolicy,
        name=name,
        project=request.project,
    )
    return await _store(request, policy, given.revision)


async def set_mode(request: Request) -> Response:
    given = request.json(ModeInput)
    name = request.path["name"]
    policy = await asyncio.to_thread(_own, request, name)
    return await _store(request, msgspec.structs.replace(policy, mode=given.mode), given.revision)


async def delete(request: Request) -> Response:
    name = request.path["name"]
    revision = None
    if "revision" in request.query:
        revision = request.whole_number("revision", 1, low=0, high=_MAX_REVISION)
    _require_ours(request, name)
    await asyncio.to_thread(_require_not_needed, request, name)
    store = request.app.metadata.guard_policies
    await asyncio.to_thread(
        store.delete, request.project, name, by=request.principal.id, over=revision
    )
    await request.app.refresh()
    return reply(Deleted(deleted=name))


async def _store(request: Request, policy: GuardPolicy, revision: int | None) -> Response:
    if complaint := policy_complaint(policy):
        raise InvalidRequest(f"a policy {complaint}", where="$", fix="correct it")
    _require_ours(request, policy.name)
    await asyncio.to_thread(_require_usable, request, policy)
    store = request.app.metadata.guard_policies
    stored = await asyncio.to_thread(store.put, policy, by=request.principal.id, over=revision)
    await request.app.refresh()
    shown = await asyncio.to_thread(view, request, policy.name)
    return reply(shown, status=200 if stored.revision > 1 else 201)


def _require_ours(request: Request, name: str) -> None:
    """Raises Conflict when the file has a policy of this name, or says what the default is."""
    declared = [(one.project, one.name) for one in request.app.declared.guard_policies]
    if name == DEFAULT and request.app.config.guards.says_default:
        declared.append((request.project, name))
    require_not_declared((request.project, name), declared, what=f"the policy {name[:200]!r}")


def _require_usable(request: Request, policy: GuardPolicy) -> None:
    """Raises InvalidRequest when a rule of it cannot be asked, or what it extends is not there."""
    guarding = request.app.guarding
    try:
        flat = policy
        if policy.extends is not None:
            _require_no_circle(request, policy)
            flat = over(guarding.policies.named(policy.project, policy.extends), policy)
        guarding.require_usable(flat)
    except InvalidRequest:
        raise
    except TrimtabError as error:
        raise InvalidRequest(
            error.what, where=error.where or "$", fix=error.fix or "correct it"
        ) from None


def _require_no_circle(request: Request, policy: GuardPolicy) -> None:
    """Raises InvalidRequest when what it extends extends it."""
    stored = request.app.settings.guard_policies
    above: str | None = policy.extends
    seen = {policy.name}
    while above is not None:
        if above in seen:
            raise InvalidRequest(
                f"the policy {policy.name!r} would extend itself",
                where="extends",
                fix="let it extend a preset",
            )
        seen.add(above)
        found = stored.get((policy.project, above)) or PRESETS.get(above)
        above = found.extends if found is not None else None


def _require_not_needed(request: Request, name: str) -> None:
    """Raises Conflict when a route, a release or another policy names this one.

    Not where a preset is behind it, which holds then.
    """
    if name in PRESETS or name == DEFAULT:
        return
    policies = request.app.settings.guard_policies.values()
    routes = request.app.settings.routes.values()
    needing = [
        *(f"policy {one.name}" for one in policies if _is_of(request, one) and one.extends == name),
        *(
            f"route {one.name}"
            for one in routes
            if _is_of(request, one) and one.guards is not None and one.guards.policy == name
        ),
        *(
            f"release {one.ref}"
            for one in request.app.metadata.releases.list(request.project)
            if one.state != "retired" and (one.guard_policy or "").partition("@")[0] == name
        ),
    ]
    if needing:
        raise Conflict(
            f"the policy {name[:200]!r} is used by {', '.join(sorted(needing))}",
            where="name",
            fix="let them name another first",
        )


def _is_of(request: Request, one: object) -> bool:
    return getattr(one, "project", None) == request.project


def _own(request: Request, name: str) -> GuardPolicy:
    """A policy as it was written, to be stored with a change. Raises NotFound, InvalidRequest."""
    written = request.app.settings.guard_policies.get((request.project, name))
    if written is not None:
        return written
    if name == DEFAULT:
        return GuardPolicy(
            project=request.project, name=name, extends=request.app.config.guards.policy
        )
    if name in PRESETS:
        raise InvalidRequest(
            f"{name!r} comes with Trimtab and keeps its mode",
            where="name",
            fix="set the mode of the policy `default`, or of one that extends it",
        )
    raise NotFound(f"there is no policy {name[:200]!r}", fix="list the policies")


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/guards/policies",
        permission="guards:read",
        handler=listed,
        summary="List the policies of guards, by name; presets among them",
        gives=list[PolicyView],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/guards/policies/{name}",
        permission="guards:read",
        handler=read,
        summary="One policy of guards",
        gives=PolicyView,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/guards/policies/{name}/revisions",
        permission="guards:read",
        handler=revisions,
        summary="What a stored policy was before, newest first",
        gives=list[PolicyRevision],
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/guards/policies/{name}",
        permission="guards:write",
        handler=put,
        summary="Create or replace a policy; calls that begin afterwards pass it",
        takes=PolicyInput,
        gives=PolicyView,
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/guards/policies/{name}/mode",
        permission="guards:write",
        handler=set_mode,
        summary="Set the mode of a policy: off, shadow, flag or enforce",
        takes=ModeInput,
        gives=PolicyView,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/guards/policies/{name}",
        permission="guards:write",
        handler=delete,
        summary="Delete a policy that nothing names",
        gives=Deleted,
        query={"revision": "the one that must be stored (default whichever is)"},
    ),
]
