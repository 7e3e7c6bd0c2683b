"""The data directory, moved into other databases or looked at, while no server has it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from trimtab.app.stores import clickhouse
from trimtab.config import Config
from trimtab.ports import ShortFile
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.metadata.move import MovedTable
from trimtab.stores.metadata.move import move as move_metadata
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry, inspection
from trimtab.stores.telemetry.move import Moved, Progress
from trimtab.stores.telemetry.move import move as move_telemetry


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved and compared; None for what stays where it is."""

    telemetry: Moved | None = None
    metadata: list[MovedTable] | None = None


def move(config: Config, *, progress: Progress) -> Move:
    """Copy the data directory into the databases of the configuration, and compare.

    Raises:
        StoreError: a store cannot be opened, read or written, or they differ at the end.
    """
    data = Path(config.data)
    metadata = telemetry = None
    if config.metadata_url is not None and (data / "metadata.db").exists():
        metadata = move_metadata(f"sqlite:///{data / 'metadata.db'}", config.metadata_url)
    if config.telemetry_url is not None and (data / "telemetry.duckdb").exists():
        with (
            closing(clickhouse(config.telemetry_url)) as target,
            closing(
                DuckDBTelemetry.open(data / "telemetry.duckdb", blobs=FileBlobs(data / "blobs"))
            ) as source,
        ):
            telemetry = move_telemetry(source, target, progress=progress)
    return Move(telemetry=telemetry, metadata=metadata)


def short_files(config: Config) -> list[ShortFile]:
    """Files of payloads that are missing or cut off, in a data directory that no server has.

    Raises:
        StoreError: the database beside them cannot be read.
    """
    path = Path(config.data) / "telemetry.duckdb"
    return inspection.short_files(path) if path.exists() else []
