"""Beside: two ways in which a route answers, read as their calls arrive and compared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from trimtab.ports import RouteScore, TelemetryStore
from trimtab.records import Release, Route, Segment, Watch
from trimtab.records.span import PLAYGROUND
from trimtab.releases.calls import Call, Calls, Scores, number_of, unit_of
from trimtab.releases.watch_report import FigureReport, reported
from trimtab.releases.watching import Arm, Figure, Sight, figures_of

_MOST_INSIDE = 500_000


class Pair(NamedTuple):
    """What is compared: a release, and what it runs beside.

    `beside` are ids of releases, None for the route's own targets; `has_copies` says that calls
    without a release may be copies for other models, which nobody was answered with. Calls that
    began before `since_ns`, or ended after `until_ns`, are none of it, nor are those of the
    environments `without`. With a `segment` only what the gateway marked as of it counts.
    """

    project: str
    route: str
    release: str
    beside: frozenset[str | None]
    names: tuple[str, str]
    since_ns: int
    until_ns: int | None = None
    segment: Segment | None = None
    without: frozenset[str] = frozenset()
    has_copies: bool = False

    @property
    def key(self) -> tuple[str, int, frozenset[str | None], frozenset[str], bool]:
        """What makes it another comparison when it changes."""
        return self.release, self.since_ns, self.beside, self.without, self.has_copies


class Beside:
    """The figures of a pair. A look costs what is new since the last one.

    Args:
        watch: which figures, and how certain they must be.
    """

    def __init__(self, telemetry: TelemetryStore, pair: Pair, watch: Watch) -> None:
        self.pair = pair
        self.watch = watch
        self._figures = figures_of(watch, pair.since_ns)
        self._left_out = [0] * len(self._figures)
        self._calls = Calls(telemetry, pair.project, pair.route, pair.since_ns)
        self._scores = {
            index: Scores(
                telemetry,
                pair.project,
                pair.route,
                one.score or "",
                since_ns=pair.since_ns,
                after_ns=pair.since_ns,
            )
            for index, one in enumerate(watch.figures)
            if one.figure == "score"
        }
        self._is_partial = bool(pair.segment or pair.without or pair.has_copies)
        self._inside: OrderedDict[str, None] = OrderedDict()  # traces of calls that count
        self._blocked: set[str] = set()

    def look(self) -> FigureReport | None:
        """Read what is new; the figure that is proved worse, once one is. Raises StoreError."""
        while (calls := self._calls.read()) is not None:
            self._see_calls(calls)
            self._proved()
        for index, scores in self._scores.items():
            while (page := scores.read()) is not None:
                sights = [sight for score in page for sight in self._judged(index, score)]
                self._figures[index].see(sights)
                self._proved()
        return self._proved()

    def report(self) -> tuple[FigureReport, ...]:
        """How every figure stands by what was read."""
        return tuple(map(self._reported, range(len(self._figures))))

    def _proved(self) -> FigureReport | None:
        for index, figure in enumerate(self._figures):
            if figure.look() is not None:
                return self._reported(index)
        return None

    def _reported(self, index: int) -> FigureReport:
        release, beside = self.pair.names
        return reported(self._figures[index], release, beside, left_out=self._left_out[index])

    def _see_calls(self, calls: Sequence[Call]) -> None:
        arms = self._arms_of(calls)
        self._blocked = set()
        if any(one.figure in ("error", "blocked") for one in self.watch.figures):
            guarded = [call for call, _ in arms if call.guarded]
            self._blocked = self._calls.marked(guarded, "trimtab.blocked")
        for index, figure in enumerate(self._figures):
            if index not in self._scores:
                figure.see(self._sights(index, figure, arms))

    def _sights(self, index: int, figure: Figure, arms: Sequence[tuple[Call, Arm]]) -> list[Sight]:
        found = []
        for call, arm in arms:
            value = self._value(figure, call)
            if value is None:
                self._left_out[index] += 1
            else:
                found.append(Sight(arm, call.unit, call.end_ns, value))
        return found

    def _value(self, figure: Figure, call: Call) -> float | None:
        watched = figure.watched
        match watched.figure:
            case "error":
                return float(call.failed and call.span_id not in self._blocked)
            case "blocked":
                return float(call.span_id in self._blocked)
            case "slow":
                return float(call.duration_ms > (watched.limit or 0))
            case _:
                return None if call.cost is None else float(call.cost)

    def _arms_of(self, calls: Sequence[Call]) -> list[tuple[Call, Arm]]:
        """The calls that count, each with the arm that it is of."""
        pair = self.pair
        until_ns = pair.until_ns
        timely = [call for call in calls if until_ns is None or call.end_ns <= until_ns]
        found = [(call, arm) for call in timely if (arm := self._arm(call.release)) is not None]
        main = [call for call, arm in found if arm == "main"]
        if pair.segment is not None:
            of_segment = self._calls.marked(main, "trimtab.beside", pair.names[0])
            found = [one for one in found if one[1] != "main" or one[0].span_id in of_segment]
        if pair.has_copies:
            copies = self._calls.marked(main, "trimtab.shadow")
            found = [one for one in found if one[0].span_id not in copies]
        tried = self._calls.marked([call for call, _ in found], PLAYGROUND)
        found = [one for one in found if one[0].span_id not in tried]
        found = [one for one in found if one[0].environment not in pair.without]
        if self._scores and self._is_partial:
            self._inside.update(dict.fromkeys(call.trace_id for call, _ in found))
            while len(self._inside) > _MOST_INSIDE:
                self._inside.popitem(last=False)
        return found

    def _arm(self, release: str | None) -> Arm | None:
        if release == self.pair.release:
            return "canary"
        return "main" if release in self.pair.beside else None

    def _judged(self, index: int, score: RouteScore) -> Sequence[Sight]:
        arm, number = self._arm(score.release), number_of(score)
        until_ns = self.pair.until_ns
        if arm is None or (self._is_partial and score.trace_id not in self._inside):
            return ()
        if until_ns is not None and score.start_ns > until_ns:
            return ()
        if number is None:
            self._left_out[index] += 1
            return ()
        unit = unit_of(score.session, score.user, score.trace_id)
        return (Sight(arm, unit, score.time_ns, number),)


def pair_of(canary: Release, releases: Sequence[Release], route: Route | None) -> Pair | None:
    """A canary, and what it runs beside since its share was last set or that last changed.

    None for a release that never was one. Of one that is none any more, the time when it was.

    Args:
        releases: those of its route.
        route: its settings; None where it has none.
    """
    begun = [one for one in canary.approvals if one.action == "canary"]
    if not begun:
        return None
    since_ns, segment = begun[-1].time_ns, begun[-1].segment
    others = [one for one in releases if one.release_id != canary.release_id]
    live = next((one for one in others if one.state == "live"), None)
    split = {share.version for share in route.split} if route is not None else set()
    named = segment.environments if segment is not None else ()
    placed = {name for one in others for name in one.live_in}
    beside = [
        one
        for one in others
        if one is live or one.version in split or set(one.live_in) & set(named)
    ]
    ids: set[str | None] = {one.release_id for one in beside}
    until_ns = None
    if canary.state == "canary":
        since_ns = max(since_ns, _moved_ns(live))
    else:
        until_ns = min((a.time_ns for a in canary.approvals if a.time_ns > since_ns), default=None)
    return Pair(
        project=canary.project,
        route=canary.route,
        release=canary.release_id,
        beside=frozenset(ids if live is not None else ids | {None}),
        names=(canary.ref, _named(canary.route, beside)),
        since_ns=since_ns,
        until_ns=until_ns,
        segment=segment,
        without=frozenset(placed - set(named)),
        has_copies=live is None and route is not None and bool(route.shadows),
    )


def _named(route: str, beside: Sequence[Release]) -> str:
    if not beside:
        return f"the targets of {route}"
    return beside[0].ref if len(beside) == 1 else f"the other releases of {route}"


def _moved_ns(live: Release | None) -> int:
    """When what is live went live."""
    if live is None:
        return 0
    moves = [one for one in live.approvals if one.environment is None]
    return max((one.time_ns for one in moves if one.action in ("promote", "roll_back")), default=0)
