"""What the gateway allows: the configuration file over the metadata store, as one value.

An entry of the file wins over one of the store with the same name, and cannot be changed through
the API: the file is what its operator reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeVar

import msgspec

from trimtab.errors import Conflict
from trimtab.ports import MetadataStore, StoredRoute
from trimtab.records import Allowance, ApprovedModel, GuardPolicy, Route, VirtualKey
from trimtab.records.access import EACH, AllowanceKind
from trimtab.records.route import clashes

Source = Literal["file", "api"]
T = TypeVar("T")


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of the configuration file."""

    routes: tuple[Route, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    approved_models: tuple[ApprovedModel, ...] = ()
    guard_policies: tuple[GuardPolicy, ...] = ()


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is allowed, of every project, at one revision of the store.

    `left_out` says of each route of the store that is not among `routes` why: the file has its name
    or one of its aliases; and of each allowance of a key that there is no such key. Allowances of
    keys are by the id of the key. `revision` is -1 before the store was read.
    """

    revision: int = -1
    keys: tuple[VirtualKey, ...] = ()
    routes: Mapping[tuple[str, str], Route] = {}
    allowances: Mapping[tuple[str, AllowanceKind, str], Allowance] = {}
    approved_models: Mapping[str, tuple[ApprovedModel, ...]] = {}
    guard_policies: Mapping[tuple[str, str], GuardPolicy] = {}
    left_out: tuple[str, ...] = ()

    def allowance(self, project: str, kind: AllowanceKind, name: str) -> Allowance | None:
        """That of a node, or the one for each of its kind."""
        own = self.allowances.get((project, kind, name))
        return own or self.allowances.get((project, kind, EACH))


def assembled(declared: Declared, store: MetadataStore) -> GatewaySettings:
    """The settings of this moment. Raises StoreError."""
    # Before what it counts: a change in between is then seen again, never missed.
    revision = store.gateway_revision()
    routes, left_out = _routes(declared.routes, store.routes.all())
    keys = tuple(store.keys.all())
    allowances = [with_key_id(one, keys) for one in (*store.allowances.all(), *declared.allowances)]
    models: dict[str, dict[str, ApprovedModel]] = {}
    for model in (*store.approved_models.all(), *declared.approved_models):
        models.setdefault(model.project, {})[model.model] = model
    return GatewaySettings(
        revision=revision,
        keys=keys,
        routes={(route.project, route.name): route for route in routes},
        allowances={allowance_key(one): one for one in allowances},
        approved_models={project: tuple(found.values()) for project, found in models.items()},
        guard_policies={
            (one.project, one.name): one
            for one in (
                *(stored.policy for stored in store.guard_policies.all()),
                *declared.guard_policies,
            )
        },
        left_out=(*left_out, *_of_no_key(allowances, keys)),
    )


def allowance_key(allowance: Allowance) -> tuple[str, AllowanceKind, str]:
    return allowance.project, allowance.kind, allowance.name


def with_key_id(allowance: Allowance, keys: Iterable[VirtualKey]) -> Allowance:
    """The allowance of a key by its id, where it is by its name; any other as it is."""
    if allowance.kind != "key" or allowance.name == EACH:
        return allowance
    ids = {key.name: key.key_id for key in keys if key.project == allowance.project}
    if allowance.name in ids.values() or allowance.name not in ids:
        return allowance
    return msgspec.structs.replace(allowance, name=ids[allowance.name])


def _of_no_key(allowances: Iterable[Allowance], keys: Iterable[VirtualKey]) -> Iterator[str]:
    known = {(key.project, key.key_id) for key in keys}
    for one in allowances:
        if one.kind == "key" and one.name != EACH and (one.project, one.name) not in known:
            yield (
                f"the allowance of key {one.name!r} of project {one.project!r} limits nothing:"
                " there is no such key"
            )


def route_key(route: Route) -> tuple[str, str]:
    return route.project, route.name


def model_key(model: ApprovedModel) -> tuple[str, str]:
    return model.project, model.model


def require_not_declared(key: object, declared: Iterable[object], *, what: str) -> None:
    """Raises Conflict when the file has an entry of this key."""
    if key in declared:
        raise Conflict(
            f"{what} is declared in the configuration file, which the API does not change",
            fix="change it there, under gateway, and run `trimtab config reload`",
        )


def require_free_names(route: Route, declared: Sequence[Route]) -> None:
    """Raises Conflict when the file has a route of this name or one of its aliases."""
    require_not_declared(
        route_key(route), map(route_key, declared), what=f"the route {route.name!r}"
    )
    for clash in clashes([*declared, route]):
        raise Conflict(
            f"the name {clash.name!r} belongs to the route {declared[clash.first].name!r} of the"
            " configuration file",
            where="aliases" if clash.name in route.aliases else "name",
            fix="choose another",
        )


def _routes(
    declared: Sequence[Route], stored: Sequence[StoredRoute]
) -> tuple[list[Route], tuple[str, ...]]:
    """The routes of the file, and those of the store that take no name from them."""
    routes = [*declared, *(one.route for one in stored)]
    lost = {clash.at: clash for clash in clashes(routes)}
    left_out = tuple(
        f"the route {routes[at].name!r} of project {routes[at].project!r} is left out: the name"
        f" {clash.name!r} belongs to {routes[clash.first].name!r} of the configuration file"
        for at, clash in lost.items()
    )
    return [route for at, route in enumerate(routes) if at not in lost], left_out
