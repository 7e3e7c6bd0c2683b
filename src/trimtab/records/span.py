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
CostSource = Literal["given", "table"]


GATEWAY = "trimtab.gateway"
"""The service of the gateway's own spans; the ledger adds up what they cost."""

EARLIER_USAGE = "trimtab.earlier_usage"
"""The attribute with the usage of each answer before the last, where a call was asked again."""


PLAYGROUND = "trimtab.playground"
"""The attribute with the stream of a call that somebody tried out; it is no live traffic."""


class Span(Record, frozen=True, kw_only=True):
    """One timed operation: OpenTelemetry ids and times, plus what a model call adds.

    Times are Unix nanoseconds. `input` and `output` are lists of messages for model calls and any
    JSON value otherwise. `release` is the id of the release that answered; `prompt` is the
    `name@version` it was made from. `cost_usd` None means unpriced, which is not zero; it came with
    the span ("given") or from the price table, as `cost_source` says.
    `metadata` is what the application says about the call, flat where it can be; `attributes` holds
    whatever came with the span, losslessly, `resource` what came with its process and
    instrumentation scope, `links` the other spans it points to.

    Within its project a span is known by (trace_id, span_id). Of several versions of a span the
    one with the greatest `revision` counts, so writing the same span again changes nothing. A span
    that is `open` is not finished; its revision is negative, so that the finished span replaces it.
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
    prompt: str | None = None
    open: bool = False
    revision: int = 0

    provider: str | None = None
    model: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    cost_source: CostSource | None = None
    first_token_ns: int | None = None

    input: Json = None
    output: Json = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    events: tuple[dict[str, Any], ...] = ()
    links: tuple[dict[str, Any], ...] = ()
    resource: dict[str, Any] = {}

    @property
    def is_unpriced(self) -> bool:
        """Whether it cost something that nobody knows; an error without usage cost nothing."""
        return self.cost_usd is None and (self.usage is not None or self.status != "error")

    @property
    def duration_ms(self) -> float:
        return (self.end_ns - self.start_ns) / 1e6
