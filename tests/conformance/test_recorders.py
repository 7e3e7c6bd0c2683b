"""Every recorder keeps the contract."""

import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.tables import telemetry_in

from trimtab.records import Span
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry
from trimtab.testing.recorder import RecorderContract
from trimtab.tracing.delivery import Delivery
from trimtab.tracing.recorder import SpanRecorder, decoded
from trimtab.tracing.spool import Spool


class TestSpanRecorder(RecorderContract):
    """Over a spool; nothing carries its frames on, as after a crash right behind the answer."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DuckDBTelemetry]:
        store = telemetry_in(tmp_path)
        yield store
        store.close()

    @pytest.fixture
    def spools(self) -> Iterator[list[Spool]]:
        opened: list[Spool] = []
        yield opened
        for spool in opened:
            spool.close()

    @pytest.fixture
    def recorder(
        self, tmp_path: Path, store: DuckDBTelemetry, spools: list[Spool]
    ) -> Callable[[], SpanRecorder]:
        def make() -> SpanRecorder:
            spools.append(Spool.open(tmp_path / "spool"))
            return SpanRecorder(spools[-1], Delivery(store))

        return make

    @pytest.fixture
    def refusing(
        self, tmp_path: Path, store: DuckDBTelemetry, spools: list[Spool]
    ) -> Callable[[], SpanRecorder]:
        def make() -> SpanRecorder:
            spools.append(Spool.open(tmp_path / "full", max_backlog_bytes=10))
            return SpanRecorder(spools[-1], Delivery(store))

        return make

    @pytest.fixture
    def recorded(self, tmp_path: Path, spools: list[Spool]) -> Callable[[], Sequence[Span]]:
        def read() -> list[Span]:
            # Closing releases the directory and writes nothing, so this is what a crash leaves.
            spools.pop().close()
            gc.collect()
            spools.append(Spool.open(tmp_path / "spool"))
            spans = [decoded(frame) for frame in spools[-1].read()]
            return [span for span in spans if span is not None]

        return read
