"""Following: canaries are looked at while they answer, and taken back when one is proved worse.

It reads the telemetry and moves releases through the lifecycle, never past it. All of it can be
read again from the stores, so a restart forgets nothing; of several servers that see the same, one
takes the canary back and the others find it done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from trimtab.errors import Conflict, NotFound, TrimtabError
from trimtab.kit.looping import Looping, repeated
from trimtab.kit.threads import finished
from trimtab.ports import Clock, ReleaseStore, TelemetryStore
from trimtab.records import Release, Route, Watch
from trimtab.releases.beside import Beside, Pair, pair_of
from trimtab.releases.lifecycle import Lifecycle
from trimtab.releases.moves import WATCHER
from trimtab.releases.watch_report import Sighting, WatchReport, reason

_log = logging.getLogger("trimtab.releases")
_TICK_S = 0.5
_NS_PER_S = 1_000_000_000
_FIND_NS = 10 * _NS_PER_S

_Key = tuple[str, int, frozenset[str | None], frozenset[str], bool]


class _Watched:
    """One canary under watch, and when it was seen last."""

    def __init__(self, release: Release, beside: Beside, seen_ns: int) -> None:
        self.release = release
        self.beside = beside
        self.seen_ns = seen_ns
        self.due_ns = seen_ns
        self.looking = asyncio.Lock()


class Sources(NamedTuple):
    """Where calls are read and releases are moved.

    Attributes:
        routes: the settings of a route by project and name, None where it has none.
        arrived: awaited before a look, until what was recorded can be read.
        moved: awaited after a canary was taken back, so that it answers nobody any more.
    """

    telemetry: TelemetryStore
    releases: ReleaseStore
    lifecycle: Lifecycle
    routes: Callable[[str, str], Route | None]
    arrived: Callable[[], Awaitable[None]]
    moved: Callable[[], Awaitable[None]]


class Following(Looping):
    """Looks at every canary that has a watch.

    Args:
        blind_s: for how many seconds a canary may go unseen before it is taken back; None leaves
            it.
    """

    def __init__(
        self, sources: Sources, clock: Clock, *, blind_s: Callable[[], float | None]
    ) -> None:
        super().__init__("trimtab-watch")
        self._from = sources
        self._clock = clock
        self._blind_s = blind_s
        self._known: dict[_Key, _Watched] = {}
        self._revision: int | None = None
        self._find_again_ns = 0
        self.taken_back = 0

    def gauges(self) -> Mapping[str, float]:
        """How many canaries are watched, for how long the one longest unseen was not, in seconds
        beyond what its watch allows, and how many were taken back since the start."""
        now_ns = self._clock.monotonic_ns()
        return {
            "canaries_watched": len(self._known),
            "canary_blind_seconds": max(
                (self._blind_ns(one, now_ns) / _NS_PER_S for one in self._known.values()),
                default=0.0,
            ),
            "canaries_taken_back": self.taken_back,
        }

    async def report(self, release: Release, asked: Watch) -> WatchReport:
        """What is known of a canary now, or of the time when a release was one.

        Args:
            asked: the figures of one that nobody watches.
        Raises:
            Conflict: it never was a canary.
            StoreError: the calls cannot be read.
        """
        pair = await finished(lambda: self._pair(release))
        if pair is None:
            raise Conflict(
                f"{release.ref} never was a canary",
                fix=f"trimtab releases canary {release.ref} --share 5%",
            )
        known = self._known.get(pair.key)
        given = next(a.watch for a in reversed(release.approvals) if a.action == "canary")
        sighting: Sighting = "asked"
        await self._from.arrived()
        if known is not None:
            sighting = "watched" if await self._looked(known) else "blind"
        else:
            watch = given or asked
            known = _Watched(release, Beside(self._from.telemetry, pair, watch), 0)
            await finished(known.beside.look)
        return WatchReport(
            release=release.ref,
            beside=pair.names[1],
            state=release.state,
            share=release.share,
            since_ns=pair.since_ns,
            looked_ns=self._clock.now_ns(),
            sighting=sighting,
            watch=given,
            figures=known.beside.report(),
            taken_back=_taken_back(release, pair),
        )

    async def compared(self, pair: Pair, watch: Watch) -> Beside:
        """Two releases of a route, read from the stored calls. Raises StoreError."""
        await self._from.arrived()
        beside = Beside(self._from.telemetry, pair, watch)
        await finished(beside.look)
        return beside

    # -- the loop ------------------------------------------------------------------------------

    async def _loop(self) -> None:
        await repeated(self._pass, every_s=_TICK_S, log=_log, failing="canaries cannot be watched")

    async def _pass(self) -> None:
        """Look at every canary whose time has come."""
        try:
            await self._find()
        except TrimtabError as error:
            # Those that are known can be seen all the same.
            _log.warning("it cannot be read which releases are canaries: %s", error)
        now_ns = self._clock.monotonic_ns()
        due = [one for one in self._known.values() if one.due_ns <= now_ns]
        if due:
            await self._from.arrived()
        for one in due:
            one.due_ns = now_ns + int(one.beside.watch.every_s * _NS_PER_S)
            await self._look(one)

    async def _find(self) -> None:
        """Bring what is watched in step with the releases, and now and then with the routes."""
        now_ns = self._clock.monotonic_ns()
        revision = await finished(self._from.releases.revision)
        if revision == self._revision and now_ns < self._find_again_ns:
            return
        releases = await finished(self._from.releases.list)
        found: dict[_Key, _Watched] = {}
        for canary in releases:
            if canary.state != "canary" or canary.watch is None:
                continue
            pair = pair_of(canary, _of_route(releases, canary), self._route(canary))
            if pair is not None:
                found[pair.key] = self._known.get(pair.key) or self._begun(canary, pair, now_ns)
        self._known, self._revision = found, revision
        self._find_again_ns = now_ns + _FIND_NS

    def _begun(self, canary: Release, pair: Pair, now_ns: int) -> _Watched:
        _log.info("%s is watched beside %s", *pair.names)
        beside = Beside(self._from.telemetry, pair, canary.watch or Watch(figures=()))
        return _Watched(canary, beside, now_ns)

    async def _look(self, one: _Watched) -> None:
        if await self._looked(one):
            return
        blind_ns, most_s = self._clock.monotonic_ns() - one.seen_ns, self._blind_s()
        if most_s is not None and blind_ns > most_s * _NS_PER_S:
            for_s = blind_ns / _NS_PER_S
            why = f"nobody could watch it for {for_s:,.0f} seconds: its calls cannot be read"
            await self._take_back(one, why)

    async def _looked(self, one: _Watched) -> bool:
        """Whether a canary could be seen; taken back if that proves it worse."""
        async with one.looking:
            try:
                worse = await finished(one.beside.look)
            except TrimtabError as error:
                _log.warning("%s cannot be watched at present: %s", one.release.ref, error)
                return False
            one.seen_ns = self._clock.monotonic_ns()
        if worse is not None and one.beside.pair.key in self._known:
            await self._take_back(one, reason(worse))
        return True

    async def _take_back(self, one: _Watched, why: str) -> None:
        """End a canary, if it is still the one that was watched; another server may be first."""
        release, pair = one.release, one.beside.pair
        try:
            if await finished(lambda: self._ended(release, pair, why)):
                self.taken_back += 1
                _log.warning("%s is no canary any more: %s", release.ref, why)
            self._known.pop(pair.key, None)
        except (Conflict, NotFound) as error:
            self._known.pop(pair.key, None)
            _log.info("%s was no canary any more: %s", release.ref, error)
        except TrimtabError as error:
            _log.warning("%s cannot be taken back yet: %s", release.ref, error)
            return
        await self._from.moved()

    def _ended(self, release: Release, pair: Pair, why: str) -> bool:
        now = self._from.releases.get(release.project, release.release_id)
        at_present = self._pair(now)
        if now.state != "canary" or at_present is None or at_present.since_ns != pair.since_ns:
            return False
        self._from.lifecycle.end_canary(
            release.project, release.release_id, principal=WATCHER, reason=why
        )
        return True

    def _pair(self, release: Release) -> Pair | None:
        releases = self._from.releases.list(release.project, release.route)
        return pair_of(release, releases, self._route(release))

    def _route(self, release: Release) -> Route | None:
        return self._from.routes(release.project, release.route)

    def _blind_ns(self, one: _Watched, now_ns: int) -> int:
        allowed = int((one.beside.watch.every_s + 2 * _TICK_S) * _NS_PER_S)
        return max(0, now_ns - one.seen_ns - allowed)


def _of_route(releases: Sequence[Release], release: Release) -> list[Release]:
    key = (release.project, release.route)
    return [one for one in releases if (one.project, one.route) == key]


def _taken_back(release: Release, pair: Pair) -> str | None:
    ended = [
        one.reason
        for one in release.approvals
        if one.action == "end_canary" and one.principal == WATCHER and one.time_ns > pair.since_ns
    ]
    return ended[0] if ended else None
