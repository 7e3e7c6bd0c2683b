"""Conditions on what payloads hold, as SQL on ClickHouse.

Text is found by substring; words of it that are whole are looked up in the text index first, so
that most rows are never read. Values in the blob store are searched there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from trimtab.kit import jsonx
from trimtab.records import Condition
from trimtab.stores.telemetry import lines
from trimtab.stores.telemetry.clickhouse.connection import Connection
from trimtab.stores.telemetry.filters import Where, number, text_of_value
from trimtab.stores.telemetry.queries import Query, fill
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS

PAYLOAD = ", ".join((*PAYLOAD_FIELDS, "lifted"))
_LIFTED = "SELECT seq, {payload} FROM spans WHERE {where} AND lifted <> ''"
# An attribute of the span, or of its resource, as JSON.
_HOLDER = "if(JSONHas(attributes, {key}), attributes, resource)"
_WORD = re.compile(
    r"(?<=[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f])[0-9a-z]+(?=[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f])"
)


class PayloadConditions:
    """Implements `filters.Search`, over the spans of a project in a period.

    Args:
        blob: a value of the blob store by its digest.
    """

    def __init__(
        self,
        connection: Connection,
        blob: Callable[[str], bytes],
        *,
        project: str,
        since: int | None,
        until: int | None = None,
    ) -> None:
        self._connection = connection
        self._blob = blob
        self._where = Where()
        self._where.equal("project", project)
        self._where.compare("start_ns", ">=", "since", since)
        self._where.compare("start_ns", "<", "until", until)

    def __call__(self, where: Where, condition: Condition) -> str:
        if condition.field == "attributes":
            return _attribute(where, condition)
        texts = [text_of_value(value).lower() for value in condition.values]
        found = [_said(where, text) for text in texts]
        if large := self._in_blobs(texts):
            found.append(where.numbered(large))
        return f"({' OR '.join(found) or 'false'})"

    def _in_blobs(self, texts: list[str]) -> list[int]:
        """Numbers of the spans that hold one of the texts in a value of the blob store."""
        needles = [_escaped(text) for text in texts]
        sql = fill(_LIFTED, payload=PAYLOAD, where=self._where.text)
        found = self._connection.fetch(Query(sql, self._where.parameters))
        return [
            seq
            for seq, *payload in found
            if any(needle in self._said(payload) for needle in needles)
        ]

    def _said(self, payload: list[Any]) -> str:
        values = read(payload, self._blob)
        return jsonx.encode(values[:2]).decode().lower()


def read(payload: list[Any], blob: Callable[[str], bytes]) -> list[Any]:
    """The values of PAYLOAD_FIELDS from the cells of PAYLOAD."""
    cells = payload if payload[-1] else payload[:-1]
    return lines.read(f"[{','.join(cells)}]".encode(), blob, fields=len(PAYLOAD_FIELDS))


def _said(where: Where, text: str) -> str:
    """The condition that a text is in input, output, name or error."""
    escaped = _escaped(text)
    needle, plain = where.bind(escaped), where.bind(text)
    words = where.bind(_WORD.findall(escaped)) if _WORD.search(escaped) else None
    parts = []
    for column in ("input", "output"):
        holds = f"contains(lower({column}), {needle})"
        if words is not None:
            holds = f"(hasAllTokens(lower({column}), {words}) AND {holds})"
        parts.append(holds)
    parts += [f"contains(lower({column}), {plain})" for column in ("name", "coalesce(error, '')")]
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
