"""Spans as an exporter would send them, read."""

from __future__ import annotations

from typing import Any

from trimtab.conventions import normalise
from trimtab.records import RawSpan, Span

START_NS = 1_700_000_000_000_000_000
CLIENT, INTERNAL = 3, 1


def read(attributes: dict[str, Any] | None = None, /, **fields: Any) -> Span:
    """The span of these attributes; fields are those of the raw span."""
    raw = {
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "name": "work",
        "start_ns": START_NS,
        "end_ns": START_NS + 10**9,
        "attributes": attributes or {},
    }
    return normalise(RawSpan(**{**raw, **fields}), project="acme")


def event(name: str, /, time_ns: int = START_NS, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "time_ns": time_ns, "attributes": attributes}


def buckets(span: Span) -> dict[str, int | bool]:
    """The counts of a span that are not nothing."""
    assert span.usage is not None
    found = {name: getattr(span.usage, name) for name in span.usage.__struct_fields__}
    return {name: tokens for name, tokens in found.items() if tokens}
