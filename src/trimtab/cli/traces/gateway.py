"""What the gateway did for a call, in lines: the route, the attempts, what it cost and to whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trimtab.records import Span
from trimtab.records.span import GATEWAY

_OWN = "trimtab."
_TOLD_APART = frozenset({"attempts", "dialect", "period", "guards"})


def facts(span: Span) -> Iterator[str]:
    """One line for each fact; none for a span that is not the gateway's.

    >>> call = Span(trace_id="1" * 32, span_id="1" * 16, name="m", start_ns=0, end_ns=1,
    ...     service="trimtab.gateway", route="chat", first_token_ns=2_000_000,
    ...     attributes={"trimtab.choose": "cost", "trimtab.lost": ["top_k"]})
    >>> list(facts(call))
    ['route: chat', 'first token: 2.0 ms', 'choose: cost', 'lost: top_k']
    """
    if span.service != GATEWAY:
        return
    for name, value in (("route", span.route), ("release", span.release), ("prompt", span.prompt)):
        if value:
            yield f"{name}: {value}"
    if span.first_token_ns is not None:
        yield f"first token: {(span.first_token_ns - span.start_ns) / 1e6:.1f} ms"
    for name, value in span.attributes.items():
        fact = name.removeprefix(_OWN)
        if name.startswith(_OWN) and fact not in _TOLD_APART:
            yield f"{fact.replace('_', ' ')}: {_short(value)}"
    attempts = span.attributes.get("trimtab.attempts")
    if isinstance(attempts, list):
        yield from (f"attempt {number}: {_attempt(one)}" for number, one in enumerate(attempts, 1))


def _attempt(one: Mapping[str, Any]) -> str:
    took_ms = (one.get("ended_ns", 0) - one.get("started_ns", 0)) / 1e6
    said = f" {one['error']}" if one.get("error") else ""
    return f"{one.get('target')} in {took_ms:.0f} ms, {one.get('then')}{said}"


def _short(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
