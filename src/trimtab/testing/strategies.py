"""Hypothesis strategies for records, shared by the conformance suites.

Everything they draw is valid: JSON without NaN, text without half surrogate pairs, integers of
columns within 64 bits, costs in whole nano-dollars. Within that they aim for what breaks stores:
U+0000, emoji, quotes, integers beyond 64 bits, empty and nested values.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trimtab.records import Score, Span, Target, Usage
from trimtab.records.score import ScoreSource, ScoreStatus, TargetKind
from trimtab.records.span import SpanKind, SpanStatus

_AWKWARD = (
    "\x00",
    "a\x00b",
    "😀",
    "👩‍🚀",
    "שלום",
    "it's",
    '"',
    "\\",
    "\u2028",
    "%s",
    "$name",
    "?",
    "NULL",
)

texts = st.one_of(st.sampled_from(_AWKWARD), st.text(max_size=20))
optional_texts = st.none() | texts
int64 = st.integers(-(1 << 63), (1 << 63) - 1)
times = st.integers(-(1 << 62), (1 << 62) - 1)  # their difference has 64 bits as well
counts = st.integers(0, (1 << 53))
costs = st.none() | st.integers(0, 10**15).map(lambda nano: Decimal(nano).scaleb(-9))
finite = st.floats(allow_nan=False, allow_infinity=False)


def json_values() -> SearchStrategy[Any]:
    """Any JSON value, as plain Python."""
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        int64,
        st.integers(-(1 << 200), 1 << 200),
        finite,
        texts,
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


def messages() -> SearchStrategy[list[dict[str, Any]]]:
    """A short conversation; a few texts are drawn again and again, as in real traffic."""
    text = st.sampled_from(("You are helpful.", "Hi", "Hello! How can I help?")) | texts
    role = st.sampled_from(("system", "user", "assistant", "tool"))
    message = st.fixed_dictionaries({"role": role, "content": text})
    return st.lists(message, max_size=4)


def spans(**fixed: SearchStrategy[Any]) -> SearchStrategy[Span]:
    """Any storable span; `fixed` replaces the strategy of a field."""
    fields: dict[str, SearchStrategy[Any]] = {
        "trace_id": st.text("0123456789abcdef", min_size=32, max_size=32),
        "span_id": st.text("0123456789abcdef", min_size=16, max_size=16),
        "parent_id": optional_texts,
        "name": texts,
        "kind": st.sampled_from(get_args(SpanKind)),
        "start_ns": times,
        "end_ns": times,
        "open": st.just(False),
        "revision": st.integers(-10, 10),
        "status": st.sampled_from(get_args(SpanStatus)),
        "first_token_ns": st.none() | int64,
        "usage": st.none() | st.builds(Usage, **_usage(), estimated=st.booleans()),
        "cost_usd": costs,
        "input": json_values() | messages(),
        "output": json_values() | messages(),
        "tags": st.lists(texts, max_size=3).map(tuple),
        "cost_source": st.sampled_from((None, "given", "table")),
        "metadata": st.dictionaries(texts, json_values(), max_size=3),
        "resource": st.dictionaries(texts, json_values(), max_size=2),
        "links": st.lists(st.dictionaries(texts, json_values(), max_size=2), max_size=1).map(tuple),
        "attributes": st.dictionaries(texts, json_values(), max_size=3),
        "events": st.lists(st.dictionaries(texts, json_values(), max_size=2), max_size=2).map(
            tuple
        ),
    }
    plain = (
        "error",
        "session",
        "user",
        "environment",
        "service",
        "route",
        "release",
        "run",
        "prompt",
    )
    fields |= dict.fromkeys((*plain, "provider", "model"), optional_texts)
    return st.builds(Span, **fields | fixed)


def scores(**fixed: SearchStrategy[Any]) -> SearchStrategy[Score]:
    """Any storable score; `fixed` replaces the strategy of a field."""
    kinds = st.sampled_from(get_args(TargetKind))
    fields: dict[str, SearchStrategy[Any]] = {
        "score_id": st.text(min_size=1, max_size=8),
        "project": texts,
        "target": st.builds(Target, kind=kinds, id=texts, trace_id=optional_texts),
        "name": texts,
        "status": st.sampled_from(get_args(ScoreStatus)),
        "value": st.none() | finite,
        "label": optional_texts,
        "passed": st.none() | st.booleans(),
        "reason": optional_texts,
        "evidence": st.lists(texts, max_size=3).map(tuple),
        "source": st.sampled_from(get_args(ScoreSource)),
        "scorer_version": texts,
        "digest": texts,
        "author": optional_texts,
        "run": optional_texts,
        "cost_usd": costs,
        "latency_ms": st.none() | finite,
        "time_ns": int64,
        "metadata": st.dictionaries(texts, json_values(), max_size=3),
    }
    return st.builds(Score, **fields | fixed)


def _usage() -> dict[str, SearchStrategy[int]]:
    return {name: counts for name in Usage.__struct_fields__ if name != "estimated"}
