"""Arms: a release, or the targets of a route, as the pool of targets that answers for it.

What is wrong with a route is said here in one way, whatever part of it is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Protocol

from trimtab.errors import RouteUnavailable
from trimtab.gateway.pools import Pool, pool_of
from trimtab.gateway.routing import Arm
from trimtab.gateway.target import Target
from trimtab.records import Release, Route


class Deployed(Protocol):
    """A release and the targets it names, as in `snapshot.Deployment`."""

    @property
    def release(self) -> Release: ...

    @property
    def targets(self) -> tuple[Target, ...]: ...

    @property
    def shortage(self) -> str | None: ...


class Names(Protocol):
    """What the names in a route of one project mean."""

    def target(self, model: str) -> Target | None:
        """The model `provider/name`."""
        ...

    def route(self, name: str) -> Route | None:
        """The route of that name or alias."""
        ...

    def deployments(self, route: str) -> Sequence[Deployed]:
        """The releases of a route that may answer."""
        ...

    def names(self) -> Sequence[str]:
        """All names, to find what a misspelt one meant."""
        ...


def main_of(route: Route, names: Names, arms: dict[str, Arm], warnings: list[str]) -> Arm | None:
    """The live release, or else the route's own targets, those that are there.

    Raises:
        RouteUnavailable: none of its targets is there.
    """
    for deployed in names.deployments(route.name):
        if deployed.release.state == "live":
            return arms[deployed.release.ref]
    found: list[tuple[Target, float]] = []
    missing: list[RouteUnavailable] = []
    for place, target in enumerate(route.targets):
        try:
            there = target_of(route, names, target.model, f"targets[{place}]")
            found.append((there, target.weight))
        except RouteUnavailable as error:
            missing.append(error)
    if missing and not found:
        raise missing[0]
    warnings += map(passed_over, missing)
    if not found:
        return None
    targets, weights = zip(*found, strict=True)
    return Arm(ref=None, pool=_weighed(route, "targets", targets, weights))


def arm_of(route: Route, deployed: Deployed) -> Arm:
    """A release with the weights of its targets. Raises RouteUnavailable."""
    release = deployed.release
    weights = {target.model: target.weight for target in release.targets}
    pool = _weighed(
        route,
        f"release {release.ref}",
        deployed.targets,
        [weights.get(target.id, 1.0) for target in deployed.targets],
    )
    return Arm(ref=release.ref, pool=pool, state=release.state)


def target_of(route: Route, names: Names, model: str, where: str) -> Target:
    """A model that a part of a route names. Raises RouteUnavailable with names like it."""
    target = names.target(model)
    if target is None:
        close = get_close_matches(model[:200], names.names(), n=3)
        hint = f"did you mean {', '.join(close)}? " if close else ""
        fix = f"{hint}GET /v1/models lists them"
        raise unanswerable(route, where, f"there is no model or route {model[:200]!r}", fix)
    return target


def _weighed(route: Route, where: str, targets: Sequence[Target], weights: Sequence[float]) -> Pool:
    """A pool without the targets of weight 0, which are not asked at all."""
    if not all(isfinite(weight) and weight >= 0 for weight in weights):
        raise unanswerable(route, where, "a weight is not a number from 0 up", "correct the weight")
    pairs = [pair for pair in zip(targets, weights, strict=True) if pair[1] > 0]
    if not pairs:
        raise unanswerable(
            route, where, "no target has a weight above 0", "give one of them a weight"
        )
    choose = route.choose
    return pool_of(choose, [target for target, _ in pairs], [weight for _, weight in pairs])


def unanswerable(route: Route, where: str, what: str, fix: str) -> RouteUnavailable:
    """The error for a route, `where` being the part that is wrong."""
    return RouteUnavailable(
        f"route {route.name!r} cannot answer: {what}",
        where=where,
        fix=fix,
        route=route.name,
        reason=what,
        should_retry=False,
    )


def passed_over(error: RouteUnavailable) -> str:
    """What to say of a part that is wrong, where the route answers without it."""
    said = error.fields
    return f"{error.where} of {said['route']} is passed over: {said['reason']}; {error.fix}"
