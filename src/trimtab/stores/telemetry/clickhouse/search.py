"""Conditions on what payloads hold, as SQL on ClickHouse.

Text is found by substring; words of it that are whole are looked up in the text index first, so
that most rows are never read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.kit import jsonx
from trimtab.records import Condition
from trimtab.stores.telemetry.filters import Where, number, text_of_value
from trimtab.stores.telemetry.queries import fill
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS

PAYLOAD = ", ".join(PAYLOAD_FIELDS)
# An attribute of the span, or of its resource, as JSON.
_HOLDER = "if(JSONHas(attributes, {key}), attributes, resource)"
_WORD = re.compile(
    r"(?<=[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f])[0-9a-z]+(?=[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f])"
)


def on_payload(where: Where, condition: Condition) -> str:
    """Implements `filters.Search`."""
    if condition.field == "attributes":
        return _attribute(where, condition)
    found = [_said(where, text_of_value(value).lower()) for value in condition.values]
    return f"({' OR '.join(found) or 'false'})"


def read(payload: Sequence[str]) -> list[Any]:
    """The values of PAYLOAD_FIELDS from their cells."""
    values: list[Any] = msgspec.json.decode(f"[{','.join(payload)}]")
    return values


def _said(where: Where, text: str) -> str:
    """The condition that a text is in input, output, name or error."""
    escaped = _escaped(text)
    needle, plain = where.bind(escaped), where.bind(text)
    words = where.bind(_WORD.findall(escaped)) if _WORD.search(escaped) else None
    parts = []
    for column, sought in (
        ("input", needle),
        ("output", needle),
        ("name", plain),
        ("coalesce(error, '')", plain),
    ):
        holds = f"contains(lower({column}), {sought})"
        if words is not None:
            holds = f"(hasAllTokens(lower({column}), {words}) AND {holds})"
        parts.append(holds)
    return f"({' OR '.join(parts)})"


def _escaped(text: str) -> str:
    """A text as it is written inside JSON."""
    return jsonx.encode(text)[1:-1].decode()


def _attribute(where: Where, condition: Condition) -> str:
    key = where.bind(condition.key or "")
    holder = fill(_HOLDER, key=key)
    text = f"clickhouse_entry({holder}, {key})"
    if condition.op == "exists":
        return f"({text} IS NOT NULL)"
    parts = [_compared(where, condition.op, text, value) for value in condition.values]
    return f"({' OR '.join(parts) or 'false'})"


def _compared(where: Where, op: str, text: str, value: Any) -> str:
    if op == "contains":
        return f"contains(lower({text}), {where.bind(text_of_value(value).lower())})"
    if op == "=":
        return f"{text} = {where.bind(text_of_value(value))}"
    if isinstance(value, str | bool):
        return "false"
    return f"try_cast({text} AS DOUBLE) {op} {where.bind(number(value))}"
