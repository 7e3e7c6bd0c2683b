"""Targets are tried one after the other, in time, and every place that was taken is given back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.loops import LOOPS, run_on
from tests.stations.targets import compiled
from tests.stations.virtual import VirtualClock

from trimtab.errors import (
    InvalidRequest,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    TrimtabError,
)
from trimtab.gateway.attempts import Attempts, Retryable
from trimtab.gateway.health import Health
from trimtab.gateway.refusals import is_retried, retry_after_s, retryable
from trimtab.gateway.routing import Router
from trimtab.gateway.target import Target
from trimtab.kit.clock import SystemClock
from trimtab.ports import Clock
from trimtab.records.route import Breaker, Retries

Act = Callable[[], Awaitable[str]]


def answers(text: str = "fine", after_s: float = 0.0) -> Act:
    async def act() -> str:
        await asyncio.sleep(after_s)
        return text

    return act


def refuses(status: int, after_s: float = 0.0, **headers: str) -> Act:
    """An answer with this status, read as the gateway reads it."""

    async def act() -> str:
        await asyncio.sleep(after_s)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        error = ProviderError(f"HTTP {status}", status=status)
        again = retryable(error, status, names, now_ns=0)
        if again is None:
            return f"HTTP {status}"
        raise again

    return act


def unreachable(after_s: float = 0.0) -> Act:
    async def act() -> str:
        await asyncio.sleep(after_s)
        raise Retryable(ProviderUnavailable("nobody is there"))

    return act


def raises(error: BaseException) -> Act:
    async def act() -> str:
        raise error

    return act


def hangs() -> Act:
    return answers(after_s=1e6)


class Room:
    """A route, and what each of its targets does when asked; the last act is repeated."""

    def __init__(self, acts: dict[str, list[Act]], **settings: Any) -> None:
        self.clock = VirtualClock()
        self.random = Random(11)
        self.acts = {model: list(some) for model, some in acts.items()}
        self.asked: list[tuple[str, float]] = []
        self.retries = settings.pop("retries", Retries(attempts=2))
        self.total_s = settings.pop("total_s", 600.0)
        self.breaker = settings.pop("breaker", Breaker(failures=100, cooldown_s=15))
        # By price and in order: so that it is known who is next.
        prices = {model: (str(place), "0") for place, model in enumerate(acts)}
        self.route = compiled(*acts, choose="cost", prices=prices, **settings)
        self.keep_time(self.clock)

    def keep_time(self, clock: Clock) -> None:
        self.time = clock
        self.health = Health(clock)
        self.router = Router(self.health, clock=clock, random=self.random)

    def attempts(self) -> Attempts:
        arm = self.router.arm(self.route, None)
        return Attempts(
            partial(self.router.candidates, self.route, arm),
            health=self.health,
            retries=self.retries,
            total_s=self.total_s,
            breaker=self.breaker,
            clock=self.time,
            random=self.random,
        )

    async def call(self, target: Target) -> str:
        self.asked.append((target.id, round(self.clock.seconds - 1000.0, 3)))
        acts = self.acts[target.id]
        return await (acts.pop(0) if len(acts) > 1 else acts[0])()

    def run(self) -> tuple[Attempts, str | TrimtabError]:
        attempts = self.attempts()

        async def work() -> str | TrimtabError:
            try:
                return await attempts.run(self.call)
            except TrimtabError as error:
                return error

        return attempts, self.clock.run(work())

    @property
    def models(self) -> list[str]:
        return [model for model, _ in self.asked]

    @property
    def in_flight(self) -> int:
        return sum(state.in_flight for state in self.health.states())


def then(attempts: Attempts) -> list[str]:
    return [record.then for record in attempts.records]


class TestOneAfterTheOther:
    def test_an_answer_at_once_is_one_attempt(self) -> None:
        room = Room({"p/a": [answers("yes", 0.5)]})
        attempts, answer = room.run()
        assert (answer, then(attempts)) == ("yes", ["answered"])
        (record,) = attempts.records
        assert (record.target, record.status, record.error) == ("p/a", None, None)
        assert record.ended_ns - record.started_ns == 500_000_000
        assert room.health.states()[0].first_byte_s == pytest.approx(0.5)

    @pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
    def test_another_target_is_tried_without_a_pause(self, status: int) -> None:
        room = Room({"p/a": [refuses(status)], "q/b": [unreachable()], "r/c": [answers("yes")]})
        attempts, answer = room.run()
        assert answer == "yes"
        assert room.asked == [("p/a", 0), ("q/b", 0), ("r/c", 0)]
        assert then(attempts) == ["next_target", "next_target", "answered"]
        assert [record.status for record in attempts.records] == [status, None, None]
        assert attempts.records[1].error == "nobody is there"

    @pytest.mark.parametrize("status", [400, 401, 413, 422, 501])
    def test_what_would_be_refused_again_is_final(self, status: int) -> None:
        room = Room({"p/a": [refuses(status)], "q/b": [answers()]})
        _, answer = room.run()
        assert (answer, room.models) == (f"HTTP {status}", ["p/a"])

    @pytest.mark.parametrize("status", [403, 404])
    def test_a_model_that_is_not_there_is_asked_for_elsewhere_and_opens_no_breaker(
        self, status: int
    ) -> None:
        room = Room(
            {"p/a": [refuses(status)], "q/b": [answers("yes")]}, breaker=Breaker(failures=1)
        )
        for _ in range(3):
            attempts, answer = room.run()
            assert (answer, then(attempts)) == ("yes", ["next_target", "answered"])
        assert room.models == ["p/a", "q/b"] * 3
        assert {state.breaker for state in room.health.states()} == {"closed"}

    @pytest.mark.parametrize("status", [403, 404])
    def test_a_model_that_is_nowhere_is_not_asked_for_twice(self, status: int) -> None:
        room = Room({"p/a": [refuses(403)], "q/b": [refuses(status)]}, retries=Retries(attempts=5))
        attempts, answer = room.run()
        assert (str(answer), room.models) == (f"HTTP {status}", ["p/a", "q/b"])
        assert then(attempts) == ["next_target", "no_target_left"]

    @pytest.mark.parametrize("error", [InvalidRequest("no such tool"), ValueError("a secret")])
    def test_an_error_that_is_no_targets_fault_ends_it(self, error: Exception) -> None:
        room = Room({"p/a": [raises(error)], "q/b": [answers()]})
        attempts = room.attempts()
        with pytest.raises(type(error)):
            room.clock.run(attempts.run(room.call))
        assert (room.models, room.in_flight, then(attempts)) == (["p/a"], 0, ["final"])
        assert "secret" not in str(attempts.records[0].error)

    def test_retries_count_over_all_targets(self) -> None:
        acts = {model: [unreachable()] for model in ("p/a", "q/b", "r/c", "s/d")}
        attempts, _ = Room(acts, retries=Retries(attempts=1)).run()
        assert then(attempts) == ["next_target", "no_attempt_left"]
        attempts, _ = Room(acts, retries=Retries(attempts=0)).run()
        assert then(attempts) == ["no_attempt_left"]

    def test_the_caller_gets_the_last_answer_of_a_provider(self) -> None:
        room = Room({"p/a": [refuses(503)], "q/b": [refuses(529)], "r/c": [unreachable()]})
        _, error = room.run()
        assert isinstance(error, ProviderError)
        assert error.fields["status"] == 529

    def test_the_caller_gets_the_last_error_where_nobody_answered(self) -> None:
        _, error = Room({"p/a": [unreachable()]}, retries=Retries(attempts=0)).run()
        assert isinstance(error, ProviderUnavailable)

    def test_a_target_that_asks_not_to_be_retried_is_not_but_others_are_asked(self) -> None:
        no = {"x_should_retry": "false"}
        room = Room({"p/a": [refuses(500, **no)], "q/b": [refuses(503)]})
        room.run()
        assert room.models == ["p/a", "q/b", "q/b"]
        alone = Room({"p/a": [refuses(500, **no)]})
        attempts, _ = alone.run()
        assert (then(attempts), alone.clock.seconds) == (["no_target_left"], 1000.0)

    def test_a_target_that_asks_to_be_retried_is(self) -> None:
        room = Room({"p/a": [refuses(400, x_should_retry="true"), answers("yes")]})
        assert room.run()[1] == "yes"


class TestPauses:
    def test_the_same_target_is_asked_after_full_jitter(self) -> None:
        pauses: list[list[float]] = [[], [], [], []]
        for seed in range(300):
            room = Room(
                {"p/a": [unreachable()]}, retries=Retries(attempts=4, base_s=0.25, max_s=2.0)
            )
            room.random.seed(seed)
            attempts, _ = room.run()
            for place, record in enumerate(attempts.records[:-1]):
                assert record.then == "pause"
                pauses[place].append(record.pause_s)
        for some, cap_s in zip(pauses, (0.5, 1.0, 2.0, 2.0), strict=True):
            assert 0 <= min(some) < 0.1 * cap_s
            assert 0.9 * cap_s < max(some) <= cap_s
            assert sum(some) / len(some) == pytest.approx(cap_s / 2, rel=0.15)

    def test_there_is_no_pause_after_the_last_attempt(self) -> None:
        room = Room({"p/a": [unreachable(1.0)]}, retries=Retries(attempts=1, max_s=5))
        attempts, _ = room.run()
        assert attempts.records[1].pause_s == 0
        assert room.clock.seconds - 1000 == pytest.approx(2 + attempts.records[0].pause_s, abs=0.01)

    @pytest.mark.parametrize(
        ("headers", "wait_s"),
        [({"retry_after": "3"}, 3.0), ({"retry_after_ms": "700", "retry_after": "9"}, 0.7)],
    )
    @pytest.mark.parametrize("status", [429, 503])
    def test_a_retry_after_is_waited_for(
        self, status: int, headers: dict[str, str], wait_s: float
    ) -> None:
        room = Room({"p/a": [refuses(status, **headers), answers("yes")]})
        _, answer = room.run()
        assert answer == "yes"
        assert room.asked[1][1] == pytest.approx(wait_s, abs=0.01)

    @pytest.mark.parametrize("loop", LOOPS)
    def test_a_real_timer_is_never_too_early_for_the_target(self, loop: str) -> None:
        room = Room({"p/a": [refuses(503, retry_after="0.02")] * 8 + [answers("yes")]})
        room.retries = Retries(attempts=8)
        room.keep_time(SystemClock())

        async def work() -> None:
            attempts = room.attempts()
            assert await attempts.run(room.call) == "yes"
            attempts.over()

        run_on(loop, work)
        assert room.in_flight == 0

    def test_an_error_of_ours_can_say_how_long_to_wait(self) -> None:
        busy = Retryable(ProviderUnavailable("no connection is free", retry_after_s=2))
        room = Room({"p/a": [raises(busy), answers("yes")]})
        assert room.run()[1] == "yes"
        assert room.asked[1][1] == pytest.approx(2, abs=0.01)

    def test_a_retry_after_that_is_too_long_is_not_waited_for(self) -> None:
        long = refuses(429, retry_after="9")
        alone = Room({"p/a": [long]}, retries=Retries(attempts=3, max_s=8))
        attempts, error = alone.run()
        assert (alone.clock.seconds, then(attempts)) == (1000.0, ["no_target_left"])
        assert isinstance(error, ProviderError)
        assert error.fields["status"] == 429
        other = Room(
            {"p/a": [long], "q/b": [unreachable(), answers("yes")]},
            retries=Retries(attempts=3, max_s=8),
        )
        assert other.run()[1] == "yes"
        assert other.models == ["p/a", "q/b", "q/b"]

    def test_over_its_limit_without_saying_for_how_long_it_rests_a_second(self) -> None:
        room = Room({"p/a": [refuses(429), answers("yes")]})
        assert room.run()[1] == "yes"
        assert room.asked[1][1] == pytest.approx(1.0, abs=0.01)
        assert room.health.states()[0].failures_in_a_row == 0

    def test_the_target_that_is_due_first_is_asked_first(self) -> None:
        room = Room(
            {
                "p/a": [refuses(503, retry_after="5"), answers("late")],
                "q/b": [refuses(503, retry_after="2"), answers("early")],
            }
        )
        assert room.run()[1] == "early"
        assert room.asked[-1] == ("q/b", pytest.approx(2, abs=0.01))

    def test_a_target_is_not_asked_before_its_own_pause_is_over(self) -> None:
        room = Room(
            {
                "p/a": [unreachable(), answers("early")],
                "q/b": [refuses(503, retry_after="0.01"), answers("due")],
            },
            retries=Retries(attempts=2, base_s=60, max_s=60),
        )
        assert room.run()[1] == "due"

    def test_a_retry_after_that_is_too_long_is_not_waited_for_later_either(self) -> None:
        room = Room(
            {
                "p/a": [refuses(429, retry_after="9")],
                "q/b": [refuses(500, after_s=5, x_should_retry="false")],
            },
            retries=Retries(attempts=3, max_s=8),
        )
        attempts, _ = room.run()
        assert then(attempts) == ["next_target", "no_target_left"]

    def test_a_target_that_others_saw_fail_during_a_pause_is_not_asked_again(self) -> None:
        room = Room({"p/a": [refuses(503, retry_after="2")]}, breaker=Breaker(failures=2))

        async def work() -> None:
            running = asyncio.create_task(room.attempts().run(room.call))
            await asyncio.sleep(1)
            room.health.of("p/a").enter().failed(room.breaker)
            with pytest.raises(ProviderError, match="HTTP 503"):
                await running

        room.clock.run(work())
        assert room.models == ["p/a"]

    def test_nobody_waits_for_a_target_whose_breaker_opened(self) -> None:
        breaker = Breaker(failures=1, cooldown_s=30)
        room = Room({"p/a": [unreachable()]}, breaker=breaker)
        attempts, _ = room.run()
        assert (room.clock.seconds, then(attempts)) == (1000.0, ["no_target_left"])

    def test_with_every_breaker_open_a_request_makes_one_attempt(self) -> None:
        breaker = Breaker(failures=1, cooldown_s=30)
        room = Room({"p/a": [unreachable(0.1)], "q/b": [unreachable(0.1)]}, breaker=breaker)
        room.run()
        room.asked.clear()
        room.run()
        assert room.models == ["p/a"]
        room.acts["q/b"] = [answers("back")]
        assert room.run()[1] == "back"
        assert [state.breaker for state in room.health.states()] == ["open", "closed"]


class TestTime:
    def test_all_attempts_and_pauses_fit_into_the_total(self) -> None:
        room = Room({"p/a": [unreachable(1.0)]}, retries=Retries(attempts=10, max_s=4), total_s=7.5)
        attempts, error = room.run()
        assert then(attempts)[-1] == "out_of_time"
        assert room.clock.seconds <= 1007.5
        assert isinstance(error, TrimtabError)

    def test_a_pause_that_would_outlast_the_total_is_not_begun(self) -> None:
        room = Room({"p/a": [refuses(503, retry_after="6")]}, total_s=5.0)
        attempts, error = room.run()
        assert (then(attempts), room.clock.seconds) == (["out_of_time"], 1000.0)
        assert isinstance(error, ProviderError)

    def test_a_target_that_takes_all_the_time_is_at_fault(self) -> None:
        room = Room({"p/a": [hangs()], "q/b": [answers()]}, total_s=5.0)
        attempts, error = room.run()
        assert isinstance(error, ProviderTimeout)
        assert room.clock.seconds == pytest.approx(1005)
        assert (then(attempts), room.in_flight) == (["out_of_time"], 0)
        assert [state.failed for state in room.health.states()] == [1, 0]

    def test_a_target_that_had_only_the_rest_of_the_time_is_not(self) -> None:
        room = Room({"p/a": [refuses(500, after_s=4.9)], "q/b": [hangs()]}, total_s=5.0)
        attempts, error = room.run()
        assert isinstance(error, ProviderError)
        assert error.fields["status"] == 500
        assert then(attempts) == ["next_target", "out_of_time"]
        assert [state.failed for state in room.health.states()] == [1, 0]

    def test_a_timeout_that_is_not_ours_is_passed_on(self) -> None:
        room = Room({"p/a": [raises(TimeoutError("a bug"))]})
        with pytest.raises(TimeoutError, match="a bug"):
            room.clock.run(room.attempts().run(room.call))
        assert room.in_flight == 0


class TestPlaces:
    @pytest.mark.parametrize(("end", "failures"), [("over", 0), ("broke", 1), ("release", 0)])
    def test_the_place_is_held_until_the_answer_is_over(self, end: str, failures: int) -> None:
        room = Room({"p/a": [answers()]})
        attempts, _ = room.run()
        assert room.in_flight == 1
        for _ in range(2):
            if end == "release":
                attempts.release()
            else:
                attempts.over(failed=end == "broke")
        assert room.in_flight == 0
        assert room.health.states()[0].failures_in_a_row == failures

    def test_an_answer_whose_time_says_nothing_is_not_measured(self) -> None:
        room = Room({"p/a": [refuses(400, after_s=1)]})
        attempts = room.attempts()

        async def work() -> None:
            await attempts.run(room.call, measured=lambda answer: "400" not in answer)

        room.clock.run(work())
        assert room.health.states()[0].first_byte_s is None

    def test_whenever_a_caller_leaves_every_place_is_given_back(self) -> None:
        ways = set()
        for step in range(60):
            room = Room(
                {
                    "p/a": [refuses(503, 0.01, retry_after="0.05"), answers(after_s=0.01)],
                    "q/b": [unreachable(0.01), unreachable(0.01)],
                },
                retries=Retries(attempts=3),
            )
            attempts = room.attempts()

            async def work(
                room: Room = room, attempts: Attempts = attempts, step: int = step
            ) -> str:
                running = asyncio.create_task(attempts.run(room.call))
                for _ in range(min(step, 10)):
                    await asyncio.sleep(0)
                if step > 10:
                    await asyncio.sleep(0.002 * (step - 10))
                running.cancel()
                (ended,) = (await asyncio.wait([running]))[0]
                return "left" if ended.cancelled() else ended.result()

            way = room.clock.run(work())
            ways.add((way, *then(attempts)))
            if way != "left":
                attempts.over()
            assert room.in_flight == 0
            assert all(state.failed <= 1 for state in room.health.states())
        assert {"left", "fine"} == {way for way, *_ in ways}
        assert ("left",) in ways  # before the first attempt
        assert ("left", "given_up") in ways
        assert ("left", "next_target", "given_up") in ways
        assert ("left", "next_target", "pause") in ways
        assert ("left", "next_target", "pause", "given_up") in ways

    def test_a_probe_whose_caller_left_lets_the_next_one_in(self) -> None:
        room = Room({"p/a": [unreachable(), hangs(), answers("up")]}, breaker=Breaker(failures=1))
        room.run()
        room.clock.seconds += 15

        async def work() -> str:
            probe = asyncio.create_task(room.attempts().run(room.call))
            await asyncio.sleep(1)
            assert not room.health.of("p/a").admits(room.clock.monotonic_ns())
            probe.cancel()
            await asyncio.wait([probe])
            return await room.attempts().run(room.call)

        assert room.clock.run(work()) == "up"
        assert room.health.states()[0].breaker == "closed"

    @given(st.data())
    def test_many_requests_at_once_leave_nothing_behind(self, data: st.DataObject) -> None:
        kinds = st.sampled_from(
            [answers(after_s=0.3), unreachable(0.1), refuses(429, 0.1), refuses(400), hangs()]
        )
        acts = {
            model: data.draw(st.lists(kinds, min_size=1, max_size=4)) for model in ("p/a", "q/b")
        }
        leave = data.draw(st.lists(st.floats(0, 5) | st.none(), min_size=1, max_size=6))
        room = Room(acts, breaker=Breaker(failures=2, cooldown_s=1), total_s=3.0)

        async def ask(after_s: float | None) -> None:
            attempts = room.attempts()
            try:
                async with asyncio.timeout(after_s):
                    await attempts.run(room.call)
            except (TimeoutError, TrimtabError):
                attempts.release()
            else:
                attempts.over()

        async def work() -> None:
            await asyncio.gather(*(ask(after_s) for after_s in leave))

        room.clock.run(work())
        assert room.in_flight == 0
        room.clock.seconds += 301
        now_ns = room.clock.monotonic_ns()
        assert all(room.health.of(model).admits(now_ns) for model in acts)


class TestRefusals:
    @pytest.mark.parametrize(
        ("headers", "wait_s"),
        [
            ({}, None),
            ({"retry-after": "12"}, 12.0),
            ({"retry-after": "0.5"}, 0.5),
            ({"retry-after-ms": "1500"}, 1.5),
            ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
            ({"retry-after": formatdate(1_700_000_042, usegmt=True)}, 42.0),
            ({"retry-after": formatdate(1_600_000_000, usegmt=True)}, 0.0),
            ({"retry-after": "-3"}, None),
            ({"retry-after": "nan"}, None),
            ({"retry-after": "inf"}, None),
            ({"retry-after": "Thu, 99 Foo 2020"}, None),
            ({"retry-after": ""}, None),
        ],
    )
    def test_how_long_to_wait(self, headers: dict[str, str], wait_s: float | None) -> None:
        assert retry_after_s(headers, now_ns=1_700_000_000 * 10**9) == wait_s

    @given(st.text(max_size=40))
    def test_no_header_breaks_it(self, text: str) -> None:
        wait_s = retry_after_s({"retry-after": text, "retry-after-ms": text}, now_ns=0)
        assert wait_s is None or wait_s >= 0

    @given(st.integers(100, 407) | st.sampled_from([410, 413, 422, 451]))
    def test_what_the_caller_must_change_is_not_retried(self, status: int) -> None:
        assert not is_retried(status)

    @pytest.mark.parametrize(
        ("status", "failure", "limited"),
        [(408, False, False), (409, False, False), (429, False, True), (503, True, False)],
    )
    def test_whose_fault_it_is(self, status: int, failure: bool, limited: bool) -> None:
        error = ProviderError("refused", status=status)
        found = retryable(error, status, {}, now_ns=0)
        assert found is not None
        assert (found.failure, found.limited) == (failure, limited)

    def test_a_429_is_never_the_targets_fault(self) -> None:
        assert not Retryable(ProviderError("in a stream", status=429)).failure
