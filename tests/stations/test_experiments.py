"""Experiments: every example is answered, judged and counted, and a run always ends with a word."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.stations.laboratory import Laboratory, echo, failing_on, length, right, rows
from tests.stations.wiring import in_loop
from tests.tables import metadata_in, telemetry_in

from trimtab.errors import Conflict, NotDurable, ProviderUnavailable, StoreError
from trimtab.experiments.silence import SILENT_S, give_up, heard
from trimtab.kit.clock import NS_PER_S, SystemClock
from trimtab.ports import Response, RunStore, Subject, Written
from trimtab.records import Example, Result, Run, Score


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


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    metadata = metadata_in(tmp_path)
    with closing(metadata), closing(telemetry_in(tmp_path)) as telemetry:
        yield Laboratory(metadata, telemetry)


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

    def test_a_run_of_which_every_call_failed_is_a_failed_run(self, lab: Laboratory) -> None:
        run = lab.execute(rows(3), failing_on("e0", "e1", "e2"))
        assert (run.status, run.error) == ("failed", "every call failed: HTTP 500")
        assert lab.stored() == run
        assert len(lab.scores()) == 3, "what was found out is kept"

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
                    assert go_on.wait(60)
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
            """A store with a defect of its own."""

            def __getattr__(self, name: str) -> Any:
                return getattr(runs, name)

            def append(self, project: str, run_id: str, results: Any) -> None:
                raise RuntimeError("the store has a bug")

        runs = Watched(lab.metadata.runs, "failed")

        async def work() -> None:
            experiments = lab.experiments(runs=Broken())
            experiments.start(lab.new(rows(5)), echo, rows(5), [right])
            assert await asyncio.to_thread(runs.reached.wait, 20)
            await experiments.stop()

        in_loop(work)
        assert (lab.stored().status, lab.stored().error) == ("failed", "the store has a bug")

    def test_a_scorer_that_raises_is_the_error_of_its_own_scores(
        self, lab: Laboratory, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Broken:
            """A scorer that breaks its promise never to raise."""

            name, version, digest, tier, higher_is_better = "broken", "1", "b", "code", True

            async def score(self, subject: Subject) -> list[Score]:
                raise RuntimeError("the scorer has a bug")

        run = lab.execute(rows(5), scorers=[Broken(), right])
        assert (run.status, run.metrics["right"].n, run.metrics["broken"].n) == ("done", 5, 0)
        reasons = {(s.status, s.reason) for s in lab.scores() if s.name == "broken"}
        assert reasons == {("error", "RuntimeError: the scorer has a bug")}

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
        long_ago = SystemClock().now_ns() - 100 * NS_PER_S
        runs.put(lab.new(rows(5), "left", done=3, heard_ns=long_ago))
        runs.put(lab.new(rows(5), "theirs", project="other", heard_ns=long_ago))
        ended = lab.new(rows(5), "ended", status="done", heard_ns=long_ago)
        elsewhere = lab.new(rows(5), "elsewhere", source="eval", heard_ns=long_ago)
        beside = lab.new(rows(5), "beside")
        for run in (ended, elsewhere, beside):
            runs.put(run)

        async def start() -> None:
            experiments = lab.experiments()
            await experiments.watch()
            await experiments.stop()

        in_loop(start)
        left = runs.get("default", "left")
        error = "whoever executes it has not been heard of for 90 s"
        assert (left.status, left.error, left.done) == ("interrupted", error, 3)
        assert left.ended_ns == long_ago
        assert runs.get("other", "theirs").status == "interrupted"
        for run in (ended, elsewhere, beside):
            assert runs.get("default", run.run_id) == run, "it goes on, or is over"

    def test_a_run_of_another_process_ends_when_nothing_is_heard_and_goes_on_when_it_is(
        self, lab: Laboratory
    ) -> None:
        runs, clock = lab.metadata.runs, SystemClock()
        heard_ns = clock.now_ns() - int(SILENT_S + 1) * NS_PER_S
        runs.put(lab.new(rows(5), source="eval", heard_ns=heard_ns))
        runs.append("default", "run-1", [Result(example_id=f"e{n}") for n in (1, 2)])
        assert [run.run_id for run in give_up(runs, clock)] == ["run-1"]
        assert give_up(runs, clock) == []
        assert (lab.stored().status, lab.stored().done) == ("interrupted", 2)
        heard(runs, lab.stored(), clock)
        again = lab.stored()
        assert (again.status, again.error, again.ended_ns) == ("running", None, None)
        heard(runs, again, clock)
        assert lab.stored() == again, "said just now: nothing is written"
        stopped = lab.new(rows(5), source="eval", status="interrupted", error="interrupted")
        heard(runs, stopped, clock)
        assert lab.stored() == again, "what was stopped by hand stays so"
