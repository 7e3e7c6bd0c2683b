"""Telemetry on DuckDB: one file, flat columns for queries, compressed packs for payloads."""

from trimtab.stores.telemetry.duckdb.store import DuckDBTelemetry

__all__ = ["DuckDBTelemetry"]
