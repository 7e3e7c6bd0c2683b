"""Standing: how the routes of a project would answer at this moment, for people to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from trimtab.errors import TrimtabError
from trimtab.gateway.health import BreakerState, TargetState
from trimtab.gateway.pools import Pool
from trimtab.gateway.routing import CompiledRoute
from trimtab.records import Segment
from trimtab.records.release import ReleaseState
from trimtab.records.route import Choice

Refusal = Callable[[str], str | None]


class TargetStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a route may ask.

    `refused` says why the catalogue of approved models keeps it from answering. `ready_in_s` is 0
    for one that is asked now.
    """

    model: str
    weight: float
    breaker: BreakerState
    ready_in_s: float
    refused: str | None


class ShareStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the requests: of a release in its state, or of the route's own targets (null).

    `segment` is whose requests a canary shares, where it is not everybody's.
    """

    release: str | None
    state: ReleaseState | None
    share: float
    segment: Segment | None = None


class PlacedStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The release that answers the calls of an environment."""

    environment: str
    release: str | None
    state: ReleaseState | None


class RouteState(msgspec.Struct, frozen=True, kw_only=True):
    """How a route answers, or in `problem` why it cannot.

    `release` is the main one, which answers unless `split` or `canary` does; `split` shares what
    `canary` leaves. `placed` are releases that answer in an environment, before all of these.
    `fallbacks` are asked in turn when none of `targets` answers. `targets` are in the order they
    are asked where `choose` is `cost`, and as they were written where chance or load decides.
    `warnings` say what of the route is passed over.
    """

    name: str
    problem: str | None = None
    release: str | None = None
    canary: ShareStanding | None = None
    split: tuple[ShareStanding, ...] = ()
    placed: tuple[PlacedStanding, ...] = ()
    choose: Choice = "weighted"
    sticky: bool = False
    warnings: tuple[str, ...] = ()
    targets: tuple[TargetStanding, ...] = ()
    fallbacks: tuple[tuple[TargetStanding, ...], ...] = ()


def states(
    routes: Mapping[str, CompiledRoute | TrimtabError],
    targets: Iterable[TargetState],
    refusal: Refusal,
) -> list[RouteState]:
    """The state of each route, by name; an alias is a route of its own.

    Args:
        targets: those that were ever asked.
        refusal: why a model may not answer, None where it may.
    """
    asked = {target.target: target for target in targets}
    return [_state(name, routes[name], asked, refusal) for name in sorted(routes)]


def _state(
    name: str,
    route: CompiledRoute | TrimtabError,
    asked: Mapping[str, TargetState],
    refusal: Refusal,
) -> RouteState:
    if isinstance(route, TrimtabError):
        return RouteState(name=name, problem=str(route))

    def standing(pool: Pool) -> tuple[TargetStanding, ...]:
        found = [
            _standing(model, weight, asked.get(model), refusal(model))
            for model, weight in zip(pool.ids, pool.weights, strict=True)
        ]
        if pool.choose == "cost":
            found.sort(key=lambda one: pool.places[pool.ids.index(one.model)])
        return tuple(found)

    return RouteState(
        name=name,
        release=None if route.only_placed else route.main.ref,
        canary=_canary(route),
        split=_shares(route),
        placed=tuple(
            PlacedStanding(environment=name, release=arm.ref, state=arm.state)
            for name, arm in sorted(route.placed.items())
        ),
        choose=route.main.pool.choose,
        sticky=route.route.sticky,
        warnings=route.warnings,
        targets=standing(route.main.pool),
        fallbacks=tuple(standing(pool) for pool in route.fallbacks),
    )


def _canary(route: CompiledRoute) -> ShareStanding | None:
    arm = route.canary
    if arm is None:
        return None
    segment = route.segment.segment if route.segment is not None else None
    return ShareStanding(
        release=arm.ref, state=arm.state, share=route.canary_share, segment=segment
    )


def _shares(route: CompiledRoute) -> tuple[ShareStanding, ...]:
    """Each release of a split once, whatever shares it came by."""
    found: dict[str | None, ShareStanding] = {}
    for arm, low, high in zip(route.split, (0.0, *route.bounds), route.bounds, strict=False):
        share = high - low + (found[arm.ref].share if arm.ref in found else 0.0)
        found[arm.ref] = ShareStanding(release=arm.ref, state=arm.state, share=share)
    return tuple(found.values())


def _standing(
    model: str, weight: float, state: TargetState | None, refused: str | None
) -> TargetStanding:
    return TargetStanding(
        model=model,
        weight=weight,
        breaker=state.breaker if state is not None else "closed",
        ready_in_s=state.ready_in_s if state is not None else 0.0,
        refused=refused,
    )
