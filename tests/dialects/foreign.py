"""What tests of the dialects of other platforms' SDKs share: any JSON, and what a patch may say."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from trimtab.kit import jsonx
from trimtab.records import Span, SpanPatch
from trimtab.tracing.patching import Key, begun, patched

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields, each of any value or of one that makes sense."""
    sensible = st.sampled_from(
        [
            *("x", "2026-01-01T00:00:00Z", "ERROR", ["t"], 1.5, {"input_tokens": 3}),
            {"messages": [{"role": "user", "content": "q"}]},
            {"metadata": {"thread_id": "s"}},
        ]
    )
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, sensible | ANY_JSON))


def check(patch: SpanPatch) -> Span:
    """The span a patch makes, which must be storable; fails if a field is of a wrong type."""
    key = Key("p", patch.trace_id or "0" * 31 + "1", patch.span_id)
    span = patched(begun(key, patch, 0), patch)
    return msgspec.json.decode(jsonx.encode(span), type=Span)
