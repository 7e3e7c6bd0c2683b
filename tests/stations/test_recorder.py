"""What was recorded reaches the store, once and in order, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.stations.recording import (
    Busy,
    Faulty,
    always,
    away,
    leave_behind,
    recording,
    span,
    stored,
    waiting,
)
from tests.stations.wiring import in_loop
from tests.tables import telemetry_in

from trimtab.errors import NotDurable
from trimtab.ports import TelemetryStore
from trimtab.records import Span
from trimtab.testing import strategies as drawn
from trimtab.tracing.delivery import Delivery
from trimtab.tracing.recorder import SpanRecorder
from trimtab.tracing.spool import Spool


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    with closing(telemetry_in(tmp_path)) as telemetry:
        yield telemetry


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
                await recorder.flush(limit_s=60)

        in_loop(work)
        assert sum(faulty.appends) == 8
        assert max(faulty.appends) <= 6, "32 MiB at most, and one span over it"

    def test_nothing_to_record_is_nothing_to_wait_for(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        async def work() -> None:
            async with recording(tmp_path, store) as recorder:
                await recorder.record([])
                async with asyncio.timeout(30):
                    await recorder.flush(limit_s=60)

        in_loop(work)

    def test_spans_of_a_caller_that_leaves_are_carried_on(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        committed = asyncio.Event()

        async def work() -> None:
            spool = Spool.open(tmp_path / "spool")
            recorder = SpanRecorder(spool, Delivery(store), on_commit=committed.set)
            recorder.start()
            task = asyncio.create_task(recorder.record([span()]))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await committed.wait()
            assert store.span_count() == 1
            await recorder.stop()

        in_loop(work)

    def test_commits_are_told_to_who_wants_to_know(
        self, tmp_path: Path, store: TelemetryStore
    ) -> None:
        told: list[int] = []

        async def work() -> None:
            spool = Spool.open(tmp_path / "spool")
            recorder = SpanRecorder(
                spool, Delivery(store), on_commit=lambda: told.append(store.span_count())
            )
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
            recorder = SpanRecorder(spool, Delivery(store), on_commit=fail, retry_s=0.001)
            recorder.start()
            for _ in range(3):
                await recorder.record([span()])
                await recorder.flush()
            assert store.span_count() == 3
            await recorder.stop()

        in_loop(work)
        assert "a bug elsewhere" in caplog.text


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
                async with asyncio.timeout(30):
                    await recorder.flush(limit_s=60)
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
