"""A request goes where the route says: by weight, speed, price or load; to whoever is up."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from tests.stations.targets import Known, compiled, deployed, route, target
from tests.stations.virtual import VirtualClock

from trimtab.errors import RouteUnavailable
from trimtab.gateway import draws
from trimtab.gateway.compiling import compile_route, direct, pinned
from trimtab.gateway.health import Health
from trimtab.gateway.routing import CompiledRoute, Router
from trimtab.records import Route
from trimtab.records.route import Breaker, ReleaseShare, Retries, RouteDefaults, Shadow, Timeouts

ONE_FAILURE = Breaker(failures=1, cooldown_s=10)
LIKELY = 1e-4  # p below this fails a test; the seeds are fixed, so it does not happen by chance


class Room:
    def __init__(self, seed: int = 7) -> None:
        self.clock = VirtualClock()
        self.health = Health(self.clock)
        self.router = Router(self.health, clock=self.clock, random=Random(seed))

    def order(self, compiled: CompiledRoute, **asked: Any) -> list[str]:
        arm = self.router.arm(compiled, None)
        return [target.id for target in self.router.candidates(compiled, arm, **asked)]

    def first(self, compiled: CompiledRoute, times: int, **asked: Any) -> Counter[str]:
        return Counter(self.order(compiled, **asked)[0] for _ in range(times))

    def down(self, *models: str) -> None:
        for model in models:
            self.health.of(model).enter().failed(ONE_FAILURE)
            self.clock.seconds += 0.001

    def answers_in(self, model: str, seconds: float) -> None:
        slot = self.health.of(model).enter()
        self.clock.seconds += seconds
        slot.began()
        slot.ended()


@pytest.fixture
def room() -> Room:
    return Room()


class TestWeights:
    def test_requests_are_shared_by_weight(self, room: Room) -> None:
        weights = {"p/a": 1.0, "p/b": 2.0, "p/c": 7.0, "p/never": 0.0}
        found = room.first(compiled(*weights.items()), 10_000)
        assert "p/never" not in found
        seen = [found[model] for model in ("p/a", "p/b", "p/c")]
        assert chisquare(seen, [1000, 2000, 7000]).pvalue > LIKELY

    def test_the_share_of_a_target_that_is_down_goes_to_the_others_by_weight(
        self, room: Room
    ) -> None:
        room.down("p/c")
        found = room.first(compiled(("p/a", 1), ("p/b", 3), ("p/c", 6)), 8000)
        assert chisquare([found["p/a"], found["p/b"]], [2000, 6000]).pvalue > LIKELY
        assert found.total() == found["p/a"] + found["p/b"]

    @given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=12), st.integers(0, 2**32))
    def test_the_alias_table_is_the_weights_it_was_made_of(
        self, weights: list[float], seed: int
    ) -> None:
        table = draws.AliasTable(weights)
        chances = [0.0] * len(weights)
        for index, (keep, alias) in enumerate(zip(table._keep, table._alias, strict=True)):
            chances[index] += keep / len(weights)
            chances[alias] += (1 - keep) / len(weights)
        assert chances == pytest.approx([weight / sum(weights) for weight in weights], abs=1e-9)
        assert 0 <= table.draw(Random(seed)) < len(weights)

    @pytest.mark.parametrize("choose", ["weighted", "latency", "cost", "least_busy"])
    def test_a_pass_has_every_target_that_is_up_exactly_once(self, room: Room, choose: Any) -> None:
        chosen = compiled("p/a", "p/b", "p/c", "p/d", choose=choose)
        assert sorted(room.order(chosen)) == ["p/a", "p/b", "p/c", "p/d"]
        room.down("p/b")
        assert sorted(room.order(chosen)) == ["p/a", "p/c", "p/d"]


class TestChoices:
    def test_of_two_targets_the_faster_is_asked(self, room: Room) -> None:
        for model, seconds in (("p/slow", 2.0), ("p/fast", 0.2)):
            room.answers_in(model, seconds)
        chosen = compiled("p/slow", "p/fast", choose="latency")
        assert room.first(chosen, 50) == {"p/fast": 50}

    def test_of_many_the_slowest_is_asked_only_when_the_others_are_busy(self, room: Room) -> None:
        speeds = {"p/a": 0.2, "p/b": 0.3, "p/c": 5.0}
        for model, seconds in speeds.items():
            room.answers_in(model, seconds)
        found = room.first(compiled(*speeds, choose="latency"), 1000)
        assert found["p/c"] == 0
        assert found["p/a"] > found["p/b"] > 0
        slots = [room.health.of("p/a").enter() for _ in range(40)]
        assert room.first(compiled("p/a", "p/c", choose="latency"), 20) == {"p/c": 20}
        assert slots

    def test_the_one_with_fewest_calls_for_its_weight_is_asked(self, room: Room) -> None:
        chosen = compiled(("p/a", 1), ("p/b", 1), ("p/big", 4), choose="least_busy")
        calls: Counter[str] = Counter()
        for _ in range(60):
            (first, *_) = room.order(chosen)
            room.health.of(first).enter()
            calls[first] += 1
        assert calls == {"p/a": 10, "p/b": 10, "p/big": 40}

    def test_the_cheapest_that_is_up_is_asked_and_one_without_a_price_last(
        self, room: Room
    ) -> None:
        prices = {"p/b": ("1", "5"), "p/a": ("3", "15"), "q/c": ("0.5", "2")}
        chosen = compiled("p/a", "p/unknown", "p/b", "q/c", choose="cost", prices=prices)
        assert room.order(chosen) == ["q/c", "p/b", "p/a", "p/unknown"]
        room.down("q/c", "p/b")
        assert room.order(chosen) == ["p/a", "p/unknown"]


class TestLastResort:
    def test_with_everything_down_the_one_that_failed_longest_ago_is_tried(
        self, room: Room
    ) -> None:
        chosen = compiled("p/a", "p/b", fallbacks=("q/c",))
        room.down("p/b", "q/c", "p/a")
        assert room.order(chosen) == ["p/b"]
        assert room.order(chosen, last_resort=False) == []

    def test_after_the_cooldown_only_one_request_probes(self, room: Room) -> None:
        chosen = compiled("p/a", "p/b", choose="cost")
        room.down("p/a")
        room.clock.seconds += 10
        assert room.order(chosen) == ["p/a", "p/b"]
        probe = room.health.of("p/a").enter()
        assert room.order(chosen) == ["p/b"]
        probe.release()
        assert room.order(chosen) == ["p/a", "p/b"]


class TestFallbacks:
    def test_they_come_after_the_targets_in_order_and_bring_their_own(self, room: Room) -> None:
        cheap = route("q/x", "q/y", name="cheap", aliases=("budget",), fallbacks=("r/last", "p/a"))
        asked = route("p/a", fallbacks=("s/one", "budget"))
        order = room.order(compile_route(asked, Known([cheap, asked])))
        assert order[:2] == ["p/a", "s/one"]
        assert sorted(order[2:4]) == ["q/x", "q/y"]
        assert order[4:] == ["r/last"]

    def test_a_fallback_route_brings_the_targets_of_its_live_release(self, room: Room) -> None:
        other = route("q/own", name="other")
        known = Known([other], [deployed("other", 3, "live", "r/released")])
        assert room.order(compile_route(route("p/a", fallbacks=("other",)), known)) == [
            "p/a",
            "r/released",
        ]


class TestReleases:
    def arms(self, room: Room, chosen: CompiledRoute, users: int = 4000) -> dict[str, str | None]:
        return {
            f"user-{number}": room.router.arm(chosen, f"user-{number}").ref
            for number in range(users)
        }

    def releases(self, canary: float | None = None, **fields: Any) -> CompiledRoute:
        known = Known(
            [],
            [
                deployed("support", 1, "retired", "p/a"),
                deployed("support", 2, "live", "p/b"),
                deployed("support", 3, "candidate", "p/c"),
                deployed("support", 4, "canary" if canary else "candidate", "p/d", share=canary),
            ],
        )
        return compile_route(route("q/own", **fields), known)

    def test_the_live_release_answers_and_the_routes_own_targets_only_without_one(
        self, room: Room
    ) -> None:
        chosen = self.releases()
        assert room.order(chosen) == ["p/b"]
        assert room.router.arm(chosen, "anyone").ref == "support@2"
        own = compile_route(route("q/own"), Known([], [deployed("support", 1, "retired", "p/a")]))
        assert room.order(own) == ["q/own"]
        assert room.router.arm(own, None).ref is None
        assert list(own.arms) == ["support@1"]

    def test_a_split_is_by_weight_and_the_same_for_a_user_in_every_process(
        self, room: Room
    ) -> None:
        split = (ReleaseShare(version=3, weight=1), ReleaseShare(version=2, weight=3))
        chosen = self.releases(split=split)
        arms = self.arms(room, chosen)
        assert arms == self.arms(Room(seed=99), chosen)
        found = Counter(arms.values())
        assert chisquare([found["support@3"], found["support@2"]], [1000, 3000]).pvalue > LIKELY

    @pytest.mark.parametrize(
        ("states", "answers"),
        [
            (("live", "candidate", "draft"), {"support@1", "support@2"}),
            (("retired", "live", "draft"), {"support@2"}),
            (("live", "retired", "draft"), {"support@1"}),
            (("retired", "candidate", "live"), {"support@2", "support@3"}),
            (("retired", "retired", "live"), {"support@3"}),
            (("draft", "draft", "draft"), {None}),
        ],
    )
    def test_a_split_leaves_the_share_of_a_release_that_is_not_in_use_to_the_live_one(
        self, room: Room, states: tuple[str, ...], answers: set[str | None]
    ) -> None:
        releases = [
            deployed("support", at, state, f"p/{at}") for at, state in enumerate(states, start=1)
        ]
        shared = route("q/own", split=(ReleaseShare(version=1), ReleaseShare(version=2)))
        arms = self.arms(room, compile_route(shared, Known([], releases)))
        assert set(arms.values()) == answers
        before = [deployed("support", at, "candidate", f"p/{at}") for at in (1, 2)]
        stayed = self.arms(room, compile_route(shared, Known([], before)))
        for user, arm in stayed.items():
            assert arms[user] == arm or arm not in answers, "only the share that is free moves"

    def test_a_user_is_not_in_the_same_place_of_every_route(self) -> None:
        places = [
            (
                draws.share("split", "default", "a", str(n)),
                draws.share("split", "default", "b", str(n)),
            )
            for n in range(2000)
        ]
        both = Counter((one < 0.5, other < 0.5) for one, other in places)
        assert chisquare(list(both.values())).pvalue > LIKELY

    def test_a_canary_gets_its_share_and_a_growing_one_keeps_its_users(self, room: Room) -> None:
        split = (ReleaseShare(version=3), ReleaseShare(version=2))
        small = self.arms(room, self.releases(canary=0.1, split=split))
        large = self.arms(room, self.releases(canary=0.3, split=split))
        found = Counter(small.values())
        assert (
            chisquare([found["support@4"], 4000 - found["support@4"]], [400, 3600]).pvalue > LIKELY
        )
        rest = [found["support@3"], found["support@2"]]
        assert chisquare(rest).pvalue > LIKELY, "the canary took more of one arm than of the other"
        for user, arm in large.items():
            if small[user] == "support@4":
                assert arm == "support@4"
            elif arm != "support@4":
                assert arm == small[user]

    def test_requests_of_nobody_are_drawn(self, room: Room) -> None:
        chosen = self.releases(canary=0.25)
        found = Counter(room.router.arm(chosen, None).ref for _ in range(4000))
        assert chisquare([found["support@4"], found["support@2"]], [1000, 3000]).pvalue > LIKELY

    def test_not_the_same_users_try_every_canary(self, room: Room) -> None:
        def tried(version: int) -> set[str]:
            releases = [
                deployed("support", 1, "live", "p/a"),
                deployed("support", version, "canary", "p/b", share=0.5),
            ]
            arms = self.arms(room, compile_route(route("q/own"), Known([], releases)))
            return {user for user, arm in arms.items() if arm == f"support@{version}"}

        both = len(tried(2) & tried(3))
        assert chisquare([both, 4000 - both], [1000, 3000]).pvalue > LIKELY

    def test_a_canary_beside_targets_of_the_route_leaves_them_the_rest(self, room: Room) -> None:
        releases = [deployed("support", 1, "canary", "p/a", share=0.25)]
        arms = self.arms(room, compile_route(route("q/own"), Known([], releases)))
        found = Counter(arms.values())
        assert set(found) == {"support@1", None}
        assert chisquare([found["support@1"], found[None]], [1000, 3000]).pvalue > LIKELY


class TestSticky:
    MODELS = ("p/a", "p/b", "p/c", "p/d")

    def homes(self, room: Room, *models: Any, sessions: int = 2000) -> dict[str, str]:
        chosen = compiled(*models, sticky=True)
        return {
            f"s{number}": room.order(chosen, session=f"s{number}")[0] for number in range(sessions)
        }

    def test_a_session_stays_and_sessions_are_shared_by_weight(self, room: Room) -> None:
        models = (("p/a", 1), ("p/b", 1), ("p/c", 2))
        homes = self.homes(room, *models)
        assert homes == self.homes(Room(seed=99), *models)
        found = Counter(homes.values())
        seen = [found[model] for model, _ in models]
        assert chisquare(seen, [500, 500, 1000]).pvalue > LIKELY

    def test_a_target_that_is_added_takes_its_share_and_moves_nobody_else(self, room: Room) -> None:
        before = self.homes(room, *self.MODELS[:3])
        after = self.homes(room, *self.MODELS)
        moved = [session for session in before if before[session] != after[session]]
        assert all(after[session] == "p/d" for session in moved)
        assert 0.2 < len(moved) / len(before) < 0.3

    def test_while_its_target_is_down_a_session_goes_to_its_second_and_comes_back(
        self, room: Room
    ) -> None:
        chosen = compiled(*self.MODELS, sticky=True)
        home, second, *_ = room.order(chosen, session="s1")
        room.down(home)
        assert room.order(chosen, session="s1")[0] == second
        room.clock.seconds += 10
        assert room.order(chosen, session="s1")[0] == home

    def test_a_route_that_is_not_sticky_ignores_the_session(self, room: Room) -> None:
        assert len(room.first(compiled(*self.MODELS), 200, session="s1")) == 4


class TestPreviousResponse:
    def test_only_the_provider_that_has_it_is_asked_its_target_first(self, room: Room) -> None:
        chosen = compiled("p/a", "p/b", "q/c", fallbacks=("p/d", "r/e"))
        room.router.answered("resp_1", target("p/b"))
        order = room.order(chosen, previous="resp_1")
        assert order == ["p/b", "p/a", "p/d"]
        room.down("p/b")
        assert room.order(chosen, previous="resp_1")[0] == "p/b"

    def test_one_that_nobody_here_gave_is_routed_like_any_request(self, room: Room) -> None:
        room.router.answered("resp_1", target("s/elsewhere"))
        chosen = compiled("p/a", "q/c")
        for previous in ("resp_1", "resp_2"):
            assert sorted(room.order(chosen, previous=previous)) == ["p/a", "q/c"]

    def test_the_oldest_are_forgotten(self, room: Room) -> None:
        for number in range(20_000):
            room.router.answered(f"resp_{number}", target("q/c"))
        chosen = compiled("p/a", "q/c", choose="cost")
        assert len(room.router._responses) == 16_384
        assert room.order(chosen, previous="resp_0") == ["p/a", "q/c"]
        assert room.order(chosen, previous="resp_19999") == ["q/c"]


class TestShadows:
    def test_each_gets_its_share_of_the_requests(self, room: Room) -> None:
        shadows = (Shadow(model="q/all"), Shadow(model="q/some", share=0.2))
        chosen = compiled("p/a", shadows=shadows)
        found = Counter(copy.id for _ in range(2000) for copy in room.router.shadows(chosen))
        assert found["q/all"] == 2000
        assert chisquare([found["q/some"], 2000 - found["q/some"]], [400, 1600]).pvalue > LIKELY


def test_a_model_asked_by_its_own_name_is_a_route_of_one(room: Room) -> None:
    found = direct(target("p/a"), RouteDefaults(breaker=ONE_FAILURE))
    assert room.order(found) == ["p/a"]
    assert (found.route.name, found.breaker) == ("p/a", ONE_FAILURE)


def test_what_a_route_does_not_say_is_left_to_the_defaults(room: Room) -> None:
    del room
    defaults = RouteDefaults(retries=Retries(attempts=7), breaker=ONE_FAILURE)
    own = route("p/a", retries=Retries())
    for found in (
        compile_route(own, Known([own]), defaults),
        pinned(own, deployed("support", 3, "draft", "p/a"), defaults),
    ):
        assert found.retries == Retries(), "said, even though it is what holds without any defaults"
        assert (found.breaker, found.timeouts) == (ONE_FAILURE, Timeouts())


def test_a_release_asked_by_its_reference_answers_or_nobody_does(room: Room) -> None:
    one = pinned(
        route("q/own", fallbacks=("r/x",), sticky=True), deployed("support", 3, "draft", "p/a")
    )
    assert (one.main.ref, room.order(one)) == ("support@3", ["p/a"])


RING = [
    route("p/a", name="a", fallbacks=("b",)),
    route("p/b", name="b", fallbacks=("q/x", "c")),
    route("p/c", name="c", fallbacks=("a",)),
]
CHAIN = [route("p/a", name=f"r{n}", fallbacks=(f"r{n + 1}",)) for n in range(12)]


@pytest.mark.parametrize(
    ("wrong", "known", "where", "says"),
    [
        (route("z/a", "x"), Known(), "targets[0]", "no model or route 'z/a'"),
        (route(), Known(), "targets", "no targets and no live release"),
        (route(fallbacks=("q/b",)), Known(), "targets", "no targets and no live release"),
        (route(("p/a", 0.0)), Known(), "targets", "no target has a weight above 0"),
        (route(("p/a", -1.0)), Known(), "targets", "a weight is not a number from 0 up"),
        (route(("p/a", float("nan"))), Known(), "targets", "a weight is not a number"),
    ],
)
def test_a_route_of_which_nothing_can_answer_says_so_and_blames_nobody_who_asks(
    wrong: Route, known: Known, where: str, says: str
) -> None:
    with pytest.raises(RouteUnavailable) as caught:
        compile_route(wrong, known)
    assert caught.value.where == where
    assert says in caught.value.what
    assert caught.value.fix
    assert (caught.value.status, caught.value.fields["should_retry"]) == (503, False)


@pytest.mark.parametrize(
    ("wrong", "known", "order", "says"),
    [
        (RING[0], Known(RING), ["p/a", "p/b", "q/x", "p/c"], "to itself: a -> b -> c -> a"),
        (route("p/a", fallbacks=("support",)), None, ["p/a"], "support -> support"),
        (CHAIN[0], Known(CHAIN), ["p/a"], "the chain is too long: r0 -> r1"),
        (route("p/a", fallbacks=("smalll", "q/b")), Known(), ["p/a", "q/b"], "'smalll'; did you"),
        (route("p/a", "x"), Known(), ["p/a"], "targets[1] of support is passed over: there is no"),
        (route("p/a", shadows=(Shadow(model="x"),)), Known(), ["p/a"], "shadows[0] of support"),
        (route("p/a", split=(ReleaseShare(version=9),)), Known(), ["p/a"], "no release support@9"),
        (
            route("p/a", fallbacks=("empty",)),
            Known([route(name="empty")]),
            ["p/a"],
            "the route 'empty' has no targets",
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_passed_over_with_a_warning(
    room: Room, wrong: Route, known: Known | None, order: list[str], says: str
) -> None:
    found = compile_route(wrong, known or Known([wrong]))
    assert room.order(found) == order
    assert says in "\n".join(found.warnings)


def test_a_misspelt_model_is_answered_with_what_was_meant() -> None:
    with pytest.raises(RouteUnavailable, match="did you mean p/small"):
        compile_route(route("x/small"), Known())
