"""Telemetry on ClickHouse: one table of spans with its text index, shared by any number of writers.

Queries are the embedded store's, transpiled (`dialect`).
"""

from trimtab.stores.telemetry.clickhouse.store import ClickHouseTelemetry

__all__ = ["ClickHouseTelemetry"]
