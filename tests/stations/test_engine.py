"""The engine: every case is asked once and judged, its result kept; who refuses is waited for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import trimtab
from trimtab.errors import InvalidRequest, NotDurable, RateLimited
from trimtab.experiments.costs import cost_of, total_cost
from trimtab.experiments.engine import Bounds, Engine
from trimtab.experiments.execute import applied
from trimtab.experiments.pace import Pace, PacedChat, error_refusal
from trimtab.experiments.repeats import headlines, passing, vectors_of
from trimtab.experiments.sink import Key
from trimtab.experiments.suite import CaseRule
from trimtab.experiments.tasks import answering, response_of, seed_of
from trimtab.ports import ChatReply, Response
from trimtab.records import Example, Result, Score, Target
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement


@scorer
def right(output: str, expected: str) -> bool:
    return output == expected


@scorer(tier="judge", timeout_s=5.0)
async def judged(output: str) -> float:
    await asyncio.sleep(0)
    return float(len(output))


@scorer
def varied(output: str, samples: Any) -> float:
    return float(len({output, *samples}))


def rows(count: int) -> list[Example]:
    return [Example(example_id=f"e{n}", input=f"q{n}", expected=f"q{n}") for n in range(count)]


class _Text(str):
    """A text of another library."""


class Kept:
    """A sink that remembers the order of what it got."""

    waits = False

    def __init__(self) -> None:
        self.events: list[tuple[str, Key]] = []
        self.results: dict[Key, Result] = {}
        self.answers: dict[Key, Result] = {}

    def answered(self, result: Result) -> None:
        self.events.append(("answered", result.key))
        self.answers[result.key] = result

    def finished(self, result: Result) -> None:
        self.events.append(("finished", result.key))
        self.results[result.key] = result

    async def settled(self, result: Result) -> None:
        raise AssertionError("a sink that does not wait is not asked to")


def run(
    task: Callable[..., Any],
    examples: Sequence[Example],
    scorers: Sequence[Any] = (right,),
    *,
    results: Mapping[Key, Result] | None = None,
    answers: Mapping[Key, Result] | None = None,
    **bounds: Any,
) -> tuple[Kept, Engine]:
    sink = Kept()
    engine = Engine(answering(task), scorers, sink, run="r", bounds=Bounds(**bounds))
    asyncio.run(engine.go(examples, results=results, answers=answers))
    return sink, engine


def same(input: str) -> str:
    return input


async def same_async(input: str) -> str:
    return input


def letters(input: str) -> Iterator[str]:
    yield from input


async def letters_async(input: str) -> AsyncIterator[str]:
    for letter in input:
        yield letter


class Answerer:
    async def __call__(self, example: Example) -> Response:
        return Response(output=example.input)


class TestTasks:
    @pytest.mark.parametrize(
        "task",
        [same, same_async, letters, letters_async, Answerer(), lambda anything: anything],
        ids=["sync", "async", "generator", "async generator", "object", "lambda"],
    )
    def test_any_callable_answers(self, task: Callable[..., Any]) -> None:
        sink, engine = run(task, rows(5))
        assert [result.output for _, result in sorted(sink.results.items())] == [
            f"q{n}" for n in range(5)
        ]
        assert all(score.passed for result in sink.results.values() for score in result.scores)
        assert (engine.tally.done, engine.tally.failed) == (5, 0)

    @pytest.mark.parametrize("task", [letters, letters_async])
    def test_a_stream_has_the_time_of_its_first_piece(self, task: Callable[..., Any]) -> None:
        sink, _ = run(task, rows(1))
        result = sink.results["e0", 0]
        assert result.first_token_ms is not None
        assert result.latency_ms is not None
        assert 0 <= result.first_token_ms <= result.latency_ms

    def test_a_synchronous_task_runs_beside_the_loop_and_beside_others(self) -> None:
        together = threading.Barrier(3, timeout=60)

        def task(input: str) -> str:
            together.wait()
            return input

        sink, _ = run(task, rows(3), concurrency=3)
        assert {result.error for result in sink.results.values()} == {None}

    def test_a_task_gets_what_it_names_and_a_seed_of_its_own(self) -> None:
        seen: list[tuple[str, int, int]] = []

        def task(example: Example, repeat: int, seed: int) -> str:
            seen.append((example.example_id, repeat, seed))
            return str(example.input)

        run(task, rows(2), repeats=2)
        assert sorted((case, repeat) for case, repeat, _ in seen) == [
            ("e0", 0), ("e0", 1), ("e1", 0), ("e1", 1),
        ]  # fmt: skip
        assert len({seed for *_, seed in seen}) == 4
        assert all(seed == seed_of(None, case, repeat) for case, repeat, seed in seen)

    @pytest.mark.parametrize(
        "task", [7, lambda a, b: a, lambda: 1], ids=["no function", "strange names", "no argument"]
    )
    def test_what_cannot_be_a_task_is_refused(self, task: Any) -> None:
        with pytest.raises(InvalidRequest):
            answering(task)

    @pytest.mark.parametrize(
        ("value", "output"),
        [("\ud800", "?"), ({"a": (1, 2)}, {"a": [1, 2]}), (None, None), (3, 3),
         (np.float64(0.5), 0.5), (np.str_("yes"), "yes"), (np.bool_(True), True),
         (np.int64(3), 3), (np.array([[1.0]]), [[1.0]]), ({"a": np.float32(0.5)}, {"a": 0.5}),
         (_Text("x"), "x"), (Response(output=np.float64(0.5)), 0.5)],
    )  # fmt: skip
    def test_what_a_task_returns_can_be_kept(self, value: Any, output: Any) -> None:
        found = response_of(value).output
        assert found == output
        assert type(found) is type(output)

    def test_the_numbers_and_texts_of_a_whole_response_are_plain(self) -> None:
        given: Any = {"latency_ms": np.float64(2.0), "context": [np.str_("c")]}
        found = response_of(Response(output="x", **given))
        assert (type(found.latency_ms), found.latency_ms) == (float, 2.0)
        assert found.context == ("c",)
        assert type(found.context[0]) is str

    @pytest.mark.parametrize(
        ("value", "said"),
        [(object(), "no JSON value"), (np.complex128(1), "no JSON value"),
         (Response(output="x", context=cast("Any", [1])), "cannot be kept")],
    )  # fmt: skip
    def test_what_is_no_json_is_the_error_of_its_case(self, value: Any, said: str) -> None:
        response = response_of(value)
        assert response.output is None
        assert said in str(response.error)

    def test_a_task_with_numbers_of_another_library_loses_no_result(self, tmp_path: Path) -> None:
        class Task:
            async def answer(self, example: Example, _repeat: int) -> Response:
                return Response(output=np.float64(0.5))

        for task in (Task(), lambda text: np.float64(len(text) / 2)):
            found = trimtab.evaluate(
                task, [{"input": "a", "expected": 0.5}], scorers=["numeric_close"], folder=tmp_path
            )
            assert [result.output for result in found.results] == [0.5]
            assert found.metrics["numeric_close"].value == 1.0


class TestFaults:
    @pytest.mark.parametrize(
        ("error", "said"),
        [(ValueError("no"), "ValueError: no"), (KeyError("x"), "KeyError: 'x'"),
         (asyncio.CancelledError(), "cancelled itself"), (StopIteration(), "StopIteration")],
    )  # fmt: skip
    def test_what_a_task_raises_is_the_error_of_its_case_alone(
        self, error: BaseException, said: str
    ) -> None:
        async def task(input: str) -> str:
            if input == "q1":
                raise error
            return input

        sink, engine = run(task, rows(3))
        assert said in str(sink.results["e1", 0].error)
        assert [result.error for key, result in sink.results.items() if key[0] != "e1"] == [
            None
        ] * 2
        [score] = sink.results["e1", 0].scores
        assert score.status == "unscored"
        assert str(score.reason).startswith("the task failed: ")
        assert engine.tally.failed == 1

    def test_a_task_that_hangs_is_given_up(self) -> None:
        async def task(input: str) -> str:
            if input == "q0":
                await asyncio.Event().wait()
            return input

        sink, _ = run(task, rows(2), timeout_s=0.05)
        assert sink.results["e0", 0].error == "no answer in 0.05 s"
        assert sink.results["e1", 0].output == "q1"

    def test_a_synchronous_task_that_hangs_is_given_up_too(self) -> None:
        go_on = threading.Event()

        def task(input: str) -> str:
            if input == "q0":
                go_on.wait(60)
            return input

        sink, _ = run(task, rows(2), timeout_s=0.5, concurrency=1)
        go_on.set()
        assert sink.results["e0", 0].error == "no answer in 0.5 s"
        assert sink.results["e1", 0].output == "q1"

    def test_a_judge_is_not_asked_about_an_answer_there_is_not(self) -> None:
        async def task(input: str) -> str:
            raise ValueError("no")

        sink, _ = run(task, rows(1), [judged])
        [score] = sink.results["e0", 0].scores
        assert (score.status, score.reason) == ("unscored", "the task failed: ValueError: no")

    @pytest.mark.parametrize("kind", ["async", "thread"])
    def test_a_scorer_that_hangs_costs_the_run_one_score(self, kind: str) -> None:
        over = threading.Event()

        async def hangs(output: str) -> bool:
            await asyncio.sleep(60)
            return True

        def blocks(output: str) -> bool:
            return over.wait(60)

        stuck = scorer(name="stuck", tier="model")(hangs if kind == "async" else blocks)
        sink, _ = run(same_async, rows(2), [right, stuck], scorer_timeout_s=0.3)
        over.set()
        for result in sink.results.values():
            exact, late = result.scores
            assert (exact.status, exact.passed) == ("scored", True)
            assert (late.name, late.status) == ("stuck", "timeout")
            assert late.reason == "took longer than 0.3 s"

    def test_a_scorer_with_a_limit_of_its_own_keeps_to_that(self) -> None:
        @scorer(timeout_s=30.0)
        async def slow(output: str) -> bool:
            await asyncio.sleep(0.1)
            return True

        sink, _ = run(same_async, rows(1), [slow], scorer_timeout_s=0.01)
        assert sink.results["e0", 0].scores[0].passed

    def test_what_cannot_be_kept_ends_the_run(self) -> None:
        class Full(Kept):
            def finished(self, result: Result) -> None:
                raise NotDurable("the disk is full")

        engine = Engine(answering(same_async), [right], Full(), run="r")
        with pytest.raises(NotDurable, match="the disk is full"):
            asyncio.run(engine.go(rows(3)))

    def test_cancelling_stops_what_is_in_flight(self) -> None:
        sink, stopped, waiting = Kept(), list[str](), list[str]()
        all_wait = asyncio.Event()

        async def task(input: str) -> str:
            if input == "q0":
                return input
            waiting.append(input)
            if len(waiting) == 4:
                all_wait.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.append(input)
            raise AssertionError

        async def work() -> None:
            engine = Engine(answering(task), [right], sink, run="r", bounds=Bounds(concurrency=4))
            going = asyncio.create_task(engine.go(rows(9)))
            await all_wait.wait()
            going.cancel()
            with pytest.raises(asyncio.CancelledError):
                await going

        asyncio.run(work())
        assert list(sink.results) == [("e0", 0)]
        assert len(stopped) == 4


class Refusing:
    """A task that answers no more than `most` at once, as a provider with a limit does."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now = 0
        self.refused = 0

    async def __call__(self, input: str) -> str:
        if self.now >= self.most:
            self.refused += 1
            raise RateLimited("too many", retry_after_s=0.01)
        self.now += 1
        try:
            await asyncio.sleep(0.002)
        finally:
            self.now -= 1
        return input


class TestPace:
    def test_refused_cases_are_asked_again_and_all_are_answered(self) -> None:
        task = Refusing(2)
        sink, engine = run(task, rows(60), concurrency=16)
        assert {result.error for result in sink.results.values()} == {None}
        assert len(sink.results) == 60
        assert task.refused > 0
        assert engine.pace.limit < 16

    def test_the_limit_grows_again_when_nobody_refuses(self) -> None:
        async def work() -> tuple[float, float]:
            pace = Pace(8)
            refusals = iter([0.001])

            async def call() -> None:
                await asyncio.sleep(0)

            await pace.through(call, lambda _: next(refusals, None))
            after = pace.limit
            for _ in range(60):
                await pace.through(call, lambda _: None)
            return after, pace.limit

        after, later = asyncio.run(work())
        assert after < 8
        assert later == 8

    def test_one_burst_of_refusals_halves_once(self) -> None:
        async def work() -> float:
            pace, left = Pace(16), [16]

            async def call() -> bool:
                await asyncio.sleep(0)
                left[0] -= 1
                return left[0] >= 0

            await asyncio.gather(
                *(pace.through(call, lambda refused: 0.001 if refused else None) for _ in range(16))
            )
            return pace.limit

        assert asyncio.run(work()) >= 8

    def test_a_wait_that_is_too_long_is_not_waited(self) -> None:
        async def task(input: str) -> str:
            raise RateLimited("the budget is spent", retry_after_s=86_400)

        sink, _ = run(task, rows(1))
        assert sink.results["e0", 0].error == "the budget is spent"

    @pytest.mark.parametrize(
        ("fields", "wait_s"),
        [
            ({"status_code": 429}, 0.0),
            ({"status": 429, "fields": {"retry_after_s": 3}}, 3.0),
            ({"status_code": 500}, None),
            ({"status_code": 503}, None),
        ],
    )
    def test_errors_of_other_clients_are_understood(
        self, fields: dict[str, Any], wait_s: float | None
    ) -> None:
        error = RuntimeError("x")
        for name, value in fields.items():
            setattr(error, name, value)
        assert error_refusal(error) == wait_s

    def test_a_chat_at_a_pace_is_asked_again_when_it_is_refused(self) -> None:
        replies = [
            ChatReply(status=429, error="slow down", retry_after_s=0.001),
            ChatReply(text="x"),
        ]

        class Chat:
            async def ask(self, request: Mapping[str, Any]) -> ChatReply:
                return replies.pop(0)

        async def work() -> ChatReply:
            return await PacedChat(Chat(), Pace(4)).ask({})

        assert asyncio.run(work()).text == "x"
        assert replies == []


class TestGoingAhead:
    def test_the_next_case_is_asked_while_one_is_judged_and_its_answer_is_kept(self) -> None:
        kept = asyncio.Event()

        class Watching(Kept):
            def answered(self, result: Result) -> None:
                super().answered(result)
                if {("e2", 0), ("e3", 0)} <= self.answers.keys():
                    kept.set()

        async def waits(input: str) -> str:
            await asyncio.sleep(0.01)
            return input

        @scorer(tier="judge", timeout_s=20.0)
        async def patient(output: str) -> bool:
            await kept.wait()
            return True

        sink = Watching()
        bounds = Bounds(concurrency=2)
        engine = Engine(answering(waits), [patient], sink, run="r", bounds=bounds)
        asyncio.run(engine.go(rows(6)))
        assert engine.tally.done == 6
        assert engine.tally.unscored == 0
        assert sorted(sink.results) == [(f"e{n}", 0) for n in range(6)]

    def test_no_more_are_asked_at_once_than_may_be(self) -> None:
        now = most = 0

        async def waits(input: str) -> str:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.004)
            now -= 1
            return input

        sink, _ = run(waits, rows(30), [right, judged], concurrency=3)
        assert (most, len(sink.results)) == (3, 30)


class TestResults:
    def test_an_answer_is_kept_before_its_judges_are_asked(self) -> None:
        sink, _ = run(same_async, rows(1), [right, judged])
        assert sink.events == [("answered", ("e0", 0)), ("finished", ("e0", 0))]
        assert [score.name for score in sink.results["e0", 0].scores] == ["right", "judged"]

    def test_what_is_there_already_is_neither_asked_nor_judged_again(self) -> None:
        first, _ = run(same_async, rows(6), [right, judged])
        asked: list[str] = []

        async def task(input: str) -> str:
            asked.append(input)
            return input

        results = {key: result for key, result in first.results.items() if key[0] < "e3"}
        answers = {("e3", 0): first.answers["e3", 0]}
        sink, engine = run(task, rows(6), [right, judged], results=results, answers=answers)
        assert sorted(asked) == ["q4", "q5"]
        assert sorted(sink.results) == [("e3", 0), ("e4", 0), ("e5", 0)]
        assert len(sink.results["e3", 0].scores) == 2
        assert (engine.tally.reused, engine.tally.done) == (3, 6)

    def test_repeats_are_different_scores_of_one_example(self) -> None:
        sink, _ = run(same_async, rows(2), repeats=3)
        scores = [score for result in sink.results.values() for score in result.scores]
        assert len({score.score_id for score in scores}) == 6
        assert {score.target.id for score in scores} == {"e0", "e1"}
        assert sorted(score.metadata.get("repeat", 0) for score in scores) == [0, 0, 1, 1, 2, 2]

    def test_a_scorer_of_samples_sees_the_other_repeats(self) -> None:
        def task(input: str, repeat: int) -> str:
            return f"{input}-{min(repeat, 1)}"

        sink, _ = run(task, rows(2), [varied], repeats=3, concurrency=1)
        assert {score.value for r in sink.results.values() for score in r.scores} == {2.0}
        assert sink.events[:3] == [("answered", ("e0", n)) for n in range(3)]

    def test_repeats_are_averaged_within_their_case(self) -> None:
        def task(input: str, repeat: int) -> str:
            return input if repeat or input == "q0" else "wrong"

        examples = rows(3)
        sink, _ = run(task, examples, repeats=4)
        results = list(sink.results.values())
        vector = vectors_of(results, [e.example_id for e in examples])["right"]
        assert vector.values == {"e0": 1.0, "e1": 0.75, "e2": 0.75}
        assert not vector.binary
        metric = headlines(results, examples, applied([right]))["right"]
        assert (metric.n, metric.total) == (3, 3)
        assert passing(results, CaseRule(metric="right", at_least=3)) == dict.fromkeys(
            ["e0", "e1", "e2"], True
        )
        assert passing(results, CaseRule(metric="right")) == {"e0": True, "e1": False, "e2": False}


def priced(cost: str) -> Callable[..., Any]:
    async def task(example: Example) -> Response:
        await asyncio.sleep(0)
        return Response(output=example.input, cost_usd=Decimal(cost))

    return task


class TestMoney:
    @pytest.mark.parametrize("concurrency", [1, 4, 16])
    def test_a_run_ends_before_it_costs_more_than_it_may(self, concurrency: int) -> None:
        sink, engine = run(
            priced("0.3"), rows(50), concurrency=concurrency, most_usd=Decimal("2.0")
        )
        spent = total_cost(list(sink.results.values()))
        assert spent == engine.spending.spent_usd == Decimal("1.8")
        assert engine.spending.exhausted
        assert len(sink.results) == 6

    def test_a_run_within_its_budget_comes_to_its_end(self) -> None:
        sink, engine = run(priced("0.3"), rows(5), most_usd=Decimal("2.0"))
        assert len(sink.results) == 5
        assert not engine.spending.exhausted

    @pytest.mark.parametrize(
        ("fields", "cost"),
        [
            ({"cost_usd": Decimal(2)}, Decimal(2)),
            ({"cost_usd": Decimal(2), "cached": True}, Decimal(0)),
            ({"cost_usd": None}, None),
            ({"cost_usd": None, "error": "x"}, Decimal(0)),
            ({"cost_usd": Decimal(2), "scores": ["0.5", "0.25"]}, Decimal("2.75")),
            ({"cost_usd": Decimal(2), "scores": ["0.5", None]}, None),
            ({"cost_usd": Decimal(2), "cached": True, "scores": [None]}, None),
            ({"cost_usd": Decimal(2), "scores": ["0"]}, Decimal(2)),
        ],
    )
    def test_unknown_is_not_nothing(self, fields: dict[str, Any], cost: Decimal | None) -> None:
        scores = tuple(
            Score(
                score_id=str(place),
                target=Target(kind="example", id="e"),
                name=f"judge {place}",
                value=1.0,
                source="judge",
                digest=str(place),
                cost_usd=None if judged is None else Decimal(judged),
                time_ns=1,
            )
            for place, judged in enumerate(fields.get("scores", ()))
        )
        assert cost_of(Result(example_id="e", **{**fields, "scores": scores})) == cost

    def test_what_a_judge_costs_may_be_with_one_of_its_scores(self) -> None:
        @scorer(tier="judge")
        async def both(output: str) -> dict[str, Judgement]:
            return {
                "one": Judgement(value=1.0, cost_usd=Decimal(1)),
                "two": Judgement(value=1.0),
            }

        sink, _ = run(priced("1"), rows(1), scorers=[both])
        assert total_cost(list(sink.results.values())) == Decimal(2)

    @pytest.mark.parametrize("scorers", [[judged], [judged, varied]], ids=["", "together"])
    def test_where_judges_have_no_price_a_limit_is_kept_by_ending(self, scorers: list[Any]) -> None:
        repeats = len(scorers)
        sink, engine = run(
            priced("0.1"), rows(9), scorers=scorers, repeats=repeats, most_usd=Decimal(5)
        )
        assert engine.spending.exhausted
        assert engine.spending.unbounded
        assert engine.spending.unpriced == 1
        assert len(sink.results) == repeats
