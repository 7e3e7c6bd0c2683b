"""Filter: which spans are meant, as a tree; `trimtab.dialects.filter` reads it from text."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from trimtab.records.record import Record

Comparison = Literal["=", ">", ">=", "<", "<=", "contains", "exists"]
Value = str | int | Decimal | bool


class Condition(Record, frozen=True, kw_only=True, tag="condition"):
    """One field against one or more values; several values mean any of them.

    `field` is a name of `FIELDS`; `key` names the entry for `metadata`, `attributes` and `score`.
    Times are integers of Unix nanoseconds, durations milliseconds. `exists` has no values.
    """

    field: str
    key: str | None = None
    op: Comparison = "="
    values: tuple[Value, ...] = ()


class Not(Record, frozen=True, kw_only=True, tag="not"):
    of: Filter


class AllOf(Record, frozen=True, kw_only=True, tag="all"):
    of: tuple[Filter, ...]


class AnyOf(Record, frozen=True, kw_only=True, tag="any"):
    of: tuple[Filter, ...]


Filter = Condition | Not | AllOf | AnyOf

FieldType = Literal["text", "number", "money", "time", "flag", "list", "entry", "score"]

# What can be asked about, and how its values read. `text` searches what was said (input, output,
# error and name); `entry` and `score` fields take a key: metadata.tenant, score.faithfulness.
FIELDS: dict[str, FieldType] = {
    "trace_id": "text",
    "span_id": "text",
    "name": "text",
    "kind": "text",
    "status": "text",
    "error": "text",
    "session": "text",
    "user": "text",
    "environment": "text",
    "service": "text",
    "route": "text",
    "release": "text",
    "run": "text",
    "prompt": "text",
    "provider": "text",
    "model": "text",
    "text": "text",
    "tag": "list",
    "root": "flag",
    "open": "flag",
    "duration_ms": "number",
    "ttft_ms": "number",
    "input_tokens": "number",
    "output_tokens": "number",
    "tokens": "number",
    "cost_usd": "money",
    "priced": "flag",
    "since": "time",
    "until": "time",
    "metadata": "entry",
    "attributes": "entry",
    "score": "score",
}
