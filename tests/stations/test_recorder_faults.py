"""A store that fails costs time and nothing else; what it can never take is left out."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.stations.recording import (
    Faulty,
    always,
    away,
    recording,
    span,
    stored,
    waiting,
)
from tests.stations.wiring import in_loop
from tests.tables import telemetry_in

from trimtab.errors import InvalidRequest, NotDurable, StoreError
from trimtab.kit import jsonx
from trimtab.ports import TelemetryStore
from trimtab.records import Usage
from trimtab.tracing.spool import Spool


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    with closing(telemetry_in(tmp_path)) as telemetry:
        yield telemetry


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
