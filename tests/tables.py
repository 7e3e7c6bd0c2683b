"""Metadata stores for tests: their tables are copied, which is far quicker than making them."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from trimtab.stores.metadata.sql import SQLMetadata


def metadata_in(folder: Path) -> SQLMetadata:
    """The store in a folder, empty if there was none."""
    path = folder / "metadata.db"
    if not path.exists():
        path.write_bytes(_tables())
    return SQLMetadata.open(f"sqlite:///{path}")


@functools.cache
def _tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metadata.db"
        SQLMetadata.open(f"sqlite:///{path}").close()
        return path.read_bytes()
