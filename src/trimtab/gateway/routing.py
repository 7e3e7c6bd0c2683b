"""Routing: which targets a request tries, in which order. Compiled routes in, targets out.

A pass over a route yields every target at most once: those of the release or route in the order of
its choice, then its fallbacks. Targets whose breaker is open, or that rest, are left out. If that
leaves nothing, the one that failed longest ago is tried, once: an answer from it is worth more than
an error that needs no provider, and a breaker is there to spare targets, not to refuse callers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from random import Random

import msgspec

from trimtab.errors import NotFound
from trimtab.gateway import draws
from trimtab.gateway.ask import Ask
from trimtab.gateway.health import Health
from trimtab.gateway.pools import Chance, Pool, chosen
from trimtab.gateway.segments import Matching
from trimtab.gateway.target import Target
from trimtab.ports import Clock
from trimtab.records import Route
from trimtab.records.release import ReleaseState
from trimtab.records.route import Breaker, Retries, Timeouts

_MOST_RESPONSES = 16_384


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One of the ways a route answers: a release (`ref` is `route@version`) or its own targets."""

    ref: str | None
    pool: Pool
    state: ReleaseState | None = None


class CompiledRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route made ready to answer.

    `main` (the live release, or the route's own targets) answers unless `split` or `canary` does,
    which has `canary_share` of the requests of its `segment`. `placed` has the release that answers
    all calls of an environment, by its name; where `only_placed`, nothing answers any other call.
    `arms` has every release of the route by `route@version`. `retries`, `timeouts` and `breaker`
    are the route's own or else the gateway's. `warnings` say what of the route is passed over.
    """

    route: Route
    main: Arm
    retries: Retries = Retries()
    timeouts: Timeouts = Timeouts()
    breaker: Breaker = Breaker()
    split: tuple[Arm, ...] = ()
    bounds: tuple[float, ...] = ()  # upper ends of the split's shares, the last one 1
    canary: Arm | None = None
    canary_share: float = 0.0
    segment: Matching | None = None
    placed: Mapping[str, Arm] = {}
    only_placed: bool = False
    arms: Mapping[str, Arm] = {}
    fallbacks: tuple[Pool, ...] = ()
    shadows: tuple[tuple[Target, float], ...] = ()
    warnings: tuple[str, ...] = ()

    def beside(self, arm: Arm, ask: Ask) -> str | None:
        """The canary that a request of its segment did not go to: what it is compared with."""
        canary = self.canary
        if self.segment is None or canary is None or arm is canary or not self.segment.has(ask):
            return None
        return canary.ref


class Router:
    """Chooses targets by the health of each.

    Args:
        random: where chance comes from.
    """

    def __init__(self, health: Health, *, clock: Clock, random: Random) -> None:
        self._health = health
        self._clock = clock
        self._random = random
        self._chance = Chance(health, clock, random)
        self._responses: OrderedDict[str, str] = OrderedDict()

    def arm(self, compiled: CompiledRoute, unit: str | None, ask: Ask | None = None) -> Arm:
        """The arm for one user or session, always the same while the shares are; drawn for nobody.

        A release placed in the environment of a request answers it, unless the segment of the
        canary names that environment. The canary's share and the split are independent of each
        other, so a canary that grows moves nobody between the arms of the split.

        Raises:
            NotFound: releases answer in environments only, and the request is of none of them.
        """
        canary = compiled.canary
        placed = self._placed(compiled, ask) if compiled.placed else None
        if canary is not None and _may_have(compiled, ask, placed):
            # By its version too, so that not the same users try every canary.
            place = self._place(f"canary {canary.ref}", compiled.route, unit)
            if place < compiled.canary_share:
                return canary
        if placed is not None:
            return placed
        if compiled.split and compiled.route.bandit is not None and unit is not None:
            return _kept(compiled, unit)
        if compiled.split:
            place = self._place("split", compiled.route, unit)
            for arm, bound in zip(compiled.split, compiled.bounds, strict=True):
                if place < bound:
                    return arm
        return compiled.main

    def _placed(self, compiled: CompiledRoute, ask: Ask | None) -> Arm | None:
        environment = ask.caller.environment if ask is not None else None
        found = compiled.placed.get(environment) if environment is not None else None
        if found is None and compiled.only_placed and ask is not None:
            raise NotFound(
                f"nothing of {compiled.route.name!r} is live: releases of it answer in"
                f" {', '.join(sorted(compiled.placed))} only",
                where="x-trimtab-environment",
                fix="name one of these environments, or promote a release for every call",
            )
        return found

    def candidates(
        self,
        compiled: CompiledRoute,
        arm: Arm,
        *,
        session: str | None = None,
        previous: str | None = None,
        last_resort: bool = True,
    ) -> Iterator[Target]:
        """One pass over a route's targets, each at most once, as they are when asked for.

        Args:
            session: on a sticky route, whose targets keep their order for it.
            previous: id of the response that the request continues. Only its provider has it, so
                only that provider is asked, its target first and even if its breaker is open.
            last_resort: whether to yield one that should not be asked when nothing else is left.
        """
        pools = (arm.pool, *compiled.fallbacks) if compiled.fallbacks else (arm.pool,)
        owner = self._owner(pools, previous) if previous is not None else None
        seen: set[str] = set()
        if owner is not None:
            seen.add(owner.id)
            yield owner
        for pool in pools:
            order = self._ordered(pool, session if compiled.route.sticky else None)
            for target in order:
                if target.id in seen or (owner and target.card.provider != owner.card.provider):
                    continue
                seen.add(target.id)
                yield target
        if last_resort and not seen:
            targets = chain.from_iterable(pool.targets for pool in pools)
            yield min(targets, key=lambda target: self._health.of(target.id).troubled_ns)

    def shadows(self, compiled: CompiledRoute) -> list[Target]:
        """Who gets a copy of one request."""
        return [target for target, share in compiled.shadows if self._random.random() < share]

    def answered(self, response: str, target: Target) -> None:
        """Remember who gave a response that may be continued; the oldest are forgotten."""
        self._responses[response] = target.id
        self._responses.move_to_end(response)
        if len(self._responses) > _MOST_RESPONSES:
            self._responses.popitem(last=False)

    def _owner(self, pools: Sequence[Pool], previous: str) -> Target | None:
        owner = self._responses.get(previous)
        for target in chain.from_iterable(pool.targets for pool in pools):
            if target.id == owner:
                return target
        return None

    def _place(self, what: str, route: Route, unit: str | None) -> float:
        if unit is None:
            return self._random.random()
        return draws.share(what, route.project, route.name, unit)

    def _ordered(self, pool: Pool, session: str | None) -> Iterator[Target]:
        """A pool's targets that should be asked, the best first."""
        if session is not None:
            for index in draws.ranked(session, pool.ids, pool.weights):
                if self._health.of(pool.ids[index]).admits(self._clock.monotonic_ns()):
                    yield pool.targets[index]
            return
        left = list(range(len(pool.ids)))
        while left:
            now_ns = self._clock.monotonic_ns()
            up = [index for index in left if self._health.of(pool.ids[index]).admits(now_ns)]
            if not up:
                return
            index = chosen(pool, up, self._chance)
            left.remove(index)
            yield pool.targets[index]


def _kept(compiled: CompiledRoute, unit: str) -> Arm:
    """The arm of a split whose shares move: whoever need not change keeps the one they have."""
    route, lows = compiled.route, (0.0, *compiled.bounds)
    weights = [high - low for low, high in zip(lows, compiled.bounds, strict=False)]
    names = [f"{place} {arm.ref}" for place, arm in enumerate(compiled.split)]
    key = "\0".join(("split", route.project, route.name, unit))
    return compiled.split[draws.ranked(key, names, weights)[0]]


def _may_have(compiled: CompiledRoute, ask: Ask | None, placed: Arm | None) -> bool:
    """Whether the canary may answer a request."""
    segment = compiled.segment
    if segment is None:
        return placed is None
    if ask is None or (placed is not None and not segment.names(ask.caller.environment)):
        return False
    return segment.has(ask)
