"""Readers of table files whose libraries only adapters import."""

from __future__ import annotations

from trimtab.datasets.reading import TableReader
from trimtab.stores.parquet import read_parquet

TABLES: dict[str, TableReader] = {"parquet": read_parquet}
