"""Compiling: routes as people write them into tables that requests only look up.

Everything that can be wrong with a route is found here, before it answers anything. A name that
leads nowhere is passed over with a warning; the route is refused only when nothing is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TypedDict

from trimtab.errors import RouteUnavailable
from trimtab.gateway.arms import (
    Deployed,
    Names,
    arm_of,
    main_of,
    passed_over,
    target_of,
    unanswerable,
)
from trimtab.gateway.pools import Pool, pool_of
from trimtab.gateway.routing import Arm, CompiledRoute
from trimtab.gateway.segments import matching
from trimtab.gateway.target import Target
from trimtab.records import ModelTarget, Release, Route
from trimtab.records.route import Breaker, Retries, RouteDefaults, Timeouts

_DEEPEST = 8  # routes that fall back to routes
_ANSWERING = ("candidate", "canary", "live")  # states in which a release may have a share
_BUILT_IN = RouteDefaults()


def compile_route(route: Route, names: Names, defaults: RouteDefaults = _BUILT_IN) -> CompiledRoute:
    """A route made ready to answer; `defaults` hold where it does not say.

    Raises:
        RouteUnavailable: nothing of it can answer; `where` is the part of the route.
    """
    warnings: list[str] = []
    arms = {
        deployed.release.ref: arm_of(route, deployed) for deployed in names.deployments(route.name)
    }
    canary = _canary(names.deployments(route.name))
    placed = _placed(names.deployments(route.name), arms)
    main = main_of(route, names, arms, warnings)
    split = _split(route, main, arms, warnings)
    only_placed = main is None and not split
    if only_placed and not placed:
        raise unanswerable(
            route, "targets", "it has no targets and no live release", "add a target"
        )
    fallbacks = tuple(_fallbacks(route, names, (route.name,), warnings))
    shadows = _shadows(route, names, warnings)
    warnings += _incomplete(route, names)
    return CompiledRoute(
        route=route,
        main=main or (split[0][0] if split else next(iter(placed.values()))),
        split=tuple(arm for arm, _ in split),
        bounds=_bounds([weight for _, weight in split]),
        canary=arms[canary.ref] if canary is not None else None,
        canary_share=(canary.share or 0.0) if canary is not None else 0.0,
        segment=matching(canary.segment) if canary is not None else None,
        placed=placed,
        only_placed=only_placed,
        arms=arms,
        fallbacks=fallbacks,
        shadows=shadows,
        warnings=tuple(warnings),
        **_care(route, defaults),
    )


def direct(target: Target, defaults: RouteDefaults = _BUILT_IN) -> CompiledRoute:
    """A model asked for by its own name, as a route with nothing but that target."""
    pool = pool_of("weighted", (target,), (1.0,))
    route = Route(name=target.id, targets=(ModelTarget(model=target.id),))
    return CompiledRoute(route=route, main=Arm(ref=None, pool=pool), **_care(route, defaults))


def pinned(route: Route, deployed: Deployed, defaults: RouteDefaults = _BUILT_IN) -> CompiledRoute:
    """One release of a route asked for as `route@version`: it answers, or nobody does."""
    return CompiledRoute(
        route=Route(project=route.project, name=route.name),
        main=arm_of(route, deployed),
        **_care(route, defaults),
    )


class _Care(TypedDict):
    """How calls are made, whoever answers them."""

    retries: Retries
    timeouts: Timeouts
    breaker: Breaker


def _care(route: Route, defaults: RouteDefaults) -> _Care:
    return {
        "retries": route.retries or defaults.retries,
        "timeouts": route.timeouts or defaults.timeouts,
        "breaker": route.breaker or defaults.breaker,
    }


def _split(
    route: Route, main: Arm | None, arms: dict[str, Arm], warnings: list[str]
) -> list[tuple[Arm, float]]:
    """The shares of releases that may answer; that of any other goes to the main arm.

    So a promotion or a rollback moves the share of the release that it retires, and nobody else's.
    """
    found: list[tuple[Arm, float]] = []
    for place, share in enumerate(route.split):
        ref = f"{route.name}@{share.version}"
        arm = arms.get(ref)
        if arm is None or arm.state not in _ANSWERING:
            what = f"there is no release {ref}" if arm is None else f"{ref} is {arm.state}"
            heir = "whatever is live" if main is not None else "the others"
            warnings.append(f"split[{place}] of {route.name}: {what}; its share goes to {heir}")
            arm = main
        if arm is not None and share.weight > 0:
            found.append((arm, share.weight))
    return [] if all(arm is main for arm, _ in found) else found


def _bounds(weights: Sequence[float]) -> tuple[float, ...]:
    if not weights:
        return ()
    total = sum(weights)
    # The last bound is 1 whatever the sum was rounded to.
    return (*(reached / total for reached in list(accumulate(weights))[:-1]), 1.0)


def _canary(deployments: Sequence[Deployed]) -> Release | None:
    """The release that has a share beside whatever is live."""
    found = (one.release for one in deployments if one.release.state == "canary")
    return max(found, key=lambda release: release.version, default=None)


def _placed(deployments: Sequence[Deployed], arms: Mapping[str, Arm]) -> dict[str, Arm]:
    """The release that answers in each environment, where one does; a retired one never."""
    return {
        environment: arms[one.release.ref]
        for one in deployments
        if one.release.state != "retired"
        for environment in one.release.live_in
    }


def _incomplete(route: Route, names: Names) -> Iterator[str]:
    """Which of the releases that get requests are short of a model."""
    split = {share.version for share in route.split}
    for deployed in names.deployments(route.name):
        release = deployed.release
        asked = release.state in ("canary", "live") or release.version in split
        answers = asked and release.state in _ANSWERING
        if deployed.shortage and (answers or release.live_in):
            yield deployed.shortage


def _fallbacks(
    route: Route, names: Names, path: tuple[str, ...], warnings: list[str]
) -> list[Pool]:
    """Pools in the order of the fallbacks; a route brings its targets, then its own fallbacks.

    Of a route only the models are used: the prompt stays that of the route that was asked.
    """
    pools: list[Pool] = []
    for place, name in enumerate(route.fallbacks):
        where = f"fallbacks[{place}]"
        try:
            other = names.route(name)
            if other is None:
                pools.append(pool_of("weighted", (target_of(route, names, name, where),), (1.0,)))
                continue
            pools.append(_lent(route, other, names, where, path, warnings))
            pools += _fallbacks(other, names, (*path, other.name), warnings)
        except RouteUnavailable as error:
            warnings.append(passed_over(error))
    return pools


def _lent(
    route: Route,
    other: Route,
    names: Names,
    where: str,
    path: tuple[str, ...],
    warnings: list[str],
) -> Pool:
    """The models of a route that is a fallback. Raises RouteUnavailable."""
    way = " -> ".join((*path, other.name))
    if other.name in path:
        raise unanswerable(route, where, f"it comes back to itself: {way}", "take one of them out")
    if len(path) >= _DEEPEST:
        fix = f"list the models; {_DEEPEST} routes are the most in a chain"
        raise unanswerable(route, where, f"the chain is too long: {way}", fix)
    deployments = names.deployments(other.name)
    arms = {deployed.release.ref: arm_of(other, deployed) for deployed in deployments}
    main = main_of(other, names, arms, warnings)
    if main is None:
        what = f"the route {other.name!r} has no targets and no live release"
        raise unanswerable(route, where, what, "promote a release of it, or add a target to it")
    return main.pool


def _shadows(route: Route, names: Names, warnings: list[str]) -> tuple[tuple[Target, float], ...]:
    found = []
    for place, shadow in enumerate(route.shadows):
        try:
            target = target_of(route, names, shadow.model, f"shadows[{place}]")
            found.append((target, shadow.share))
        except RouteUnavailable as error:
            warnings.append(passed_over(error))
    return tuple(found)
