"""A target that fails is left alone for a while, then asked once, and asked again when it works."""

from __future__ import annotations

import timeit

import pytest
from tests.stations.virtual import VirtualClock

from trimtab.gateway.averages import WINDOW_NS
from trimtab.gateway.health import Health, Slot, TargetHealth, TargetState
from trimtab.records.route import Breaker

BREAKER = Breaker(failures=3, cooldown_s=10)


class Room:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.health = Health(self.clock)
        self.one: TargetHealth = self.health.of("p/one")

    @property
    def admits(self) -> bool:
        return self.one.admits(self.clock.monotonic_ns())

    @property
    def state(self) -> TargetState:
        return next(state for state in self.health.states() if state.target == "p/one")

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.one.enter().failed(BREAKER)

    def answer(self, seconds: float, whole_s: float = 0.0) -> None:
        slot = self.one.enter()
        self.clock.seconds += seconds
        slot.began()
        self.clock.seconds += whole_s
        slot.ended()

    def wait_s(self) -> float:
        return self.one.wait_s(self.clock.monotonic_ns())


@pytest.fixture
def room() -> Room:
    return Room()


class TestTheBreaker:
    def test_it_opens_after_failures_in_a_row_and_admits_nobody_until_the_cooldown_is_over(
        self, room: Room
    ) -> None:
        room.fail(2)
        assert (room.admits, room.state.breaker) == (True, "closed")
        room.fail()
        assert (room.admits, room.state.breaker) == (False, "open")
        assert room.state.ready_in_s == 10
        room.clock.seconds += 9.999
        assert not room.admits
        room.clock.seconds += 0.001
        assert (room.admits, room.state.breaker) == (True, "half_open")

    def test_an_answer_between_two_failures_starts_the_row_again(self, room: Room) -> None:
        room.fail(2)
        room.answer(0.1)
        room.fail(2)
        assert room.admits

    def test_answers_that_begin_and_break_off_open_it(self, room: Room) -> None:
        for _ in range(3):
            slot = room.one.enter()
            slot.began()
            slot.failed(BREAKER)
        assert room.state.breaker == "open"

    def test_half_open_admits_exactly_one_probe_at_a_time(self, room: Room) -> None:
        room.fail(3)
        room.clock.seconds += 10
        probe = room.one.enter()
        assert not room.admits
        assert room.one.ready_ns() is None
        probe.release()
        assert room.admits

    def test_the_first_byte_of_a_probe_closes_it(self, room: Room) -> None:
        room.fail(3)
        room.clock.seconds += 10
        probe = room.one.enter()
        probe.began()
        assert (room.admits, room.state.breaker) == (True, "closed")
        probe.ended()
        room.fail(2)
        assert room.admits

    def test_a_probe_that_fails_opens_it_for_another_cooldown(self, room: Room) -> None:
        room.fail(3)
        room.clock.seconds += 10
        room.fail()
        assert (room.admits, room.state.ready_in_s) == (False, 10)

    def test_a_probe_that_fails_opens_it_whatever_its_own_route_would_bear(
        self, room: Room
    ) -> None:
        room.fail(3)
        room.clock.seconds += 10
        room.one.enter().failed(Breaker(failures=50, cooldown_s=20))
        assert (room.admits, room.state.ready_in_s) == (False, 20)

    def test_a_call_made_before_it_opened_neither_closes_it_nor_keeps_it_open(
        self, room: Room
    ) -> None:
        early: list[Slot] = [room.one.enter() for _ in range(2)]
        room.fail(3)
        room.clock.seconds += 5
        early[0].failed(BREAKER)
        assert room.state.ready_in_s == 5
        early[1].began()
        early[1].ended()
        assert room.state.breaker == "open"

    def test_a_call_in_flight_while_another_is_the_probe_is_no_probe(self, room: Room) -> None:
        room.fail(3)
        room.clock.seconds += 10
        probe, other = room.one.enter(), room.one.enter()
        other.release()
        assert not room.admits
        probe.ended()
        assert room.state.breaker == "closed"


class TestRest:
    def test_over_its_limit_it_rests_without_a_failure_and_without_a_probe(
        self, room: Room
    ) -> None:
        room.one.enter().failed(BREAKER, rest_s=4, fault=False, limited=True)
        assert (room.admits, room.state.breaker, room.state.failures_in_a_row) == (
            False,
            "closed",
            0,
        )
        assert (room.state.failed, room.state.limited) == (0, 1)
        room.clock.seconds += 4
        slots = [room.one.enter() for _ in range(3)]
        assert room.admits
        assert room.one.in_flight == len(slots)

    def test_a_retry_after_extends_the_cooldown_up_to_five_minutes(self, room: Room) -> None:
        room.fail(2)
        room.one.enter().failed(BREAKER, rest_s=60)
        assert room.state.ready_in_s == 60
        room.one.enter().failed(BREAKER, rest_s=86_400)
        assert room.state.ready_in_s == 300
        room.clock.seconds += 299.9
        assert not room.admits
        room.clock.seconds += 0.2
        assert room.admits

    def test_a_shorter_rest_does_not_end_a_longer_one(self, room: Room) -> None:
        room.one.enter().failed(BREAKER, rest_s=9, fault=False)
        room.one.enter().failed(BREAKER, rest_s=1, fault=False)
        assert room.state.ready_in_s == 9


class TestAverages:
    def test_nothing_is_known_before_anything_was_measured(self, room: Room) -> None:
        assert (room.state.first_byte_s, room.state.error_rate) == (None, None)
        room.fail()
        assert room.state.first_byte_s is None
        assert room.state.error_rate == 1

    def test_a_slower_answer_counts_in_full_at_once_and_a_faster_one_by_its_time(
        self, room: Room
    ) -> None:
        room.answer(0.1)
        room.answer(5.0)
        assert room.state.first_byte_s == pytest.approx(5.0)
        room.answer(0.1)
        assert room.state.first_byte_s is not None
        assert 4.9 < room.state.first_byte_s < 5.0
        room.clock.seconds += 10 * WINDOW_NS / 1e9
        room.answer(0.1)
        assert room.state.first_byte_s == pytest.approx(0.1, abs=0.01)

    def test_only_the_time_to_the_first_byte_counts(self, room: Room) -> None:
        room.answer(0.2, whole_s=30)
        assert room.state.first_byte_s == pytest.approx(0.2)

    def test_a_call_given_up_is_news_only_if_it_waited_longer_than_usual(self, room: Room) -> None:
        room.answer(1.0)
        for waited_s, known_s in ((0.5, 1.0), (20.0, 20.0)):
            slot = room.one.enter()
            room.clock.seconds += waited_s
            slot.release()
            assert room.state.first_byte_s == pytest.approx(known_s)

    def test_calls_in_flight_and_failures_make_a_target_dear(self, room: Room) -> None:
        room.answer(1.0)
        alone = room.wait_s()
        slot = room.one.enter()
        assert room.wait_s() == pytest.approx(2 * alone, rel=0.01)
        slot.ended()
        room.fail(2)
        assert room.wait_s() > 1.5 * alone

    def test_a_new_target_is_tried_by_one_call_at_a_time(self, room: Room) -> None:
        assert room.wait_s() == 0
        slot = room.one.enter()
        assert room.wait_s() > 1000
        slot.began()
        slot.ended()

    def test_a_target_that_only_ever_failed_gets_another_chance(self, room: Room) -> None:
        room.fail(2)
        assert room.wait_s() > 1
        room.clock.seconds += 3600
        assert room.wait_s() < 0.01


class TestSlots:
    def test_a_place_is_given_back_once_however_often_it_is_said(self, room: Room) -> None:
        slot = room.one.enter()
        slot.ended()
        slot.failed(BREAKER)
        slot.release()
        slot.began()
        assert (room.one.in_flight, room.state.failed, room.state.calls) == (0, 0, 1)

    def test_names_that_callers_make_up_do_not_pile_up(self, room: Room) -> None:
        held = room.one.enter()
        for number in range(20_000):
            room.health.of(f"p/{number}").enter().ended()
        assert len(room.health.states()) <= 4096
        assert room.health.of("p/one") is room.one
        held.ended()

    @pytest.mark.slow
    def test_a_call_costs_about_a_microsecond(self) -> None:
        from trimtab.kit.clock import SystemClock

        one = Health(SystemClock()).of("p/one")

        def call() -> None:
            slot = one.enter()
            slot.began()
            slot.ended()

        best_s = min(timeit.repeat(call, number=2000, repeat=20)) / 2000
        assert best_s < 50e-6  # far above what it takes, for machines that are busy
