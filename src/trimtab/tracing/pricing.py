"""Pricing: what a call costs when it arrives, and again when prices have changed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from trimtab.ports import Cost, TelemetryStore
from trimtab.records import Price, Span, TieredPrice, Usage, cost_of_answers, cost_usd
from trimtab.records.span import EARLIER_USAGE, GATEWAY

PriceOf = Callable[[str, str | None, int], Price | None]

_AT_ONCE = 20_000
_TIMEOUT_S = 120.0
# `{start}` is a number and `{span}` an id of hexadecimal digits from the store.
_CALLS = """
    SELECT trace_id, span_id, model, provider, start_ns, cost_usd, plain_input_tokens,
        cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens,
        plain_output_tokens, reasoning_tokens, audio_output_tokens
    FROM spans
    WHERE plain_input_tokens IS NOT NULL AND model IS NOT NULL
        AND coalesce(cost_source, '') <> 'given'
        AND (start_ns > {start} OR start_ns = {start} AND span_id > '{span}')
    ORDER BY start_ns, span_id"""
_BUCKETS = Usage.__struct_fields__[:8]


class _Call(NamedTuple):
    trace_id: str
    span_id: str
    model: str
    provider: str | None
    start_ns: int
    cost_usd: Decimal | None
    usage: Usage


class Repriced(NamedTuple):
    """How many calls were looked at, and how many of them have another cost now."""

    calls: int
    changed: int


def priced(span: Span, price_of: PriceOf) -> Span:
    """The span with its cost; one that came with a cost keeps it, one without usage has none."""
    if span.cost_usd is not None or span.usage is None or span.model is None:
        return span
    cost = cost_usd(span.usage, price_of(span.model, span.provider, span.start_ns))
    if cost is None:
        return span
    return replace(span, cost_usd=cost, cost_source="table")


def reprice(
    store: TelemetryStore, project: str, price_of: PriceOf, *, since_ns: int = 0
) -> Repriced:
    """Compute the cost of stored calls anew, but for costs that came with their call."""
    calls = changed = 0
    start, span_id = since_ns - 1, "z"
    while True:
        text = _CALLS.format(start=start, span=span_id.replace("'", "''"))
        table = store.sql(project, text, max_rows=_AT_ONCE, timeout_s=_TIMEOUT_S)
        calls += len(table.rows)
        found = [_call(row) for row in table.rows]
        new = [
            Cost(call.trace_id, call.span_id, cost)
            for call in found
            if (cost := _cost_now(store, project, call, price_of)) != call.cost_usd
        ]
        if new:
            changed += store.set_costs(project, new)
        if not table.truncated:
            return Repriced(calls, changed)
        span_id, start = table.rows[-1][1], table.rows[-1][4]


def _call(row: list[Any]) -> _Call:
    known: dict[str, Any] = dict(zip(_BUCKETS, (n or 0 for n in row[6:]), strict=True))
    return _Call._make((*row[:6], Usage(**known)))


def _cost_now(
    store: TelemetryStore, project: str, call: _Call, price_of: PriceOf
) -> Decimal | None:
    price = price_of(call.model, call.provider, call.start_ns)
    # Only there it matters whether the tokens are those of one answer; to look takes a payload.
    tier = isinstance(price, TieredPrice) and call.usage.total_input > price.above
    earlier = _earlier(store, project, call) if tier else ()
    return cost_of_answers(call.usage, earlier, price)


def _earlier(store: TelemetryStore, project: str, call: _Call) -> tuple[Usage, ...]:
    """What the answers before the last have used, where the gateway asked again."""
    span = store.span(project, call.trace_id, call.span_id)
    if span is None or span.service != GATEWAY:
        return ()
    return msgspec.convert(span.attributes.get(EARLIER_USAGE, ()), tuple[Usage, ...])
