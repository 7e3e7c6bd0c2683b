"""Experiments: every example is answered, judged and counted, and a run always ends with a word."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.stations.wiring import open_telemetry

from trimtab.errors import Conflict, NotDurable, ProviderUnavailable, StoreError
from trimtab.experiments.execute import Experiments, new_run
from trimtab.experiments.gate import GateRule
from trimtab.experiments.vectors import vectors
from trimtab.experiments.verdict import judged
from trimtab.kit.clock import SystemClock
from trimtab.ports import Response, RunStore, ScoreQuery, Scorer, Subject, TelemetryStore, Written
from trimtab.records import Dataset, Example, Release, Run, Score, Span, Target
from trimtab.scorers.definition import scorer
from trimtab.scorers.registry import resolve
from trimtab.stores.metadata.sql import SQLMetadata


@scorer
def right(output: str, expected: str) -> bool:
    return output == expected


@scorer
def length(output: str) -> float:
    return float(len(output))


@scorer
def tone(output: str) -> str:
    return "calm"


def rows(count: int, **fields: Any) -> list[Example]:
    return [
        Example(example_id=f"e{n}", input=f"q{n}", expected=f"q{n}", **fields) for n in range(count)
    ]


async def echo(example: Example) -> Response:
    return Response(output=example.input, cost_usd=Decimal("0.001"))


def failing_on(*ids: str, error: Exception | None = None) -> Any:
    """A task that fails on some examples: with an error it raises, or one it returns."""

    async def task(example: Example) -> Response:
        if example.example_id not in ids:
            return await echo(example)
        if error is not None:
            raise error
        return Response(output=None, error="HTTP 500")

    return task


class Watched:
    """The real store of runs; `reached` is set when a run has come to a status."""

    def __init__(self, runs: RunStore, status: str) -> None:
        self._runs = runs
        self._status = status
        self.reached = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runs, name)

    def put(self, run: Run) -> None:
        self._runs.put(run)
        if run.status == self._status:
            self.reached.set()


class Laboratory:
    """Experiments over real stores."""

    def __init__(self, metadata: SQLMetadata, telemetry: TelemetryStore) -> None:
        self.metadata = metadata
        self.telemetry = telemetry

    def experiments(self, **stores: Any) -> Experiments:
        given = {"runs": self.metadata.runs, "telemetry": self.telemetry, "clock": SystemClock()}
        return Experiments(**given | stores)

    def new(
        self,
        examples: Sequence[Example],
        run_id: str = "run-1",
        scorers: Sequence[Scorer] = (right,),
        **fields: Any,
    ) -> Run:
        release = Release(
            release_id="r", route="docs", version=1, targets=(), digest="rd", created_ns=1
        )
        dataset = Dataset(name="d", version=1, size=len(examples), digest="dd", created_ns=1)
        run = new_run(
            run_id,
            name="n",
            release=release,
            dataset=dataset,
            split=None,
            examples=examples,
            scorers=scorers,
            clock=SystemClock(),
        )
        return msgspec.structs.replace(run, **fields)

    def execute(
        self,
        examples: Sequence[Example],
        task: Any = echo,
        scorers: Sequence[Scorer] = (right,),
        run_id: str = "run-1",
        **settings: Any,
    ) -> Run:
        run = self.new(examples, run_id, scorers)
        return in_loop(lambda: self.experiments().execute(run, task, examples, scorers, **settings))

    def stored(self, run_id: str = "run-1") -> Run:
        return self.metadata.runs.get("default", run_id)

    def scores(self, run_id: str = "run-1") -> list[Score]:
        return self.telemetry.scores(ScoreQuery(run=run_id, limit=10_000))

    def judge(self, candidate: Run, baseline: Run, examples: Any, *rules: GateRule) -> Run:
        return judged(
            candidate,
            baseline,
            telemetry=self.telemetry,
            examples=examples,
            scorers=[right],
            rules=rules,
        )


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    metadata = SQLMetadata.open(f"sqlite:///{tmp_path}/metadata.db")
    with closing(metadata), closing(open_telemetry(tmp_path)) as telemetry:
        yield Laboratory(metadata, telemetry)


def in_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(30):
            return await work()

    return asyncio.run(limited())


class TestExecuting:
    def test_a_run_ends_with_its_numbers_and_its_record_says_so(self, lab: Laboratory) -> None:
        run = lab.execute(rows(45), scorers=[right, length])
        assert (run.status, run.done, run.total, run.error) == ("done", 45, 45, None)
        assert run.ended_ns is not None
        assert run.ended_ns >= run.started_ns
        assert run.cost_usd == Decimal("0.045")
        assert run.metrics["right"].value == 1.0
        assert run.metrics["length"].value == pytest.approx((10 * 2 + 35 * 3) / 45)
        assert lab.stored() == run
        assert len(lab.scores()) == 90

    @pytest.mark.parametrize(
        "error",
        [None, ProviderUnavailable("it is down"), ValueError("no such key"), KeyError("x")],
        ids=["returned", "of ours", "of the task", "of Python"],
    )
    def test_an_example_the_task_fails_on_is_unscored_and_says_why(
        self, lab: Laboratory, error: Exception | None
    ) -> None:
        run = lab.execute(rows(10), failing_on("e3", "e7", error=error))
        assert (run.status, run.done) == ("done", 10)
        metric = run.metrics["right"]
        assert (metric.value, metric.n, metric.total, metric.coverage) == (1.0, 8, 10, 0.8)
        missing = {s.target.id: s for s in lab.scores() if s.status != "scored"}
        assert sorted(missing) == ["e3", "e7"]
        for score in missing.values():
            assert score.status == "unscored"
            assert score.reason is not None
            assert score.reason.startswith("the task failed: ")
            assert str(error or "HTTP 500").strip("'") in score.reason

    def test_a_run_with_an_unpriced_answer_has_an_unknown_cost(self, lab: Laboratory) -> None:
        async def task(example: Example) -> Response:
            cost = None if example.example_id == "e1" else Decimal("0.5")
            return Response(output=example.input, cost_usd=cost)

        assert lab.execute(rows(3), task).cost_usd is None
        assert lab.execute(rows(1), task, run_id="run-2").cost_usd == Decimal("0.5")

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_no_more_examples_are_in_flight_than_allowed(
        self, lab: Laboratory, concurrency: int
    ) -> None:
        now = most = 0

        async def task(example: Example) -> Response:
            nonlocal now, most
            now += 1
            most = max(most, now)
            for _ in range(5):
                await asyncio.sleep(0)
            now -= 1
            return await echo(example)

        lab.execute(rows(12), task, concurrency=concurrency)
        assert most == concurrency

    def test_scores_are_durable_while_the_run_is_still_going(self, lab: Laboratory) -> None:
        seen: list[tuple[int, str]] = []

        async def task(example: Example) -> Response:
            scores = await asyncio.to_thread(lab.scores)
            run = await asyncio.to_thread(lab.stored)
            seen.append((len(scores), run.status))
            return await echo(example)

        lab.execute(rows(5), task, concurrency=1)
        assert seen == [(n, "running") for n in range(5)]

    def test_progress_is_on_record_while_the_run_is_going(self, lab: Laboratory) -> None:
        seen: list[int] = []

        async def task(example: Example) -> Response:
            seen.append((await asyncio.to_thread(lab.stored)).done)
            return await echo(example)

        lab.execute(rows(50), task, concurrency=1)
        assert seen == sorted(seen)
        assert set(seen) == {0, 20, 40}

    def test_scores_that_cannot_be_stored_fail_the_run_by_their_own_error(
        self, lab: Laboratory
    ) -> None:
        class Full:
            def append(self, spans: Any = (), scores: Any = ()) -> Future[Written]:
                refused: Future[Written] = Future()
                refused.set_exception(NotDurable("the disk is full"))
                return refused

        run, examples = lab.new(rows(5)), rows(5)
        experiments = lab.experiments(telemetry=Full())
        with pytest.raises(NotDurable, match="the disk is full"):
            in_loop(lambda: experiments.execute(run, echo, examples, [right]))

    def test_a_dataset_without_rows_cannot_be_run(self, lab: Laboratory) -> None:
        with pytest.raises(Conflict, match="has no rows"):
            lab.new([])


class TestInTheBackground:
    def test_a_run_that_was_started_comes_to_its_end(self, lab: Laboratory) -> None:
        async def work() -> None:
            runs = Watched(lab.metadata.runs, "done")
            experiments = lab.experiments(runs=runs)
            experiments.start(lab.new(rows(5)), echo, rows(5), [right])
            assert await asyncio.to_thread(runs.reached.wait, 20)
            await experiments.stop()

        in_loop(work)
        assert (lab.stored().status, lab.stored().done) == ("done", 5)

    def test_a_run_that_is_stopped_is_interrupted_and_keeps_what_it_has(
        self, lab: Laboratory
    ) -> None:
        reached = asyncio.Event()

        async def task(example: Example) -> Response:
            if example.example_id == "e45":
                reached.set()
                await asyncio.Event().wait()
            return await echo(example)

        async def work() -> None:
            experiments = lab.experiments()
            experiments.start(lab.new(rows(50)), task, rows(50), [right], concurrency=1)
            await reached.wait()
            await experiments.stop()

        in_loop(work)
        run = lab.stored()
        assert (run.status, run.error, run.done) == ("interrupted", "the server stopped", 40)
        assert run.ended_ns is not None
        assert len(lab.scores()) == 45

    def test_a_run_that_is_stopped_before_it_began_is_interrupted_too(
        self, lab: Laboratory
    ) -> None:
        async def work() -> None:
            experiments = lab.experiments()
            experiments.start(lab.new(rows(5)), echo, rows(5), [right])
            await experiments.stop()

        in_loop(work)
        assert lab.stored().status == "interrupted"

    def test_progress_that_is_being_written_does_not_undo_the_end(self, lab: Laboratory) -> None:
        writing, go_on = threading.Event(), threading.Event()

        class Slow:
            """The real store, whose progress takes until the test says so."""

            def __getattr__(self, name: str) -> Any:
                return getattr(lab.metadata.runs, name)

            def put(self, run: Run) -> None:
                if run.done == 20 and run.status == "running":
                    writing.set()
                    assert go_on.wait(20)
                lab.metadata.runs.put(run)

        async def work() -> None:
            experiments = lab.experiments(runs=Slow())
            experiments.start(lab.new(rows(30)), echo, rows(30), [right], concurrency=1)
            await asyncio.to_thread(writing.wait, 20)
            stopping = asyncio.create_task(experiments.stop())
            await asyncio.sleep(0)
            go_on.set()
            await stopping

        in_loop(work)
        assert (lab.stored().status, lab.stored().done) == ("interrupted", 20)

    def test_a_run_that_fails_says_what_went_wrong(
        self, lab: Laboratory, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Broken:
            """A scorer that breaks its promise never to raise."""

            async def score(self, subject: Subject) -> list[Score]:
                raise RuntimeError("the scorer has a bug")

        async def work() -> None:
            runs = Watched(lab.metadata.runs, "failed")
            experiments = lab.experiments(runs=runs)
            scorers: Any = [Broken()]
            experiments.start(lab.new(rows(5)), echo, rows(5), scorers)
            assert await asyncio.to_thread(runs.reached.wait, 20)
            await experiments.stop()

        in_loop(work)
        assert (lab.stored().status, lab.stored().error) == ("failed", "the scorer has a bug")

    def test_a_store_that_is_away_at_the_end_stops_nobody(
        self, lab: Laboratory, caplog: pytest.LogCaptureFixture
    ) -> None:
        asked = asyncio.Event()

        class Away:
            def get(self, project: str, run_id: str) -> Run:
                raise StoreError("the database is away")

            def put(self, run: Run) -> None:
                if run.status != "running":
                    raise StoreError("the database is away")

        async def task(example: Example) -> Response:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        async def work() -> None:
            experiments = lab.experiments(runs=Away())
            experiments.start(lab.new(rows(1)), task, rows(1), [right])
            await asked.wait()
            await experiments.stop()

        in_loop(work)
        assert "run run-1 cannot be marked interrupted" in caplog.text

    def test_runs_that_a_crash_left_running_are_marked_at_the_next_start(
        self, lab: Laboratory
    ) -> None:
        runs: RunStore = lab.metadata.runs
        runs.put(lab.new(rows(5), "left", done=3))
        runs.put(lab.new(rows(5), "theirs", project="other"))
        ended = lab.new(rows(5), "ended", status="done")
        runs.put(ended)
        lab.experiments().recover()
        assert runs.running() == []
        left = runs.get("default", "left")
        assert (left.status, left.error, left.done) == ("interrupted", "the server was killed", 3)
        assert left.ended_ns is not None
        assert runs.get("other", "theirs").status == "interrupted"
        assert runs.get("default", "ended") == ended


def score(example: str, name: str = "m", **judged: Any) -> Score:
    given = {"target": Target(kind="example", id=example), "score_id": "s", "time_ns": 1}
    return Score(**{"name": name, **given, **judged})


class TestVectors:
    def test_an_example_without_a_judgement_is_there_without_a_number(self) -> None:
        scores = [score("a", passed=True), score("b", status="unscored", reason="x")]
        vector = vectors(scores, ["a", "b", "c"])["m"]
        assert vector.values == {"a": 1.0, "b": None, "c": None}
        assert vector.binary

    def test_a_metric_is_binary_only_when_every_judgement_is(self) -> None:
        mixed = [score("a", passed=True), score("b", value=0.0)]
        assert not vectors(mixed, ["a", "b"])["m"].binary
        nothing = [score("a", status="error"), score("b", status="timeout")]
        vector = vectors(nothing, ["a", "b"])["m"]
        assert (vector.values, vector.binary) == ({"a": None, "b": None}, False)

    @pytest.mark.parametrize("rest", [[], [score("b", status="unscored")]])
    def test_labels_are_no_numbers(self, rest: list[Score]) -> None:
        assert vectors([score("a", label="calm"), *rest], ["a", "b"]) == {}

    def test_the_later_of_two_judgements_counts_in_whatever_order_they_come(self) -> None:
        two = [score("a", value=1.0, time_ns=5), score("a", value=2.0, time_ns=9)]
        for scores in (two, two[::-1]):
            assert vectors(scores, ["a"])["m"].values == {"a": 2.0}

    def test_scores_of_anything_but_examples_are_no_part_of_a_run(self) -> None:
        of_span = score("a", target=Target(kind="span", id="a", trace_id="t"), passed=False)
        assert vectors([of_span], ["a"]) == {}
        assert vectors([of_span, score("a", passed=True)], ["a"])["m"].values == {"a": 1.0}

    def test_metrics_come_by_name_and_without_examples_nobody_asked_for(self) -> None:
        scores = [score("a", "z", value=1), score("x", "a", value=1)]
        found = vectors(scores, ["a"])
        assert list(found) == ["a", "z"]
        assert found["a"].values == {"a": None}


class TestJudging:
    def test_the_same_answers_twice_pass_and_better_ones_improve(self, lab: Laboratory) -> None:
        examples = rows(40)
        half = [row.example_id for row in examples[:20]]

        async def wrong_on_half(example: Example) -> Response:
            return Response(output="?" if example.example_id in half else example.input)

        baseline = lab.execute(examples, wrong_on_half, run_id="base")
        same = lab.execute(examples, wrong_on_half, run_id="same")
        better = lab.execute(examples, echo, run_id="better")
        verdict = lab.judge(same, baseline, examples, GateRule(metric="right", margin=0.15)).verdict
        assert verdict is not None
        assert (verdict.outcome, verdict.improved) == ("pass", False)
        verdict = lab.judge(better, baseline, examples).verdict
        assert verdict is not None
        assert (verdict.outcome, verdict.improved) == ("pass", True)
        assert verdict.baseline_run == "base"
        verdict = lab.judge(baseline, better, examples).verdict
        assert verdict is not None
        assert verdict.outcome == "fail"

    @pytest.mark.parametrize("status", ["running", "failed", "interrupted"])
    @pytest.mark.parametrize("which", ["candidate", "baseline"])
    def test_a_run_that_is_not_done_is_not_judged(
        self, lab: Laboratory, status: Any, which: str
    ) -> None:
        done = lab.execute(rows(3))
        other = msgspec.structs.replace(done, run_id="other", status=status)
        pair = (other, done) if which == "candidate" else (done, other)
        with pytest.raises(Conflict, match=f"run other is {status}, not done"):
            lab.judge(*pair, rows(3))

    @pytest.mark.parametrize("field", ["dataset_digest", "split"])
    def test_runs_over_different_examples_are_not_compared(
        self, lab: Laboratory, field: str
    ) -> None:
        done = lab.execute(rows(3))
        other = msgspec.structs.replace(done, run_id="other", **{field: "another"})
        with pytest.raises(Conflict, match="over different examples"):
            lab.judge(done, other, rows(3))

    def test_a_run_over_a_split_is_judged_by_that_split_alone(self, lab: Laboratory) -> None:
        everything = rows(30, split="test") + [
            Example(example_id=f"t{n}", input="x", split="train") for n in range(70)
        ]
        split = everything[:30]
        runs = []
        for run_id in ("base", "new"):
            run = lab.execute(split, run_id=run_id)
            runs.append(msgspec.structs.replace(run, split="test"))
        verdict = lab.judge(
            runs[1], runs[0], everything, GateRule(metric="right", margin=0.15)
        ).verdict
        assert verdict is not None
        (comparison,) = verdict.comparisons
        assert (comparison.difference.n, comparison.difference.total) == (30, 30)
        assert verdict.outcome == "pass"

    def test_a_candidate_that_could_not_be_judged_never_passes(self, lab: Laboratory) -> None:
        """One metric is fine and the other has no coverage at all: that is not a pass."""
        examples = rows(40)

        async def wordless(example: Example) -> Response:
            return Response(output=None)

        @scorer
        def answered(latency_ms: float | None = None) -> bool:
            return True

        baseline = lab.execute(examples, echo, [right, answered], run_id="base")
        silent = lab.execute(examples, wordless, [right, answered], run_id="new")
        verdict = lab.judge(silent, baseline, examples).verdict
        assert verdict is not None
        outcomes = {c.metric: c.outcome for c in verdict.comparisons}
        assert outcomes["right"] == "inconclusive"
        assert verdict.outcome == "inconclusive"

    def test_a_metric_that_only_one_run_has_cannot_be_passed(self, lab: Laboratory) -> None:
        examples = rows(30)
        baseline = lab.execute(examples, scorers=[right], run_id="base")
        other = lab.execute(examples, scorers=[right, length], run_id="new")
        verdict = lab.judge(other, baseline, examples, GateRule(metric="length")).verdict
        assert verdict is not None
        assert verdict.outcome == "inconclusive"
        assert verdict.reasons == ("length: was not measured",)

    def test_metrics_where_less_is_better_are_judged_so(self, lab: Laboratory) -> None:
        examples = rows(12)

        def taking(ms: float) -> Any:
            async def task(example: Example) -> Response:
                return Response(output="x", latency_ms=ms + int(example.example_id[1:]))

            return task

        scorers = resolve(["latency"])
        fast = lab.execute(examples, taking(10), scorers, run_id="fast")
        slow = lab.execute(examples, taking(500), scorers, run_id="slow")
        rule = GateRule(metric="latency", margin=5)
        for candidate, baseline, outcome in ((fast, slow, "pass"), (slow, fast, "fail")):
            run = judged(
                candidate,
                baseline,
                telemetry=lab.telemetry,
                examples=examples,
                scorers=scorers,
                rules=[rule],
            )
            assert run.verdict is not None
            assert run.verdict.outcome == outcome

    def test_clusters_come_from_the_examples(self, lab: Laboratory) -> None:
        alone = rows(24)
        grouped = [msgspec.structs.replace(row, cluster=f"c{n % 3}") for n, row in enumerate(alone)]

        async def wrong_sometimes(example: Example) -> Response:
            return Response(output="?" if int(example.example_id[1:]) % 3 == 0 else example.input)

        baseline = lab.execute(alone, run_id="base")
        worse = lab.execute(alone, wrong_sometimes, run_id="new")
        widths = []
        for examples in (alone, grouped):
            verdict = lab.judge(worse, baseline, examples).verdict
            assert verdict is not None
            difference = verdict.comparisons[0].difference
            assert difference.low is not None
            assert difference.high is not None
            widths.append(difference.high - difference.low)
        assert widths[1] > widths[0], "three clusters know less than 24 examples"

    def test_a_run_is_judged_by_its_own_scores_and_spans_are_left_alone(
        self, lab: Laboratory
    ) -> None:
        run = lab.execute(rows(3))
        span = Span(trace_id="t", span_id="s", name="n", start_ns=1, end_ns=2)
        lab.telemetry.append(spans=[span]).result()
        assert {score.run for score in lab.scores()} == {run.run_id}
        assert lab.telemetry.span_count() == 1
