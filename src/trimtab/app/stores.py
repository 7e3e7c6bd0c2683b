"""The stores of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.config import Config
from trimtab.ports import BlobStore, Limiter, TelemetryStore
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry

if TYPE_CHECKING:
    from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry


def metadata(config: Config) -> SQLMetadata:
    """Raises StoreError."""
    url = config.metadata_url or f"sqlite:///{Path(config.data) / 'metadata.db'}"
    return SQLMetadata.open(url)


def telemetry(config: Config, blobs: BlobStore) -> TelemetryStore:
    if config.telemetry_url is not None:
        return clickhouse(config.telemetry_url)
    return DuckDBTelemetry.open(Path(config.data) / "telemetry.duckdb", blobs=blobs)


def clickhouse(url: str) -> ClickHouseTelemetry:
    from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry  # with its dialect of SQL

    return ClickHouseTelemetry.open(url)


def limiter(config: Config) -> Limiter | None:
    """What limits are shared through; None where this process is the only one."""
    if config.valkey_url is None:
        return None
    from trimtab.stores.limits.valkey import ValkeyLimiter

    return ValkeyLimiter.open(config.valkey_url)
