"""Every metadata store passes the same contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.services import postgres_database_of
from tests.tables import metadata_in

from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.testing.metadata import MetadataStoreContract


class TestSQLite(MetadataStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SQLMetadata]:
        with closing(metadata_in(tmp_path)) as store:
            yield store


@pytest.fixture(scope="module")
def with_tables(postgres_url: str) -> Iterator[str]:
    """The name of a database with the tables and nothing in them: a copy of it is quicker made."""
    with postgres_database_of(postgres_url) as url:
        SQLMetadata.open(url).close()
        yield url.rpartition("/")[2]


@pytest.mark.postgres
class TestPostgreSQL(MetadataStoreContract):
    @pytest.fixture
    def store(self, postgres_url: str, with_tables: str) -> Iterator[SQLMetadata]:
        with (
            postgres_database_of(postgres_url, like=with_tables) as url,
            closing(SQLMetadata.open(url)) as store,
        ):
            yield store
