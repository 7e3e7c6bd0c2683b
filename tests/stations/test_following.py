"""Canaries are followed over the stores: what counts, who takes them back, and when nobody sees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.stations.town import PROJECT, Town
from tests.tables import metadata_in, telemetry_in
from tests.waiting import eventually

from trimtab.errors import StoreError
from trimtab.kit import ids
from trimtab.ports import TelemetryStore
from trimtab.records import Release, Route, Score, Segment, Span, Target, Usage, Watch, Watched
from trimtab.records.route import Shadow
from trimtab.records.span import GATEWAY, PLAYGROUND
from trimtab.releases.beside import Beside, pair_of
from trimtab.releases.following import Following, Sources
from trimtab.releases.moves import WATCHER
from trimtab.releases.watch_report import FigureReport, WatchReport

ERRORS = Watch(figures=(Watched(figure="error"),), every_s=1)
MS = 1_000_000


class Place:
    """A route with a live release and a canary, and the calls of both."""

    def __init__(self, town: Town, telemetry: TelemetryStore) -> None:
        self.town = town
        self.telemetry = telemetry
        self.route: Route | None = None
        self.live = town.create(parameters={"seed": 1})
        self.canary = town.create(parameters={"seed": 2})
        self._names = count()
        town.promote(self.live)
        self.at_ns = town.clock.now_ns()

    def pass_time(self) -> None:
        """Wait until the calls that were made up lie behind."""
        while self.town.clock.now_ns() <= self.at_ns + MS:
            time.sleep(0.001)

    def begin(self, watch: Watch | None = ERRORS, **terms: Any) -> Release:
        self.pass_time()
        self.canary = self.town.life.canary(
            PROJECT, self.canary.ref, share=0.2, watch=watch, principal="ann", **terms
        )
        self.at_ns = self.town.clock.now_ns() + 1
        return self.canary

    def calls(self, number: int, release: Release | None, **changes: Any) -> list[Span]:
        """Calls as the gateway records them, each of its own session."""
        found = [self.call(release, **changes) for _ in range(number)]
        self.telemetry.append([span for spans in found for span in spans]).result()
        return [spans[0] for spans in found]

    def call(self, release: Release | None, **changes: Any) -> list[Span]:
        self.at_ns += MS
        shared: dict[str, Any] = {
            "trace_id": ids.trace_id(),
            "project": PROJECT,
            "start_ns": self.at_ns,
            "end_ns": self.at_ns + MS,
            "status": "ok",
            "route": self.canary.route,
            "release": release.release_id if release is not None else None,
            "service": GATEWAY,
            "session": f"s{next(self._names)}",
        }
        top = {"name": "docs", "kind": "chain", "span_id": ids.span_id(), **shared}
        model = {"name": "m", "kind": "llm", "cost_usd": Decimal("0.01"), **shared}
        model |= {"usage": Usage(input=1), "span_id": ids.span_id(), "parent_id": top["span_id"]}
        of_model = {"cost_usd", "attributes", "usage"}
        top |= {name: value for name, value in changes.items() if name not in of_model}
        model |= {name: value for name, value in changes.items() if name != "kind"}
        return [Span(**top), Span(**model)]

    def failing(self, number: int, release: Release | None, **changes: Any) -> None:
        self.calls(number, release, status="error", **changes)

    def beside(self, watch: Watch = ERRORS) -> tuple[Beside, FigureReport]:
        """What the stored calls say."""
        store = self.town.metadata.releases
        canary = store.get(PROJECT, self.canary.release_id)
        pair = pair_of(canary, store.list(PROJECT, canary.route), self.route)
        assert pair is not None
        found = Beside(self.telemetry, pair, watch)
        found.look()
        return found, found.report()[0]

    def following(self, telemetry: TelemetryStore | None = None, **settings: Any) -> Following:
        async def at_once() -> None:
            pass

        sources = Sources(
            telemetry=telemetry or self.telemetry,
            releases=self.town.metadata.releases,
            lifecycle=self.town.life,
            routes=lambda project, name: self.route,
            arrived=at_once,
            moved=at_once,
        )
        blind_s = settings.get("blind_s")
        return Following(sources, self.town.clock, blind_s=lambda: blind_s)

    def now(self) -> Release:
        return self.town.metadata.releases.get(PROJECT, self.canary.release_id)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with (
        closing(metadata_in(tmp_path)) as metadata,
        closing(telemetry_in(tmp_path)) as telemetry,
    ):
        yield Place(Town(metadata), telemetry)


def sizes(found: FigureReport) -> tuple[int, int]:
    return found.canary.sessions, found.main.sessions


def followed(*followings: Following, over: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        for one in followings:
            one.start()
        try:
            await over()
        finally:
            for one in followings:
                await one.stop()

    asyncio.run(run())


class TestWhatCounts:
    def test_calls_of_both_since_the_canary_began(self, place: Place) -> None:
        place.failing(50, place.live)
        place.begin()
        place.calls(30, place.canary)
        place.calls(40, place.live)
        _, found = place.beside()
        assert sizes(found) == (30, 40)
        assert (found.canary.mean, found.main.mean) == (0.0, 0.0)

    def test_calls_of_runs_of_other_releases_and_of_other_applications_do_not(
        self, place: Place
    ) -> None:
        other = place.town.create(parameters={"seed": 3})
        place.begin()
        place.failing(3, place.canary, run="run-1")
        place.failing(3, other)
        place.failing(3, place.live, service="their.app")
        place.failing(3, place.live, route="elsewhere")
        place.failing(3, None)
        _, found = place.beside()
        assert sizes(found) == (0, 0)

    def test_a_call_that_is_a_step_of_something_larger_counts(self, place: Place) -> None:
        place.begin()
        [top, model] = place.call(place.canary)
        place.telemetry.append([replace(top, parent_id=ids.span_id()), model]).result()
        _, found = place.beside()
        assert sizes(found) == (1, 0)

    def test_another_share_begins_it_anew(self, place: Place) -> None:
        place.begin()
        place.failing(30, place.canary)
        place.begin()
        place.calls(2, place.canary)
        _, found = place.beside()
        assert (found.canary.sessions, found.canary.mean) == (2, 0.0)

    def test_another_release_that_goes_live_begins_it_anew(self, place: Place) -> None:
        place.begin()
        place.calls(5, place.canary)
        place.calls(5, place.live)
        third = place.town.create(parameters={"seed": 3})
        place.pass_time()
        place.town.promote(third, force=True, reason="needed")
        place.at_ns = place.town.clock.now_ns()
        place.calls(3, place.canary)
        place.calls(4, third)
        _, found = place.beside()
        assert sizes(found) == (3, 4)
        assert found.main.name == third.ref

    def test_beside_the_targets_of_a_route_copies_for_shadows_do_not_count(
        self, place: Place
    ) -> None:
        place.route = Route(name="docs", project=PROJECT, shadows=(Shadow(model="far/m"),))
        releases = [replace(one, state="retired") for one in place.town.metadata.releases.list()]
        canary = replace(place.begin(), state="canary")
        pair = pair_of(canary, [canary, *releases[:-1]], place.route)
        assert pair is not None
        assert pair.beside == frozenset([None])
        assert pair.has_copies
        place.calls(4, None)
        place.failing(3, None, attributes={"trimtab.shadow": True})
        found = Beside(place.telemetry, pair, ERRORS)
        found.look()
        assert sizes(found.report()[0]) == (0, 4)

    def test_what_somebody_tries_out_does_not_count(self, place: Place) -> None:
        place.begin()
        place.calls(4, place.canary)
        place.failing(3, place.canary, attributes={PLAYGROUND: "a-stream"})
        place.calls(5, place.live)
        _, found = place.beside()
        assert sizes(found) == (4, 5)
        assert found.canary.mean == 0.0

    def test_of_a_segment_only_calls_count_that_the_canary_could_have_answered(
        self, place: Place
    ) -> None:
        place.begin(segment=Segment(teams=("search",)))
        place.failing(20, place.live)
        place.calls(7, place.live, attributes={"trimtab.beside": place.canary.ref})
        place.calls(5, place.live, attributes={"trimtab.beside": "docs@9"})
        place.calls(6, place.canary)
        _, found = place.beside()
        assert sizes(found) == (6, 7)
        assert found.main.mean == 0.0

    def test_calls_of_an_environment_where_another_release_answers_do_not(
        self, place: Place
    ) -> None:
        third = place.town.create(parameters={"seed": 3})
        place.town.promote(third, force=True, reason="try", environment="staging")
        place.begin()
        place.calls(3, place.live, environment="production")
        place.calls(3, place.live, environment="staging")
        _, found = place.beside()
        assert sizes(found) == (0, 3)


class TestFigures:
    def test_a_call_without_a_price_is_not_one_that_costs_nothing(self, place: Place) -> None:
        watch = Watch(figures=(Watched(figure="cost", limit=1.0),))
        place.begin(watch)
        place.calls(4, place.canary)
        place.calls(3, place.canary, cost_usd=None)
        _, found = place.beside(watch)
        assert (found.canary.sessions, found.left_out) == (4, 3)
        assert found.canary.mean == pytest.approx(0.01)

    def test_a_call_that_a_guard_blocked_is_no_error(self, place: Place) -> None:
        watch = Watch(figures=(Watched(figure="error"), Watched(figure="blocked")))
        place.begin(watch)
        place.failing(2, place.canary)
        for blocked in ({"trimtab.blocked": "pii"}, {}):
            [top, model] = place.call(place.canary, status="error", attributes=blocked)
            guard = replace(model, span_id=ids.span_id(), kind="guard", attributes={})
            place.telemetry.append([top, model, guard]).result()
        both, errors = place.beside(watch)
        assert errors.canary.mean == pytest.approx(3 / 4)
        assert both.report()[1].canary.mean == pytest.approx(1 / 4)

    def test_slow_is_what_took_longer_than_the_limit(self, place: Place) -> None:
        watch = Watch(figures=(Watched(figure="slow", limit=1.5),))
        place.begin(watch)
        place.calls(3, place.canary)
        [top, model] = place.call(place.canary)
        place.telemetry.append([replace(top, end_ns=top.start_ns + 2 * MS), model]).result()
        _, found = place.beside(watch)
        assert found.canary.mean == pytest.approx(1 / 4)

    def test_scores_count_by_the_release_that_answered(self, place: Place) -> None:
        watch = Watch(figures=(Watched(figure="score", score="helpful"),))
        place.begin(watch)
        spans = [*place.calls(3, place.canary), *place.calls(2, place.live)]
        scores = [
            Score(
                score_id=f"{n}",
                project=PROJECT,
                target=Target(kind="span", id=span.span_id, trace_id=span.trace_id),
                name="helpful",
                passed=n != 0,
                time_ns=place.at_ns,
            )
            for n, span in enumerate(spans)
        ]
        place.telemetry.append(scores=scores).result()
        found, helpful = place.beside(watch)
        assert sizes(helpful) == (3, 2)
        assert helpful.canary.mean == pytest.approx(2 / 3)
        later = replace(scores[0], score_id="later", time_ns=place.at_ns + 1)
        place.telemetry.append(scores=[later]).result()
        found.look()
        assert found.report()[0].canary.calls == 4


class Counting:
    """A real store that counts the rows it gives."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.rows = 0
        self.away = False

    def route_spans(self, *args: Any, **kwargs: Any) -> Any:
        if self.away:
            raise StoreError("the store is away")
        found = self._real.route_spans(*args, **kwargs)
        self.rows += len(found)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class TestFollowing:
    def test_several_servers_take_it_back_once_and_none_complains(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        place.begin()
        place.failing(80, place.canary)
        place.calls(80, place.live)
        servers = [place.following() for _ in range(3)]

        async def over() -> None:
            await eventually(lambda: place.now().state == "candidate")
            await eventually(lambda: all(not one.gauges()["canaries_watched"] for one in servers))

        followed(*servers, over=over)
        ended = [one for one in place.now().approvals if one.action == "end_canary"]
        assert [one.principal for one in ended] == [WATCHER]
        assert "the error rate of docs@2 is proved worse" in (ended[0].reason or "")
        assert sum(one.taken_back for one in servers) == 1
        assert [one.levelname for one in caplog.records if one.levelname == "ERROR"] == []
        audit = place.town.metadata.audit(PROJECT, action="release.end_canary")
        assert [(one.object, one.principal) for one in audit] == [("docs@2", WATCHER)]

    def test_what_was_seen_before_a_restart_counts(self, place: Place) -> None:
        place.begin()
        place.failing(1, place.canary)
        place.calls(9, place.canary)
        place.calls(90, place.live)
        before = place.following()

        async def looked() -> None:
            await eventually(lambda: before.gauges()["canaries_watched"] == 1)
            await asyncio.sleep(0.7)

        followed(before, over=looked)
        assert place.now().state == "canary"
        place.failing(60, place.canary)

        async def ended() -> None:
            await eventually(lambda: place.now().state == "candidate")

        followed(place.following(), over=ended)
        assert "70 against 90 sessions" in (place.now().approvals[-1].reason or "")

    def test_a_look_costs_what_is_new(self, place: Place) -> None:
        place.begin()
        store = Counting(place.telemetry)
        pair = pair_of(place.canary, place.town.metadata.releases.list(PROJECT), None)
        assert pair is not None
        beside = Beside(store, pair, ERRORS)
        for number in (500, 3, 0):
            store.rows = 0
            place.calls(number, place.canary)
            beside.look()
            assert store.rows == 2 * number

    def test_one_that_nobody_can_see_for_too_long_is_taken_back(self, place: Place) -> None:
        place.begin()
        store = Counting(place.telemetry)
        store.away = True
        following = place.following(store, blind_s=2.5)

        async def over() -> None:
            await eventually(lambda: following.gauges()["canary_blind_seconds"] > 0)
            assert place.now().state == "canary"
            await eventually(lambda: place.now().state == "candidate")

        followed(following, over=over)
        assert "nobody could watch it for" in (place.now().approvals[-1].reason or "")

    def test_one_that_may_go_unseen_stays_and_is_seen_again(self, place: Place) -> None:
        place.begin()
        store = Counting(place.telemetry)
        store.away = True
        following = place.following(store)

        async def over() -> None:
            await eventually(lambda: following.gauges()["canary_blind_seconds"] > 0.1)
            report = await following.report(place.now(), ERRORS)
            assert report.sighting == "blind"
            store.away = False
            report = await following.report(place.now(), ERRORS)
            assert report.sighting == "watched"

        followed(following, over=over)
        assert place.now().state == "canary"

    def test_a_canary_without_a_watch_is_left_alone_and_can_be_looked_at(
        self, place: Place
    ) -> None:
        place.begin(None)
        place.failing(80, place.canary)
        place.calls(80, place.live)
        following = place.following()
        found: list[WatchReport] = []

        async def over() -> None:
            await asyncio.sleep(1.2)
            found.append(await following.report(place.now(), ERRORS))

        followed(following, over=over)
        assert place.now().state == "canary"
        assert found[0].sighting == "asked"
        assert found[0].figures[0].standing == "worse"

    def test_of_one_that_ended_the_time_is_reported_when_it_was_one(self, place: Place) -> None:
        place.begin()
        place.failing(5, place.canary)
        place.calls(5, place.live)
        place.pass_time()
        place.town.life.end_canary(PROJECT, place.canary.ref, principal="ann")
        place.at_ns = place.town.clock.now_ns()
        place.failing(50, place.live)
        _, found = place.beside()
        assert sizes(found) == (5, 5)
