"""Rows of Parquet files, read by a DuckDB of their own that holds nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest

_TOGETHER = 1024
_MEMORY = "1GiB"


def read_parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a file as JSON values; dates, times and decimals become text.

    Raises:
        InvalidRequest: it is not a Parquet file, or it is damaged.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": _MEMORY,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        try:
            # The path as a parameter: a name with * or ? in it is that of one file.
            found = connection.execute(
                "SELECT to_json(file)::VARCHAR FROM read_parquet([?]) AS file",
                [_literal(path)],
            )
            while rows := found.fetchmany(_TOGETHER):
                for (row,) in rows:
                    yield msgspec.json.decode(row, type=dict[str, Any])
        except duckdb.Error as error:
            raise InvalidRequest(
                f"{path.name} cannot be read as Parquet: {type(error).__name__}",
                where=path.name,
                fix="give a Parquet file, or one of JSON lines",
            ) from None


def _literal(path: Path) -> str:
    """A path in which no character stands for others."""
    return "".join(f"[{one}]" if one in "*?[" else one for one in str(path))
