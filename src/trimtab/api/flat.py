"""Records as flat rows, for tables that other programs read: CSV and Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from trimtab.kit import jsonx
from trimtab.ports import TraceSummary
from trimtab.records import Score, Span, Usage

ColumnType = Literal["text", "json", "whole", "real", "money", "flag"]


class Column(NamedTuple):
    """A column and the attribute it shows; parts of a path that are not there are null."""

    name: str
    type: ColumnType
    path: tuple[str, ...]


_OF_TYPE: Mapping[ColumnType, frozenset[str]] = {
    "whole": frozenset(
        {
            *("start_ns", "end_ns", "first_token_ns", "time_ns", "revision"),
            *("spans", "input_tokens", "output_tokens", "unpriced", "errors"),
        }
    ),
    "real": frozenset({"duration_ms", "latency_ms", "value"}),
    "json": frozenset(
        {
            *("input", "output", "tags", "metadata", "attributes", "events", "links", "resource"),
            "evidence",
        }
    ),
    "flag": frozenset({"open", "partial", "passed"}),
    "money": frozenset({"cost_usd"}),
}


def _column(name: str) -> Column:
    found = next((of for of, names in _OF_TYPE.items() if name in names), None)
    return Column(name, found or "text", (name,))


def _columns(record: type[msgspec.Struct], parts: Mapping[str, list[Column]]) -> list[Column]:
    """A column for each field, and for some fields a column for each of their parts."""
    found: list[Column] = []
    for name in record.__struct_fields__:
        found += parts.get(name, [_column(name)])
    return found


_USAGE = [
    Column(f"{bucket}_tokens", "whole", ("usage", bucket))
    for bucket in Usage.__struct_fields__
    if bucket != "estimated"
]
_TARGET = [Column(f"target_{name}", "text", ("target", name)) for name in ("kind", "id")]

COLUMNS: Mapping[str, list[Column]] = {
    "spans": _columns(Span, {"usage": _USAGE}),
    "traces": _columns(TraceSummary, {}),
    "scores": _columns(
        Score, {"target": [*_TARGET, Column("trace_id", "text", ("target", "trace_id"))]}
    ),
}


def flat(record: Any, columns: Sequence[Column]) -> list[Any]:
    """The cells of a record; money as decimal text, what has parts as JSON text.

    >>> columns = [Column("model", "text", ("model",)), Column("tags", "json", ("tags",))]
    >>> span = Span(trace_id="a", span_id="b", name="c", start_ns=1, end_ns=2, tags=("x",))
    >>> flat(span, columns)
    [None, '["x"]']
    """
    return [_cell(record, column) for column in columns]


def _cell(record: Any, column: Column) -> Any:
    value = record
    for name in column.path:
        value = getattr(value, name, None)
    if value is None:
        return None
    if column.type == "json":
        return jsonx.encode(value).decode()
    return f"{value:f}" if isinstance(value, Decimal) else value
