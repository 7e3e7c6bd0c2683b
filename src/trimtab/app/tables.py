"""Readers of table files that need a library."""

from __future__ import annotations

from trimtab.datasets.parquet import read_parquet
from trimtab.datasets.reading import TableReader

TABLES: dict[str, TableReader] = {"parquet": read_parquet}
