"""Pricing: what a call costs when it arrives, and again when prices have changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from trimtab.ports import Cost, TelemetryStore
from trimtab.records import Price, Span, Usage, cost_usd

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
        new = [cost for row in table.rows if (cost := _changed(row, price_of)) is not None]
        if new:
            changed += store.set_costs(project, new)
        if not table.truncated:
            return Repriced(calls, changed)
        span_id, start = table.rows[-1][1], table.rows[-1][4]


def _changed(row: list[Any], price_of: PriceOf) -> Cost | None:
    trace_id, span_id, model, provider, start_ns, before, *counts = row
    known: dict[str, Any] = dict(zip(_BUCKETS, (n or 0 for n in counts), strict=True))
    usage = Usage(**known)
    cost = cost_usd(usage, price_of(model, provider, start_ns))
    return None if cost == before else Cost(trace_id, span_id, cost)
