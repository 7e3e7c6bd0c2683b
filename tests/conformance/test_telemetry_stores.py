"""Every telemetry store passes the same contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trimtab.ports import TelemetryStore
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry
from trimtab.testing.telemetry import Reopening, TelemetryStoreContract


class TestDuckDB(TelemetryStoreContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Iterator[Reopening]:
        blobs = FileBlobs(tmp_path / "blobs")
        path = tmp_path / "telemetry.duckdb"
        with Reopening(lambda: DuckDBTelemetry.open(path, blobs=blobs)) as reopen:
            yield reopen

    @pytest.fixture
    def store(self, reopen: Reopening) -> TelemetryStore:
        return reopen()


@pytest.mark.clickhouse
@pytest.mark.slow
class TestClickHouse(TelemetryStoreContract):
    @pytest.fixture
    def reopen(self, clickhouse_database: str) -> Iterator[Reopening]:
        with Reopening(lambda: ClickHouseTelemetry.open(clickhouse_database)) as reopen:
            yield reopen

    @pytest.fixture
    def store(self, reopen: Reopening) -> TelemetryStore:
        return reopen()
