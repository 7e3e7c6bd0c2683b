"""Whose calls a canary may answer, and who answers in an environment."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stations.targets import Known, deployed, route
from tests.stations.virtual import VirtualClock

from trimtab.dialects.llm import DIALECTS
from trimtab.errors import NotFound, RouteUnavailable
from trimtab.gateway.ask import Ask, Caller
from trimtab.gateway.compiling import compile_route
from trimtab.gateway.health import Health
from trimtab.gateway.routing import CompiledRoute, Router
from trimtab.gateway.segments import Matching, matching
from trimtab.gateway.standing import states
from trimtab.records import Route, Segment
from trimtab.records.route import ReleaseShare

CHAT = DIALECTS["openai.chat"]


def ask(*, body: dict[str, Any] | None = None, **caller: Any) -> Ask:
    said = {"model": "support", "messages": [{"role": "user", "content": "x"}], **(body or {})}
    who = {"principal": "app", "project": "default", **caller}
    envelope = CHAT.envelope(json.dumps(said).encode())
    return Ask(dialect=CHAT, envelope=envelope, caller=Caller(**who))


class TestMatching:
    @pytest.mark.parametrize(
        ("segment", "asked", "has"),
        [
            (Segment(users=("ada",)), ask(user="ada"), True),
            (Segment(users=("ada",)), ask(user="bob"), False),
            (Segment(users=("ada",)), ask(), False),
            (Segment(users=("ada",)), ask(body={"user": "ada"}), True),
            (Segment(users=("ada",)), ask(key_user="ada"), True),
            (Segment(users=("ada",)), ask(user="bob", key_user="ada"), False),
            (Segment(teams=("a", "b")), ask(team="b"), True),
            (Segment(teams=("a", "b")), ask(user="b"), False),
            (Segment(keys=("app",)), ask(), True),
            (Segment(keys=("key-1",)), ask(key="key-1"), True),
            (Segment(keys=("key-1",)), ask(key="key-2"), False),
            (Segment(environments=("eu",)), ask(environment="eu"), True),
            (Segment(environments=("eu",)), ask(environment="EU"), False),
            (Segment(attributes={"plan": "free"}), ask(body={"metadata": {"plan": "free"}}), True),
            (Segment(attributes={"plan": "free"}), ask(body={"metadata": {"plan": "paid"}}), False),
            (Segment(attributes={"plan": "free"}), ask(), False),
            (Segment(attributes={"plan": "free"}), ask(body={"metadata": [1]}), False),
            (Segment(attributes={"beta": "true"}), ask(body={"metadata": {"beta": True}}), True),
            (Segment(attributes={"plan": "free"}), ask(attributes={"plan": "free"}), True),
            (Segment(users=("ada",), teams=("a",)), ask(user="ada", team="a"), True),
            (Segment(users=("ada",), teams=("a",)), ask(user="ada", team="b"), False),
        ],
    )
    def test_each_of_what_is_named_must_be_one_of_its_values(
        self, segment: Segment, asked: Ask, has: bool
    ) -> None:
        assert Matching(segment).has(asked) is has

    def test_a_segment_that_names_nothing_is_none(self) -> None:
        assert matching(Segment()) is None
        assert matching(None) is None


class Room:
    def __init__(self, *releases: Any, settings: Route | None = None) -> None:
        clock = VirtualClock()
        self.router = Router(Health(clock), clock=clock, random=Random(7))
        self.compiled: CompiledRoute = compile_route(
            settings or route(), Known(deployments=releases)
        )

    def answered(self, asked: Ask, times: int = 300) -> Counter[str | None]:
        units = [f"user-{number}" for number in range(times)]
        return Counter(self.router.arm(self.compiled, unit, asked).ref for unit in units)


def release(version: int, state: str, **life: Any) -> Any:
    made = deployed("support", version, state, "p/a", share=life.pop("share", None))
    return msgspec.structs.replace(made, release=msgspec.structs.replace(made.release, **life))


class TestCanaries:
    @pytest.fixture
    def room(self) -> Room:
        segment = Segment(teams=("search",))
        return Room(release(1, "live"), release(2, "canary", share=0.5, segment=segment))

    def test_its_segment_shares_with_it_and_nobody_else_does(self, room: Room) -> None:
        inside = room.answered(ask(team="search"))
        assert set(inside) == {"support@1", "support@2"}
        assert 100 < inside["support@2"] < 200
        assert room.answered(ask(team="other")) == {"support@1": 300}
        assert {room.router.arm(room.compiled, f"u{n}").ref for n in range(50)} == {"support@1"}

    def test_the_segment_moves_nobody_between_the_arms_of_a_split(self) -> None:
        split = route(split=(ReleaseShare(version=1), ReleaseShare(version=3)))
        arms = [release(1, "live"), release(3, "candidate")]
        canary = release(2, "canary", share=0.5, segment=Segment(teams=("search",)))
        without, beside = Room(*arms, settings=split), Room(*arms, canary, settings=split)
        for number in range(200):
            unit, asked = f"user-{number}", ask(team="search")
            found = beside.router.arm(beside.compiled, unit, asked).ref
            assert found in ("support@2", without.router.arm(without.compiled, unit, asked).ref)
            outside = beside.router.arm(beside.compiled, unit, ask()).ref
            assert outside == without.router.arm(without.compiled, unit, ask()).ref

    def test_it_is_shown_with_its_segment(self, room: Room) -> None:
        (state,) = states({"support": room.compiled}, [], lambda _: None)
        assert state.canary is not None
        assert state.canary.segment == Segment(teams=("search",))


class TestEnvironments:
    def test_a_placed_release_answers_its_environment_and_what_is_live_the_rest(self) -> None:
        room = Room(release(1, "live"), release(2, "candidate", live_in=("staging",)))
        assert room.answered(ask(environment="staging")) == {"support@2": 300}
        for other in (None, "production", ""):
            assert room.answered(ask(environment=other)) == {"support@1": 300}
        (state,) = states({"support": room.compiled}, [], lambda _: None)
        assert state.release == "support@1"
        (placed,) = state.placed
        assert (placed.environment, placed.release) == ("staging", "support@2")

    @pytest.mark.parametrize(
        ("segment", "found"),
        [
            (None, {"support@2"}),
            (Segment(teams=("a",)), {"support@2"}),
            (Segment(environments=("staging",)), {"support@2", "support@3"}),
            (Segment(environments=("staging",), teams=("b",)), {"support@2"}),
        ],
    )
    def test_a_canary_reaches_such_an_environment_only_by_its_name(
        self, segment: Segment | None, found: set[str]
    ) -> None:
        room = Room(
            release(1, "live"),
            release(2, "candidate", live_in=("staging",)),
            release(3, "canary", share=0.5, segment=segment),
        )
        assert set(room.answered(ask(environment="staging", team="a"))) == found

    def test_it_answers_before_a_split(self) -> None:
        split = route(split=(ReleaseShare(version=1), ReleaseShare(version=2)))
        placed = release(2, "candidate", live_in=("eu",))
        room = Room(release(1, "live"), placed, settings=split)
        assert set(room.answered(ask(environment="eu"))) == {"support@2"}
        assert set(room.answered(ask())) == {"support@1", "support@2"}

    def test_where_nothing_is_live_other_calls_are_told_where_something_is(self) -> None:
        room = Room(release(2, "candidate", live_in=("staging", "eu")))
        assert room.answered(ask(environment="eu")) == {"support@2": 300}
        for other in (None, "production"):
            with pytest.raises(NotFound, match="answer in eu, staging only"):
                room.answered(ask(environment=other))
        (state,) = states({"support": room.compiled}, [], lambda _: None)
        assert state.release is None

    def test_a_retired_release_answers_nowhere(self) -> None:
        with pytest.raises(RouteUnavailable):
            Room(release(2, "retired", live_in=("eu",)))


@given(
    environment=st.sampled_from([None, "eu", "us"]),
    placed=st.sets(st.sampled_from(["eu", "us"])),
    unit=st.text(min_size=1, max_size=5),
)
def test_one_request_always_has_the_same_answerer(
    environment: str | None, placed: set[str], unit: str
) -> None:
    room = Room(
        release(1, "live"),
        release(2, "candidate", live_in=tuple(placed)),
        release(3, "canary", share=0.5, segment=Segment(environments=("us",))),
    )
    asked = ask(environment=environment)
    (ref,) = {room.router.arm(room.compiled, unit, asked).ref for _ in range(3)}
    if environment == "eu":
        assert ref == ("support@2" if "eu" in placed else "support@1")
    if environment is None:
        assert ref == "support@1"
