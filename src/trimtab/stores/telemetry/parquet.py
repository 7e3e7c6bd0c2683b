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
_USUAL_LINE_BYTES = 16 << 20
_MEMORY_BYTES = 1 << 30


def write_parquet(
    lines: Path, target: Path, columns: Mapping[str, str], *, longest_bytes: int
) -> None:
    """Turn a file of JSON objects, one a line, into a Parquet file.

    Args:
        lines: its objects have members by the names of the columns.
        columns: the type of each column: text, json (as text), whole, real, money or flag.
        longest_bytes: the size of the longest line.
    Raises:
        StoreError: the file cannot be written.
    """
    import duckdb

    types = {name: _TYPES[of] for name, of in columns.items()}
    line_bytes = max(_USUAL_LINE_BYTES, longest_bytes + 1)
    # DuckDB reads with buffers of twice the longest line, and takes what it is told a line may be.
    limit = f"{(_MEMORY_BYTES + 4 * line_bytes) >> 20}MiB"
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": limit}) as connection:
        try:
            source = connection.read_json(
                str(lines),
                columns=types,
                format="newline_delimited",
                maximum_object_size=line_bytes,
            )
            source.write_parquet(str(target), compression="zstd")
        except duckdb.Error as error:
            raise StoreError(
                f"the Parquet file cannot be written: {type(error).__name__}",
                fix="free space on the disk of temporary files, or export JSON lines",
            ) from error
