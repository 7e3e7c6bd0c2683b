"""Span: one timed operation of a trace."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from trimtab.records.model import Usage
from trimtab.records.record import Json, Record

SpanKind = Literal[
    "llm",
    "chain",
    "agent",
    "tool",
    "retriever",
    "embedding",
    "reranker",
    "guard",
    "scorer",
    "other",
]
SpanStatus = Literal["ok", "error", "cancelled", "unset"]


class Span(Record, frozen=True, kw_only=True):
    """One timed operation: OpenTelemetry ids and times, plus what a model call adds.

    Times are Unix nanoseconds. `input` and `output` are lists of messages for model calls and any
    JSON value otherwise. `release` is the id of the release that answered. `cost_usd` None means
    unpriced, which is not zero. `attributes` holds whatever came with the span, losslessly.
    Identity is (trace_id, span_id): writing the same span again changes nothing.
    """

    trace_id: str
    span_id: str
    parent_id: str | None = None
    project: str = "default"
    name: str
    kind: SpanKind = "other"
    start_ns: int
    end_ns: int
    status: SpanStatus = "unset"
    error: str | None = None

    session: str | None = None
    user: str | None = None
    environment: str | None = None
    service: str | None = None
    route: str | None = None
    release: str | None = None
    run: str | None = None

    provider: str | None = None
    model: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    first_token_ns: int | None = None

    input: Json = None
    output: Json = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    events: tuple[dict[str, Any], ...] = ()

    @property
    def duration_ms(self) -> float:
        return (self.end_ns - self.start_ns) / 1e6
