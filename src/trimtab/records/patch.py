"""SpanPatch: part of a span, from a protocol that tells a span's story in several messages."""

from __future__ import annotations

from typing import Any

from trimtab.records.record import Record


class SpanPatch(Record, frozen=True, kw_only=True):
    """Fields of one span that became known; the others stay as they are.

    `fields` maps names of Span's fields to their values, without its identity and project; of
    `metadata`, `attributes` and `resource` the entries are added, `tags` and `events` are appended.
    `finished` says that the span is over. `trace_id` None is a span known by its id alone.
    """

    trace_id: str | None
    span_id: str
    fields: dict[str, Any]
    finished: bool = False
