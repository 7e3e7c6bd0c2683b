"""Parquet files of exported records, written by a DuckDB of their own that holds nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trimtab.errors import StoreError

_TYPES = {
    "text": "VARCHAR",
    "json": "VARCHAR",
    "whole": "BIGINT",
    "real": "DOUBLE",
    "money": "DECIMAL(18, 9)",
    "flag": "BOOLEAN",
}
_MAX_LINE_BYTES = 1 << 30


def write_parquet(lines: Path, target: Path, columns: Mapping[str, str]) -> None:
    """Turn a file of JSON objects, one a line, into a Parquet file.

    Args:
        lines: its objects have members by the names of the columns.
        columns: the type of each column: text, json (as text), whole, real, money or flag.
    Raises:
        StoreError: the file cannot be written.
    """
    import duckdb

    types = {name: _TYPES[of] for name, of in columns.items()}
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "1GB"}) as connection:
        try:
            source = connection.read_json(
                str(lines),
                columns=types,
                format="newline_delimited",
                maximum_object_size=_MAX_LINE_BYTES,
            )
            source.write_parquet(str(target), compression="zstd")
        except duckdb.Error as error:
            raise StoreError(
                f"the Parquet file cannot be written: {type(error).__name__}",
                fix="free space on the disk of temporary files, or export JSON lines",
            ) from error
