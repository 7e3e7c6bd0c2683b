"""Shares of a split: as somebody wrote them, and as they are once something is learnt. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from trimtab.ports import LearntShares
from trimtab.records import Route
from trimtab.records.route import ReleaseShare


def written(route: Route) -> dict[int, float]:
    """The shares of a split as somebody wrote them, by version; they sum to 1."""
    total = sum(share.weight for share in route.split)
    found: dict[int, float] = {}
    for share in route.split:
        found[share.version] = found.get(share.version, 0.0) + share.weight / total
    return found


def in_force(route: Route, stored: LearntShares | None) -> dict[int, float]:
    """The shares that requests are drawn by: what is learnt of some releases divides their part."""
    shares = written(route)
    known = [version for version in shares if stored is not None and version in stored.shares]
    if stored is None or not known or route.bandit is None:
        return shares
    part = sum(shares[version] for version in known)
    total = sum(stored.shares[version] for version in known)
    if not total:
        return shares
    return shares | {version: part * stored.shares[version] / total for version in known}


def parts(route: Route, versions: Collection[int]) -> dict[int, float]:
    """What was written of some releases, as their shares of each other."""
    own = {version: share for version, share in written(route).items() if version in versions}
    total = sum(own.values()) or 1.0
    return {version: share / total for version, share in own.items()}


def with_learnt(routes: Iterable[Route], learnt: Iterable[LearntShares]) -> list[Route]:
    """Routes whose splits have the shares in force, where they have a bandit."""
    stored = {(one.project, one.route): one for one in learnt}
    return [_with(route, stored.get((route.project, route.name))) for route in routes]


def _with(route: Route, stored: LearntShares | None) -> Route:
    if route.bandit is None or not route.split or stored is None:
        return route
    shares = in_force(route, stored)
    split = tuple(ReleaseShare(version=one, weight=share) for one, share in shares.items())
    return replace(route, split=split)
