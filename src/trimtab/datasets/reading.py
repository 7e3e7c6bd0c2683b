"""How a file of examples is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

MAX_CELL_BYTES = 1 << 20

TableReader = Callable[[Path], Iterator[Mapping[str, Any]]]
"""Reads the rows of a table file, for formats whose libraries this package does not import."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is read.

    Args:
        columns: field to column (`fields.mapped`); what is not given is found by obvious names.
        format: csv, tsv, jsonl, json or parquet; None goes by the file's name.
        delimiter: between cells of a CSV file; None is a comma, of TSV a tab.
        encoding: of the text; a byte order mark is understood.
        max_cell_bytes: the longest value of one column that is taken.
        mixed: inputs, and what is expected, may be of several types.
    """

    columns: Mapping[str, str] = {}
    format: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"
    max_cell_bytes: int = MAX_CELL_BYTES
    mixed: bool = False
