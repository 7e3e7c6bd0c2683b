"""What the telemetry contract expects as answers, computed by plain Python from the records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from trimtab.kit import jsonx
from trimtab.records import AllOf, Condition, Filter, Not, Score, Span, Target


def newest_first(spans: Iterable[Span]) -> list[str]:
    return [s.span_id for s in sorted(spans, key=lambda span: (-span.start_ns, span.span_id))]


def by_trace(spans: Iterable[Span]) -> dict[str, list[Span]]:
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)
    return traces


def attributed(spans: Sequence[Span]) -> list[Span]:
    """Spans with the session and user that count: their own, or else those of their trace, which
    its root names, or else its earliest span that names any."""
    traces = by_trace(spans)

    def owner(span: Span, field: str) -> str | None:
        named = [one for one in traces[span.trace_id] if getattr(one, field) is not None]
        first = min(named, key=lambda one: (one.parent_id is not None, one.start_ns), default=span)
        whose: str | None = getattr(span, field) or getattr(first, field)
        return whose

    return [
        replace(span, session=owner(span, "session"), user=owner(span, "user")) for span in spans
    ]


def grouped(spans: Iterable[Span], by: str | None) -> dict[str | None, list[Span]]:
    groups: dict[str | None, list[Span]] = defaultdict(list)
    for span in spans:
        values = span.tags if by == "tag" else (getattr(span, by) if by else None,)
        for value in values:
            groups[value].append(span)
    return groups


def cost(spans: Iterable[Span]) -> Decimal | None:
    costs = [span.cost_usd for span in spans if span.cost_usd is not None]
    return sum(costs, Decimal(0)) if costs else None


def tokens(spans: Iterable[Span]) -> tuple[int, int]:
    used = [span.usage for span in spans if span.usage is not None]
    return sum(one.input + one.cache_read for one in used), sum(one.output for one in used)


def assert_quantiles(calls: Sequence[Span], found: dict[float, float | None]) -> None:
    for level, value in found.items():
        if calls:
            expected = float(np.quantile([call.duration_ms for call in calls], level))
            assert value == pytest.approx(expected, rel=1e-9)
        else:
            assert value is None


def any_holds(tree: Filter, spans: Sequence[Span], scores: Sequence[Score]) -> bool:
    """Of a trace every condition is asked by itself: one of its spans meets it."""
    if isinstance(tree, Condition):
        return any(holds(tree, span, scores) for span in spans)
    if isinstance(tree, Not):
        return not any_holds(tree.of, spans, scores)
    parts = (any_holds(part, spans, scores) for part in tree.of)
    return all(parts) if isinstance(tree, AllOf) else any(parts)


def holds(tree: Filter, span: Span, scores: Sequence[Score]) -> bool:
    if isinstance(tree, Not):
        return not holds(tree.of, span, scores)
    if not isinstance(tree, Condition):
        parts = (holds(part, span, scores) for part in tree.of)
        return all(parts) if isinstance(tree, AllOf) else any(parts)
    if tree.field == "score":
        return any(
            _judges(tree, score)
            for score in scores
            if score.name == tree.key and _is_meant(score.target, span)
        )
    if tree.field == "text":
        said = jsonx.encode([span.input, span.output]).decode().lower()
        named = f"{span.name}\n{span.error or ''}".lower()
        texts = [str(value).lower() for value in tree.values]
        return any(jsonx.encode(t)[1:-1].decode() in said or t in named for t in texts)
    if tree.field == "tag":
        return _tagged(tree, span.tags)
    return _compares(tree, _value(tree, span))


def _is_meant(target: Target, span: Span) -> bool:
    if target.kind == "span":
        return (target.trace_id, target.id) == (span.trace_id, span.span_id)
    return target.kind == "trace" and target.id == span.trace_id


def _judges(tree: Condition, score: Score) -> bool:
    if tree.op == "exists":
        return score.status == "scored"
    if tree.op == "=":
        return any(value in {score.label, score.passed} for value in tree.values)
    return _compares(tree, score.value)


def _tagged(tree: Condition, tags: Sequence[str]) -> bool:
    if tree.op == "exists":
        return bool(tags)
    if tree.op == "contains":
        return any(str(value).lower() in " ".join(tags).lower() for value in tree.values)
    return any(value in tags for value in tree.values)


def _is_priced(span: Span) -> bool | None:
    """Of a model call; None where it had nothing to pay."""
    if span.kind != "llm":
        return None
    return False if span.is_unpriced else True if span.cost_usd is not None else None


_OF_SPAN: dict[str, Callable[[Span], Any]] = {
    "root": lambda span: span.parent_id is None,
    "priced": _is_priced,
    "since": lambda span: span.start_ns,
    "until": lambda span: span.start_ns,
    "ttft_ms": lambda span: (
        None if span.first_token_ns is None else (span.first_token_ns - span.start_ns) / 1e6
    ),
    "tokens": lambda span: None if span.usage is None else sum(tokens([span])),
    "input_tokens": lambda span: None if span.usage is None else tokens([span])[0],
}


def _value(tree: Condition, span: Span) -> Any:
    if tree.field == "metadata":
        return span.metadata.get(tree.key or "")
    if tree.field == "attributes":
        return (span.resource | span.attributes).get(tree.key or "")
    own = _OF_SPAN.get(tree.field)
    return own(span) if own else getattr(span, tree.field)


def _compares(tree: Condition, value: Any) -> bool:
    if value is None:
        return False
    if tree.op == "exists":
        return True
    if tree.op == "contains":
        return any(str(wanted).lower() in str(value).lower() for wanted in tree.values)
    op = {"since": ">=", "until": "<"}.get(tree.field, tree.op)
    signs: dict[str, Callable[[Any], bool]] = {
        "=": lambda wanted: bool(value == wanted),
        ">": lambda wanted: bool(value > wanted),
        ">=": lambda wanted: bool(value >= wanted),
        "<": lambda wanted: bool(value < wanted),
        "<=": lambda wanted: bool(value <= wanted),
    }
    return any(signs[op](wanted) for wanted in tree.values)
