"""Every telemetry store passes the same contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.services import clickhouse_database_of
from tests.tables import telemetry_in

from trimtab.ports import TelemetryStore
from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry
from trimtab.stores.telemetry.clickhouse.connection import Connection, Place
from trimtab.testing.telemetry import Reopening, TelemetryStoreContract


class TestDuckDB(TelemetryStoreContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Iterator[Reopening]:
        with Reopening(lambda: telemetry_in(tmp_path)) as reopen:
            yield reopen

    @pytest.fixture
    def store(self, reopen: Reopening) -> TelemetryStore:
        return reopen()


@pytest.fixture(scope="module")
def with_tables(clickhouse_url: str) -> Iterator[str]:
    """A database that is emptied after each test: to make its tables anew takes far longer."""
    with clickhouse_database_of(clickhouse_url) as url:
        yield url


def emptied(url: str) -> None:
    with closing(Connection(Place.of(url))) as connection:
        found = connection.ask(
            "SELECT name FROM system.tables WHERE database = currentDatabase()"
            " AND name != 'schema_migrations' AND engine LIKE '%MergeTree'"
        )
        for (name,) in found.rows:
            connection.run(f"TRUNCATE TABLE {name} SYNC")


@pytest.mark.clickhouse
@pytest.mark.slow
class TestClickHouse(TelemetryStoreContract):
    @pytest.fixture
    def reopen(self, with_tables: str) -> Iterator[Reopening]:
        with Reopening(lambda: ClickHouseTelemetry.open(with_tables)) as reopen:
            yield reopen
        emptied(with_tables)

    @pytest.fixture
    def store(self, reopen: Reopening) -> TelemetryStore:
        return reopen()
