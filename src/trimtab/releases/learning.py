"""Learning: the shares of a split follow its scores, on every route that has a bandit.

It reads scores from the telemetry and writes shares to the metadata, from where gateways take them.
What it knows can be read again from the stores; several servers come to the same shares.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from trimtab.errors import NotFound
from trimtab.kit.looping import Looping, repeated
from trimtab.kit.threads import finished
from trimtab.ports import Clock, LearntShares, MetadataStore, TelemetryStore
from trimtab.records import Bandit, Release, Route
from trimtab.releases.bandit import ArmLearnt, Judged, Memory, learnt, moved
from trimtab.releases.calls import Scores, number_of, unit_of
from trimtab.releases.shares import in_force, parts, written

_log = logging.getLogger("trimtab.releases")
_TICK_S = 1.0
_NS_PER_S = 1_000_000_000
_ANSWERING = ("candidate", "canary", "live")

LEARNER = "trimtab:bandit"
"""The principal that changes shares."""


class LearntView(msgspec.Struct, frozen=True, kw_only=True):
    """What the bandit of a route has learnt.

    `shares` are in force, by version: those `learnt_ns` says since when, or those of the split
    where nothing was learnt yet. `arms` are by the scores since `since_ns`.
    """

    route: str
    bandit: Bandit
    shares: dict[int, float]
    learnt_ns: int | None
    since_ns: int
    looked_ns: int
    arms: tuple[ArmLearnt, ...]
    clipped: int = 0


class _Route:
    """What is known of one route."""

    def __init__(self, route: Route, bandit: Bandit, scores: Scores, since_ns: int) -> None:
        self.route = route
        self.bandit = bandit
        self.scores = scores
        self.since_ns = since_ns
        self.memory = Memory(bandit)
        self.due_ns = 0
        self.stored: LearntShares | None = None
        self.looking = asyncio.Lock()


class Shelves(NamedTuple):
    """Where scores are read and shares are kept.

    Attributes:
        routes: the routes that are in use.
        arrived: awaited before a look, until what was recorded can be read.
        changed: awaited after shares were stored, so that gateways take them.
    """

    telemetry: TelemetryStore
    metadata: MetadataStore
    routes: Callable[[], Iterable[Route]]
    arrived: Callable[[], Awaitable[None]]
    changed: Callable[[], Awaitable[None]]


class Learning(Looping):
    """Follows the scores of every split with a bandit."""

    def __init__(self, shelves: Shelves, clock: Clock) -> None:
        super().__init__("trimtab-bandit")
        self._from = shelves
        self._clock = clock
        self._known: dict[tuple[str, str], _Route] = {}
        self.changes = 0

    def gauges(self) -> Mapping[str, float]:
        """How many splits are followed, and how often their shares changed since the start."""
        return {"bandits_followed": len(self._known), "bandit_changes": self.changes}

    async def view(self, route: Route) -> LearntView:
        """What is known of a route now; it changes no shares.

        Raises:
            NotFound: it has no bandit.
            StoreError: the scores cannot be read.
        """
        if route.bandit is None or not route.split:
            raise NotFound(
                f"the route {route.name!r} has no bandit",
                fix="give it a `split` of two releases or more, and a `bandit` with a score",
            )
        known = await self._of(route, route.bandit)
        await self._from.arrived()
        async with known.looking:
            await finished(lambda: self._read(known))
            arms = await finished(lambda: self._arms(known))
        stored = known.stored
        return LearntView(
            route=route.name,
            bandit=route.bandit,
            shares=in_force(route, stored),
            learnt_ns=stored.time_ns if stored is not None else None,
            since_ns=known.since_ns,
            looked_ns=self._clock.now_ns(),
            arms=arms,
            clipped=known.memory.clipped,
        )

    async def reset(self, route: Route, *, by: str) -> None:
        """Forget what was learnt, and every score that was made until now.

        Raises NotFound as `view`, and StoreError.
        """
        await self.view(route)
        await finished(lambda: self._reset(route, by))
        self._known.pop((route.project, route.name), None)
        await self._from.changed()

    # -- the loop ------------------------------------------------------------------------------

    async def _loop(self) -> None:
        await repeated(self._pass, every_s=_TICK_S, log=_log, failing="bandits cannot be followed")

    async def _pass(self) -> None:
        routes = [one for one in self._from.routes() if one.bandit is not None and one.split]
        names = {(one.project, one.name) for one in routes}
        self._known = {key: known for key, known in self._known.items() if key in names}
        for route in routes:
            if route.bandit is None:
                continue
            known = await self._of(route, route.bandit)
            now_ns = self._clock.monotonic_ns()
            if known.due_ns <= now_ns:
                known.due_ns = now_ns + int(known.bandit.every_s * _NS_PER_S)
                await self._from.arrived()
                await self._look(known)

    async def _of(self, route: Route, bandit: Bandit) -> _Route:
        """What is known of a route, from the stores where it is new or was told to forget."""
        key = route.project, route.name
        known = self._known.get(key)
        stored = await finished(lambda: self._stored(route))
        forgotten = known is not None and known.stored is not None and stored is None
        if known is None or known.bandit != bandit or forgotten:
            known = await finished(lambda: self._begun(route, bandit))
            self._known[key] = known
        known.route, known.stored = route, stored
        return known

    async def _look(self, known: _Route) -> None:
        async with known.looking:
            await finished(lambda: self._read(known))
            shares = {
                arm.version: round(arm.share, 4)
                for arm in await finished(lambda: self._arms(known))
            }
            if len(shares) < 2 or not await finished(lambda: self._store(known, shares)):
                return
        self.changes += 1
        said = ", ".join(f"{known.route.name}@{v} {share:.0%}" for v, share in shares.items())
        _log.info("the shares of %s are now %s", known.route.name, said)
        await self._from.changed()

    # -- blocking --------------------------------------------------------------------------------

    def _begun(self, route: Route, bandit: Bandit) -> _Route:
        """A route of which nothing was read yet."""
        entries = self._from.metadata.audit(
            route.project, limit=1, object=route.name, action="shares.delete"
        )
        reset_ns = entries[0].time_ns + 1 if entries else 0
        window_ns = int(bandit.window_s * _NS_PER_S)
        since_ns = max(reset_ns, self._clock.now_ns() - window_ns)
        scores = Scores(
            self._from.telemetry,
            route.project,
            route.name,
            bandit.score,
            since_ns=since_ns,
            after_ns=since_ns,
        )
        return _Route(route, bandit, scores, since_ns)

    def _read(self, known: _Route) -> None:
        route = known.route
        versions = {one.release_id: one.version for one in self._releases(route)}
        while (page := known.scores.read()) is not None:
            known.memory.add(
                Judged(versions[score.release], unit, score.time_ns, number)
                for score in page
                if score.release in versions and (number := number_of(score)) is not None
                for unit in [unit_of(score.session, score.user, score.trace_id)]
            )
        window_ns = int(known.bandit.window_s * _NS_PER_S)
        oldest_ns = self._clock.now_ns() - window_ns
        known.memory.forget(oldest_ns)
        known.since_ns = max(known.since_ns, oldest_ns)

    def _arms(self, known: _Route) -> tuple[ArmLearnt, ...]:
        """What is known of the releases that can have a share."""
        answering = {one.version for one in self._releases(known.route) if one.state in _ANSWERING}
        weights = {
            version: weight
            for version, weight in written(known.route).items()
            if version in answering and weight > 0
        }
        if not weights:
            return ()
        counts = {version: known.memory.counts(version) for version in weights}
        return learnt(known.bandit, weights, counts)

    def _releases(self, route: Route) -> Sequence[Release]:
        return self._from.metadata.releases.list(route.project, route.name)

    def _stored(self, route: Route) -> LearntShares | None:
        key = route.project, route.name
        stored = self._from.metadata.shares.all()
        return next((one for one in stored if (one.project, one.route) == key), None)

    def _store(self, known: _Route, shares: Mapping[int, float]) -> bool:
        """Store shares that moved, unless another server has done so a moment ago."""
        route, now_ns = known.route, self._clock.now_ns()
        stored = self._stored(route)
        if stored is None and known.stored is not None:
            return False  # somebody has just had it forgotten
        recent_ns = int(known.bandit.every_s * _NS_PER_S / 2)
        if stored is not None and now_ns - stored.time_ns < recent_ns:
            return False
        before = stored.shares if stored is not None else parts(route, shares)
        if not moved(shares, before):
            return False
        new = LearntShares(route.project, route.name, dict(shares), now_ns)
        self._from.metadata.shares.put(new, by=LEARNER)
        known.stored = new
        return True

    def _reset(self, route: Route, by: str) -> None:
        """The audit says since when scores count, so there must be something to delete."""
        shares = self._from.metadata.shares
        if self._stored(route) is None:
            now_ns = self._clock.now_ns()
            shares.put(LearntShares(route.project, route.name, written(route), now_ns), by=by)
        shares.delete(route.project, route.name, by=by)
