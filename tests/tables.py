"""Stores for tests: their tables are copied, which is far quicker than making them."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from trimtab.config import Config
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry


def metadata_in(folder: Path) -> SQLMetadata:
    """The store in a folder, empty if there was none."""
    _fill(folder, "metadata.db")
    return SQLMetadata.open(f"sqlite:///{folder / 'metadata.db'}")


def telemetry_in(data: Path) -> DuckDBTelemetry:
    """The store in a data directory, empty if there was none."""
    _fill(data, "telemetry.duckdb")
    return DuckDBTelemetry.open(data / "telemetry.duckdb", blobs=FileBlobs(data / "blobs"))


def stores_in(config: Config) -> None:
    """The stores that are files, empty if there were none, as a server that ended leaves them."""
    if config.metadata_url is None:
        _fill(Path(config.data), "metadata.db")
    if config.telemetry_url is None:
        _fill(Path(config.data), "telemetry.duckdb")


def _fill(folder: Path, name: str) -> None:
    path = folder / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(_made()[name])


@functools.cache
def _made() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        metadata, telemetry = Path(folder) / "metadata.db", Path(folder) / "telemetry.duckdb"
        SQLMetadata.open(f"sqlite:///{metadata}").close()
        DuckDBTelemetry.open(telemetry, blobs=FileBlobs(Path(folder) / "blobs")).close()
        return {path.name: path.read_bytes() for path in (metadata, telemetry)}
