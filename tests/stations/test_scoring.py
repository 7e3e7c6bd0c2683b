"""Live traffic is scored in the background, once, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.stations import scoring_process
from tests.stations.scoring_process import brief
from tests.tables import metadata_in, telemetry_in

from trimtab.errors import NotDurable, ScorerError, StoreError
from trimtab.kit import ids
from trimtab.kit.clock import SystemClock
from trimtab.ports import CursorStore, ScoreQuery, Scorer, Sequenced, Subject, TelemetryStore
from trimtab.records import Score, Span
from trimtab.scorers.definition import scorer
from trimtab.scorers.registry import resolve
from trimtab.scoring.online import CURSOR, OnlineScoring, Waits, is_live_call, sampled
from trimtab.scoring.pace import Pace

PASSAGE = {
    "id": "docs/serve.md#ports/0",
    "source": "docs/serve.md",
    "heading": "Ports",
    "text": "The server listens on port 8321.",
    "score": 3.5,
}


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[TelemetryStore]:
    with closing(telemetry_in(tmp_path)) as store:
        yield store


@pytest.fixture
def cursors(tmp_path: Path) -> Iterator[CursorStore]:
    with closing(metadata_in(tmp_path)) as store:
        yield store.cursors


def call(trace_id: str | None = None, **changes: Any) -> list[Span]:
    """The spans of one call through a route, as the gateway writes them; root first."""
    trace_id = trace_id or ids.trace_id()
    root_id = ids.span_id()
    answer = [{"role": "assistant", "content": f"It listens on port 8321. [{PASSAGE['id']}]"}]
    shared: dict[str, Any] = {
        "trace_id": trace_id,
        "project": "default",
        "start_ns": 1_700_000_000_000_000_000,
        "end_ns": 1_700_000_000_020_000_000,
        "status": "ok",
        "route": "docs",
    }
    root: dict[str, Any] = {
        **shared,
        "span_id": root_id,
        "name": "docs",
        "kind": "chain",
        "input": [{"role": "user", "content": "Which port?"}],
        "output": answer,
        **changes,
    }
    child = {**shared, "parent_id": root_id, "run": root.get("run"), "project": root["project"]}
    retriever = Span(
        **child, span_id=ids.span_id(), name="retrieve", kind="retriever", output=[PASSAGE]
    )
    model = Span(
        **child,
        span_id=ids.span_id(),
        name="m",
        kind="llm",
        model="m",
        output=answer,
        cost_usd=Decimal("0.000125"),
    )
    return [Span(**root), retriever, model]


def store_calls(telemetry: TelemetryStore, calls: Sequence[Sequence[Span]]) -> None:
    for future in [telemetry.append(spans=spans) for spans in calls]:
        future.result()


def scores_of(telemetry: TelemetryStore, **query: Any) -> list[Score]:
    return telemetry.scores(ScoreQuery(limit=100_000, **query))


def online(
    telemetry: TelemetryStore,
    cursors: CursorStore,
    scorers: Sequence[Scorer] = (brief,),
    sample: float = 1.0,
    **settings: Any,
) -> OnlineScoring:
    return OnlineScoring(telemetry, cursors, scorers, sample, SystemClock(), **settings)


def drained(scoring: OnlineScoring) -> None:
    async def drain() -> None:
        async with asyncio.timeout(30):
            await scoring.drain()

    asyncio.run(drain())


class TestJudging:
    def test_a_call_is_judged_with_its_passages_its_latency_and_its_cost(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        [root, *rest] = call()
        store_calls(telemetry, [[root, *rest]])
        names = ["cites_source", "groundedness", "latency", "cost"]
        drained(online(telemetry, cursors, resolve(names)))
        scores = {score.name: score for score in scores_of(telemetry, trace_ids=(root.trace_id,))}
        assert sorted(scores) == sorted(names)
        assert scores["cites_source"].passed is True
        assert scores["groundedness"].value == 1.0
        assert scores["latency"].value == 20.0
        assert scores["cost"].value == 0.000125
        assert {score.target.id for score in scores.values()} == {root.span_id}

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": "error"},
            {"status": "cancelled"},
            {"run": "run-1"},
            {"kind": "other"},
            {"route": None},
            {"parent_id": "a" * 16},
        ],
        ids=str,
    )
    def test_what_is_not_a_live_call_that_succeeded_is_left_alone(
        self, telemetry: TelemetryStore, cursors: CursorStore, changes: dict[str, Any]
    ) -> None:
        spans = call(**changes)
        assert not is_live_call(spans[0])
        store_calls(telemetry, [spans, call()])
        drained(online(telemetry, cursors))
        assert len(scores_of(telemetry)) == 1

    def test_a_direct_model_call_is_judged_too(self) -> None:
        [root, *_] = call(kind="llm", route=None, model="trimtab/extract")
        assert is_live_call(root)

    def test_every_project_is_scored_in_its_own(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        trace_id = ids.trace_id()
        store_calls(telemetry, [call(trace_id, project="a"), call(trace_id, project="b")])
        drained(online(telemetry, cursors))
        assert len(scores_of(telemetry, project="a")) == 1
        assert len(scores_of(telemetry, project="b")) == 1

    @pytest.mark.parametrize("page", [1, 2, 3, 4, 7, 100])
    def test_a_trace_is_whole_wherever_a_page_ends(
        self, telemetry: TelemetryStore, cursors: CursorStore, page: int
    ) -> None:
        store_calls(telemetry, [call() for _ in range(9)])
        drained(online(telemetry, cursors, resolve(["groundedness", "cost"]), page=page))
        scores = scores_of(telemetry)
        assert len(scores) == 18
        assert {score.status for score in scores} == {"scored"}

    def test_without_scorers_the_cursor_still_moves(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        store_calls(telemetry, [call()])
        drained(online(telemetry, cursors, ()))
        assert cursors.get(CURSOR) > 0
        drained(online(telemetry, cursors))
        assert scores_of(telemetry) == []


class TestSampling:
    def test_the_sample_is_a_share_and_the_same_every_time(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        calls = [call(f"{n:032x}") for n in range(1, 401)]
        store_calls(telemetry, calls)
        drained(online(telemetry, cursors, sample=0.25))
        chosen = {score.target.trace_id for score in scores_of(telemetry)}
        assert chosen == {f"{n:032x}" for n in range(1, 401) if sampled(f"{n:032x}", 0.25)}
        assert 60 <= len(chosen) <= 140  # binomial(400, 1/4): mean 100, sd 8.7

    def test_a_larger_sample_holds_the_smaller_one(self) -> None:
        traces = [ids.trace_id() for _ in range(500)]
        shares = [0.0, 0.1, 0.5, 0.9, 1.0]
        samples = [{trace for trace in traces if sampled(trace, share)} for share in shares]
        assert all(small <= large for small, large in itertools.pairwise(samples))
        assert (len(samples[0]), len(samples[-1])) == (0, 500)

    @pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
    def test_what_is_not_a_share_is_refused(
        self, telemetry: TelemetryStore, cursors: CursorStore, share: float
    ) -> None:
        with pytest.raises(ScorerError):
            online(telemetry, cursors, sample=share)


class TestRunning:
    def test_new_calls_are_scored_when_it_is_woken_and_when_it_is_not(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        judged = asyncio.Queue[str]()

        @scorer
        async def reports(output: str) -> bool:
            judged.put_nowait(output)
            return True

        async def run() -> None:
            woken = online(telemetry, cursors, [reports], waits=Waits(poll_s=3600))
            woken.start()
            await woken.drain()
            await asyncio.to_thread(store_calls, telemetry, [call()])
            woken.wake()
            await judged.get()
            await woken.drain()
            await woken.stop()
            polling = online(telemetry, cursors, [reports], waits=Waits(poll_s=0.01))
            polling.start()
            await asyncio.to_thread(store_calls, telemetry, [call()])
            await judged.get()
            await polling.drain()
            await polling.stop()

        asyncio.run(asyncio.wait_for(run(), 60))
        assert len(scores_of(telemetry)) == 2

    def test_calls_are_judged_together_up_to_the_limit(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        inside = most = 0

        @scorer
        async def crowded(output: str) -> bool:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            for _ in range(5):
                await asyncio.sleep(0)
            inside -= 1
            return True

        store_calls(telemetry, [call() for _ in range(20)])
        drained(online(telemetry, cursors, [crowded], concurrency=3))
        assert most == 3

    def test_stopping_leaves_the_rest_for_the_next_time(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        store_calls(telemetry, [call() for _ in range(3)])

        async def run() -> None:
            begun = asyncio.Event()

            @scorer(name="brief")
            async def endless(output: str) -> bool:
                begun.set()
                await asyncio.Event().wait()
                return True

            scoring = online(telemetry, cursors, [endless])
            scoring.start()
            await begun.wait()
            await scoring.stop()
            await scoring.stop()

        asyncio.run(asyncio.wait_for(run(), 60))
        assert scores_of(telemetry) == []
        drained(online(telemetry, cursors))
        assert len(scores_of(telemetry)) == 3


class Breaking:
    """A scorer that does not keep the port's promise."""

    name, version, digest, tier, higher_is_better = "breaking", "1", "d" * 64, "code", True

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def score(self, subject: Subject) -> list[Score]:
        raise self.error


class Unstorable(Breaking):
    """A scorer whose scores no store can take."""

    name = "unstorable"

    def __init__(self) -> None:
        super().__init__(ValueError())

    async def score(self, subject: Subject) -> list[Score]:
        score_id = f"unstorable {subject.target.id}"
        return [
            Score(
                score_id=score_id,
                target=subject.target,
                name=self.name,
                label="half a pair: \ud800",
                time_ns=1,
            )
        ]


class Failing:
    """A real store in front of which some calls fail, as when the disk is full or it is away."""

    def __init__(self, real: Any, **failures: list[Exception]) -> None:
        self._real = real
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        waiting = self._failures.get(name)
        if not waiting:
            return getattr(self._real, name)

        def fail(*args: Any, **kwargs: Any) -> Any:
            error = waiting.pop(0)
            if name != "append":
                raise error
            refused: Future[Any] = Future()
            refused.set_exception(error)
            return refused

        return fail


class TestFailures:
    def test_a_failing_store_is_tried_again_and_nothing_is_lost_or_doubled(
        self,
        telemetry: TelemetryStore,
        cursors: CursorStore,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        store_calls(telemetry, [call() for _ in range(10)])
        broken = Failing(
            telemetry,
            spans_after=[StoreError("away"), StoreError("away")],
            append=[NotDurable("disk full"), RuntimeError("not even a store error")],
            trace=[StoreError("away")],
        )
        forgetful = Failing(cursors, get=[StoreError("away")], put=[StoreError("away")])
        drained(online(broken, forgetful, page=4, waits=Waits(backoff_s=0.001)))
        scores = scores_of(telemetry)
        assert len(scores) == 10
        assert len({score.target.id for score in scores}) == 10
        assert "disk full" in caplog.text
        assert "not even a store error" in caplog.text

    @pytest.mark.parametrize("error", [ValueError("odd"), asyncio.CancelledError("odd")])
    def test_a_scorer_that_raises_is_on_record_and_stops_nobody(
        self,
        telemetry: TelemetryStore,
        cursors: CursorStore,
        caplog: pytest.LogCaptureFixture,
        error: BaseException,
    ) -> None:
        store_calls(telemetry, [call()])
        drained(online(telemetry, cursors, [Breaking(error), brief]))
        scores = {score.name: score for score in scores_of(telemetry)}
        assert (scores["breaking"].status, scores["brief"].status) == ("error", "scored")
        assert scores["breaking"].reason == f"{type(error).__name__}: odd"
        assert "the scorer breaking raised" in caplog.text

    def test_a_score_that_cannot_be_stored_does_not_hold_up_the_others(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        store_calls(telemetry, [call() for _ in range(3)])
        drained(online(telemetry, cursors, [Unstorable(), brief]))
        scores = scores_of(telemetry)
        assert sorted((score.name, score.status) for score in scores) == [
            *[("brief", "scored")] * 3,
            *[("unstorable", "error")] * 3,
        ]
        assert all("cannot be stored" in (s.reason or "") for s in scores if s.status == "error")

    def test_scoring_again_from_the_start_replaces_and_never_doubles(
        self, telemetry: TelemetryStore, cursors: CursorStore
    ) -> None:
        store_calls(telemetry, [call() for _ in range(5)])
        drained(online(telemetry, cursors))
        first = {score.score_id for score in scores_of(telemetry)}
        cursors.put(CURSOR, 0)
        drained(online(telemetry, cursors))
        assert {score.score_id for score in scores_of(telemetry)} == first
        assert len(first) == 5

    def test_killed_at_any_moment_it_neither_loses_nor_doubles_a_score(
        self, tmp_path: Path
    ) -> None:
        calls = [call() for _ in range(30)]
        with closing(telemetry_in(tmp_path)) as telemetry:
            store_calls(telemetry, calls)
        for moment in ("judging", "judged", "appended"):
            process = subprocess.Popen(
                [sys.executable, scoring_process.__file__, tmp_path, moment],
                stdout=subprocess.PIPE,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == b"here\n"
            process.send_signal(signal.SIGKILL)
            process.communicate()
        with (
            closing(telemetry_in(tmp_path)) as telemetry,
            closing(metadata_in(tmp_path)) as metadata,
        ):
            drained(online(telemetry, metadata.cursors))
            scores = scores_of(telemetry, name="brief")
            assert sorted(score.target.id for score in scores) == sorted(
                root.span_id for root, *_ in calls
            )


def test_what_the_store_orders_is_what_was_appended(telemetry: TelemetryStore) -> None:
    spans = call()
    store_calls(telemetry, [spans])
    found: list[Sequenced] = telemetry.spans_after(0, limit=10)
    assert [item.span.span_id for item in found] == [span.span_id for span in spans]


# -- pace --------------------------------------------------------------------------------------


class Now:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns


def test_a_pace_has_room_for_a_burst_and_then_for_what_is_earned() -> None:
    now = Now()
    pace = Pace(50, now, burst=100)
    assert pace.room() == 100
    pace.spend(130)
    assert pace.room() == -30
    now.ns += 2_000_000_000
    assert pace.room() == 70
    now.ns += 3600 * 1_000_000_000
    assert pace.room() == 100


def test_of_more_calls_than_the_pace_allows_some_are_judged_and_the_rest_counted(
    telemetry: TelemetryStore, cursors: CursorStore
) -> None:
    now = Now()
    pace = Pace(50, now, burst=100)
    skipped = 0

    def judged_of(calls: int) -> int:
        nonlocal skipped
        before = len(scores_of(telemetry))
        store_calls(telemetry, [call() for _ in range(calls)])
        scoring = online(telemetry, cursors, [brief], pace=pace, page=100)
        drained(scoring)
        skipped += scoring.skipped
        return len(scores_of(telemetry)) - before

    first = judged_of(300)
    assert 0 < first <= 100
    assert skipped > 0
    assert judged_of(60) == 0, "nothing was earned yet"
    now.ns += 4_000_000_000
    assert judged_of(10) == 10
