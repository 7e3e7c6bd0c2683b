"""Every metadata store passes the same contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.testing.metadata import MetadataStoreContract


class TestSQLite(MetadataStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SQLMetadata]:
        with closing(SQLMetadata.open(f"sqlite:///{tmp_path}/metadata.db")) as store:
            yield store


@pytest.mark.postgres
class TestPostgreSQL(MetadataStoreContract):
    @pytest.fixture
    def store(self, postgres_database: str) -> Iterator[SQLMetadata]:
        with closing(SQLMetadata.open(postgres_database)) as store:
            yield store
