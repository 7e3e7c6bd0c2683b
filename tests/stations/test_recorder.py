"""What was recorded reaches the store, once and in order, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.stations.wiring import open_telemetry

from trimtab.errors import InvalidRequest, NotDurable, StoreError
from trimtab.kit import ids, jsonx
from trimtab.ports import TelemetryStore, Written
from trimtab.records import Span, Usage
from trimtab.testing import strategies as drawn
from trimtab.tracing.recorder import SpanRecorder
from trimtab.tracing.spool import Spool

_numbers = itertools.count()


def span(**fields: Any) -> Span:
    given = {"trace_id": ids.trace_id(), "span_id": ids.span_id(), "start_ns": 1, "end_ns": 2}
    return Span(**given | {"name": f"span {next(_numbers)}"} | fields)


class Faulty:
    """The real store, which refuses when the test says so.

    Args:
        refuse: given the spans of an append, the error it fails with, or None.
    """

    def __init__(
        self, real: TelemetryStore, refuse: Callable[[Sequence[Span]], Exception | None]
    ) -> None:
        self._real = real
        self._refuse = refuse
        self.appends: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def append(self, spans: Sequence[Span] = (), scores: Any = ()) -> Future[Written]:
        self.appends.append(len(spans))
        error = self._refuse(spans)
        if error is None:
            return self._real.append(spans, scores)
        refused: Future[Written] = Future()
        refused.set_exception(error)
        return refused


class Busy:
    """The real store under load: something else is recorded before each append is done."""

    def __init__(self, real: TelemetryStore, load: Callable[[], Any]) -> None:
        self._real = real
        self._load = load

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def append(self, spans: Sequence[Span] = (), scores: Any = ()) -> Future[Written]:
        done: Future[Written] = Future()

        async def loaded() -> None:
            if work := self._load():
                await work
            done.set_result(await asyncio.wrap_future(self._real.append(spans, scores)))

        self._working = asyncio.create_task(loaded())
        return done


def away(times: int) -> Callable[[Sequence[Span]], Exception | None]:
    left = itertools.count()
    return lambda spans: StoreError("the store is away") if next(left) < times else None


def always(spans: Sequence[Span]) -> Exception | None:
    return StoreError("the store is away")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    with closing(open_telemetry(tmp_path)) as telemetry:
        yield telemetry


@asynccontextmanager
async def recording(
    data: Path, store: Any, *, started: bool = True, limit_s: float = 10, **settings: Any
) -> AsyncIterator[SpanRecorder]:
    spool = Spool.open(data / "spool", **settings)
    recorder = SpanRecorder(spool, store, retry_s=0.001)
    if started:
        recorder.start()
    try:
        yield recorder
    finally:
        await recorder.stop(limit_s=limit_s)


def in_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(30):
            return await work()

    return asyncio.run(limited())


def stored(store: TelemetryStore) -> list[Span]:
    """Everything in the store, in order of arrival."""
    return [row.span for row in store.spans_after(0, limit=100_000)]


def waiting(data: Path) -> int:
    with closing(Spool.open(data / "spool")) as spool:
        return spool.backlog.frames


def leave_behind(data: Path, store: TelemetryStore, spans: Sequence[Span]) -> None:
    """What a process leaves that was killed before its frames reached the store."""

    async def work() -> None:
        async with recording(data, store, started=False) as recorder:
            await recorder.record(spans)

    in_loop(work)


# -- the way of a span -------------------------------------------------------------------------


class TestCarrying:
    def test_what_was_recorded_can_be_read_after_a_flush_in_the_order_it_came(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        spans = [span() for _ in range(30)]

        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                for start in range(0, 30, 3):
                    await recorder.record(spans[start : start + 3])
                    await recorder.flush()
                    assert stored(store) == spans[: start + 3]

        in_loop(work)
        assert waiting(tmp_path) == 0

    @given(st.lists(drawn.spans(), max_size=4, unique_by=lambda s: (s.trace_id, s.span_id)))
    @settings(
        deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_a_span_comes_through_the_spool_as_it_was(
        self, tmp_path: Path, store: TelemetryStore, spans: list[Span]
    ) -> None:
        known = {(each.trace_id, each.span_id) for each in stored(store)}

        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                await recorder.record(spans)

        in_loop(work)
        new = [each for each in spans if (each.trace_id, each.span_id) not in known]
        assert stored(store)[len(known) :] == new

    def test_large_spans_are_carried_in_batches_of_bounded_size(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        faulty = Faulty(store, lambda spans: None)
        leave_behind(tmp_path, store, [span(input="x" * 6_000_000) for _ in range(8)])

        async def work() -> None:
            async with recording(tmp_path, faulty) as recorder:
                await recorder.flush(limit_s=20)

        in_loop(work)
        assert sum(faulty.appends) == 8
        assert max(faulty.appends) <= 6, "32 MiB at most, and one span over it"

    def test_nothing_to_record_is_nothing_to_wait_for(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                await recorder.record([])
                async with asyncio.timeout(5):
                    await recorder.flush(limit_s=20)

        in_loop(work)

    def test_commits_are_told_to_who_wants_to_know(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        told: list[int] = []

        async def work() -> None:
            spool = Spool.open(tmp_path / "spool")
            recorder = SpanRecorder(spool, store, on_commit=lambda: told.append(store.span_count()))
            recorder.start()
            await recorder.record([span(), span()])
            await recorder.stop()

        in_loop(work)
        assert told == [2]

    def test_who_is_told_and_fails_does_not_hold_the_spans_up(
        self, tmp_path: Path, store: TelemetryStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> None:
            raise RuntimeError("a bug elsewhere")

        async def work() -> None:
            spool = Spool.open(tmp_path / "spool")
            recorder = SpanRecorder(spool, store, on_commit=fail, retry_s=0.001)
            recorder.start()
            for _ in range(3):
                await recorder.record([span()])
                await recorder.flush()
            assert store.span_count() == 3
            await recorder.stop()

        in_loop(work)
        assert "a bug elsewhere" in caplog.text


# -- when the store fails ----------------------------------------------------------------------


class TestAStoreThatFails:
    def test_when_it_heals_everything_has_arrived_once_and_in_order(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        faulty = Faulty(store, away(times=4))
        spans = [span() for _ in range(20)]

        async def work() -> None:
            async with recording(tmp_path, faulty) as recorder:
                for each in spans:
                    await recorder.record([each])
                await recorder.flush()
                assert stored(store) == spans

        in_loop(work)
        assert len(faulty.appends) > 4
        assert waiting(tmp_path) == 0

    def test_an_error_nobody_foresaw_is_reported_and_tried_again(
        self, tmp_path: Path, store: TelemetryStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        first = itertools.count()
        faulty = Faulty(store, lambda spans: None if next(first) else RuntimeError("a bug"))

        async def work() -> None:
            async with recording(tmp_path, faulty) as recorder:
                await recorder.record([span()])
                await recorder.flush()
                assert store.span_count() == 1

        in_loop(work)
        assert "a bug" in caplog.text

    def test_recording_goes_on_and_what_waits_is_kept_for_the_next_start(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        spans = [span() for _ in range(5)]

        async def work() -> None:
            async with recording(tmp_path, Faulty(store, always), limit_s=0.02) as recorder:
                for each in spans:
                    await recorder.record([each])
                await recorder.flush(limit_s=0.02)
            with pytest.raises(NotDurable, match="closed"):
                await recorder.record([span()])

        in_loop(work)
        assert store.span_count() == 0
        assert waiting(tmp_path) == 5

        async def again() -> None:
            async with recording(tmp_path, store) as recorder:
                await recorder.flush()
                assert stored(store) == spans

        in_loop(again)
        assert waiting(tmp_path) == 0

    def test_a_full_spool_refuses_and_takes_again_when_the_store_is_back(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        down = True
        faulty = Faulty(store, lambda spans: StoreError("the store is away") if down else None)

        async def work() -> None:
            nonlocal down
            async with recording(tmp_path, faulty, max_backlog_bytes=2_000) as recorder:
                kept = 0
                with contextlib.suppress(NotDurable):
                    while kept < 100:
                        await recorder.record([span()])
                        kept += 1
                assert 0 < kept < 100
                down = False
                await recorder.flush()
                assert store.span_count() == kept
                await recorder.record([span()])
                await recorder.flush()
                assert store.span_count() == kept + 1

        in_loop(work)


# -- what no store can take --------------------------------------------------------------------


class TestWhatCannotBeStored:
    def test_a_frame_that_cannot_be_read_is_reported_and_holds_nothing_up(
        self, tmp_path: Path, store: TelemetryStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, two = span(), span()

        async def work() -> None:
            spool = Spool.open(tmp_path / "spool")
            frames = [jsonx.encode(one), b'{"trace_id": 7}', b"not json", jsonx.encode(two)]
            await spool.append(frames)
            await spool.append([b"nothing but damage"])
            await asyncio.to_thread(spool.close)
            async with recording(tmp_path, store) as recorder:
                await recorder.flush()
                assert stored(store) == [one, two]

        in_loop(work)
        assert caplog.text.count("cannot be read and is left out") == 3
        assert waiting(tmp_path) == 0

    def test_a_span_the_store_refuses_for_good_is_reported_and_holds_nothing_up(
        self, tmp_path: Path, store: TelemetryStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        poison = span(usage=Usage(input=10**30))
        with pytest.raises(InvalidRequest):
            store.append(spans=[poison]).result()
        good = [span() for _ in range(6)]

        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                await recorder.record([*good[:3], poison, *good[3:5]])
                await recorder.flush()
                assert stored(store) == good[:5]
                await recorder.record(good[5:])
                await recorder.flush()
                assert stored(store) == good

        in_loop(work)
        assert poison.span_id in caplog.text
        assert "left out" in caplog.text
        assert waiting(tmp_path) == 0

    def test_a_store_that_goes_away_while_spans_go_singly_loses_none(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        poison = span(usage=Usage(input=10**30))
        good = [span() for _ in range(4)]
        calls = itertools.count()
        faulty = Faulty(
            store, lambda spans: StoreError("the store is away") if next(calls) in (2, 3) else None
        )

        async def work() -> None:
            async with recording(tmp_path, faulty) as recorder:
                await recorder.record([*good[:2], poison, *good[2:]])
                await recorder.flush()

        in_loop(work)
        found = stored(store)
        assert sorted(each.span_id for each in found) == sorted(each.span_id for each in good)


# -- after a crash -----------------------------------------------------------------------------


class TestAfterACrash:
    def test_frames_that_reached_the_store_before_the_crash_are_not_doubled(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        spans = [span() for _ in range(10)]
        leave_behind(tmp_path, store, spans)
        store.append(spans=spans[:6]).result()  # stored, and killed before the commit

        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                await recorder.record([span()])
                await recorder.flush()

        in_loop(work)
        assert store.span_count() == 11
        assert stored(store)[:10] == spans
        assert waiting(tmp_path) == 0

    def test_a_flush_waits_for_what_an_earlier_process_left(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        left = [span() for _ in range(5)]
        leave_behind(tmp_path, store, left)
        faulty = Faulty(store, away(times=3))

        async def work() -> None:
            async with recording(tmp_path, faulty) as recorder:
                await recorder.flush()
                assert stored(store) == left

        in_loop(work)

    def test_what_is_recorded_after_the_start_comes_behind_what_was_left(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        left, new = [span() for _ in range(5)], span()
        leave_behind(tmp_path, store, left)
        faulty = Faulty(store, away(times=3))

        async def work() -> None:
            async with recording(tmp_path, faulty) as recorder:
                await recorder.record([new])
                await recorder.flush()
                assert stored(store) == [*left, new]

        in_loop(work)


class TestFlushing:
    def test_without_anything_to_wait_for_it_returns_at_once(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                for _ in range(3):
                    await recorder.flush()
            await recorder.flush()
            async with recording(tmp_path, store, started=False) as idle:
                await idle.record([span()])
                await idle.flush()
                assert store.span_count() == 0

        in_loop(work)

    def test_it_does_not_wait_for_what_others_record_meanwhile(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        """A server that is never idle after its start does not keep its readers waiting."""
        left, mine = span(), span()
        leave_behind(tmp_path, store, [left])
        read = asyncio.Event()

        async def work() -> None:
            busy = Busy(store, lambda: None if read.is_set() else recorder.record([span()]))
            async with recording(tmp_path, busy) as recorder:
                await recorder.record([mine])
                async with asyncio.timeout(10):
                    await recorder.flush(limit_s=20)
                assert stored(store)[:2] == [left, mine]
                read.set()

        in_loop(work)

    def test_it_gives_up_after_its_limit_and_says_what_waits(
        self, tmp_path: Path, store: TelemetryStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def work() -> None:
            async with recording(tmp_path, Faulty(store, always), limit_s=0.01) as recorder:
                await recorder.record([span(), span()])
                await recorder.flush(limit_s=0.01)

        in_loop(work)
        assert "2 recorded frames are not in the store yet" in caplog.text

    def test_many_may_wait_at_once_and_leave_in_the_middle(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        faulty = Faulty(store, away(times=5))

        async def work() -> None:
            async with recording(tmp_path, faulty) as recorder:
                await recorder.record([span()])
                flushes = [asyncio.create_task(recorder.flush()) for _ in range(10)]
                flushes[3].cancel()
                results = await asyncio.gather(*flushes, return_exceptions=True)
                assert isinstance(results.pop(3), asyncio.CancelledError)
                assert results == [None] * 9
                assert store.span_count() == 1

        in_loop(work)


class TestPinging:
    def test_a_spool_that_can_be_written_is_fine(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                recorder.ping()

        in_loop(work)

    def test_a_spool_whose_directory_is_gone_is_not(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                directory = tmp_path / "spool"
                moved = directory.rename(tmp_path / "moved")
                with pytest.raises(NotDurable) as caught:
                    recorder.ping()
                assert caught.value.where == str(directory)
                moved.rename(directory)

        in_loop(work)
