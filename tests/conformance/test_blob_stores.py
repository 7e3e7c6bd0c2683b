"""Every blob store passes the same contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.stores.blobs.files import FileBlobs
from trimtab.testing.blobs import BlobStoreContract


class TestFiles(BlobStoreContract):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> FileBlobs:
        return FileBlobs(tmp_path / "blobs")

    @pytest.fixture
    def restored(self) -> type[FileBlobs]:
        return FileBlobs
