"""Whatever a span carries, it becomes a Span, whole, with counts that can be true."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from trimtab.conventions import normalise
from trimtab.conventions.routes import PRECEDENCE
from trimtab.records import RawSpan, Span

KNOWN = [
    key
    for convention in PRECEDENCE
    for rules in (convention.attributes, convention.lists, convention.below)
    for key, _, _ in rules
]
LEAVES = ["message.role", "message.content", "role", "content", "tool_calls.0.id", "document.id"]
NAMES = [
    "exception",
    "gen_ai.choice",
    "gen_ai.user.message",
    "gen_ai.tool.message",
    "gen_ai.client.inference.operation.details",
    "db.query.result",
    "ai.stream.firstChunk",
    "other",
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["{", "[1", '{"a": 1}', '[{"role": "user"}]', '"x"', "NaN", "1e999", "\ud800"]
    )
)
words = st.sampled_from(
    (
        *("role", "content", "parts", "type", "messages", "choices", "message", "text", "kwargs"),
        *("id", "tool_call", "tool-result", "output", "input", "usage", "anthropic", "name"),
        *("input_tokens", "output_tokens", "cache_read_input_tokens", "total_tokens", "function"),
        *("generations", "metadata", "score", "documents", "system", "prompt", "value"),
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(words | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
encoded = values.map(lambda value: value if isinstance(value, str) else _json(value))
keys = (
    st.sampled_from(KNOWN)
    | st.builds(
        "{}.{}.{}".format,
        st.sampled_from(KNOWN),
        st.integers(0, 3) | st.sampled_from(["²", "99999999999", "x"]),
        st.sampled_from(LEAVES),
    )
    | st.text(max_size=8)
)
attributes = st.dictionaries(keys, values | encoded | st.integers(0, 2000), max_size=12)
events = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(NAMES), "time_ns": st.integers(0, 2**62), "attributes": attributes}
    )
    | values,
    max_size=3,
)


def _json(value: Any) -> str:
    return json.dumps(value)


def raw(**fields: Any) -> RawSpan:
    return RawSpan(
        **{"trace_id": "a" * 32, "span_id": "b" * 16, "start_ns": 1, "end_ns": 2, **fields}
    )


@given(attributes, events, attributes, st.integers(-1, 4), st.sampled_from(["", "a=b"]))
def test_any_span_becomes_one_that_lost_nothing(
    carried: dict[str, Any], told: list[Any], resource: dict[str, Any], code: int, state: str
) -> None:
    before = repr(carried)
    span = normalise(
        raw(
            attributes=carried,
            events=tuple(told),
            resource=resource,
            status_code=code,
            trace_state=state,
        ),
        project="p",
    )
    kept = dict(span.attributes)
    assert kept.pop("otel.trace_state", "") == (state or carried.get("otel.trace_state", ""))
    assert repr(kept) == before
    assert span.events == tuple(told)
    assert span.resource is resource
    assert_types(span)


@given(attributes)
def test_counts_are_disjoint_and_never_negative(carried: dict[str, Any]) -> None:
    usage = normalise(raw(attributes=carried), project="p").usage
    if usage is not None:
        buckets = msgspec.structs.asdict(usage)
        assert isinstance(buckets.pop("estimated"), bool)
        assert all(type(tokens) is int and tokens >= 0 for tokens in buckets.values())


@given(
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.booleans(),
)
def test_buckets_add_up_to_a_total_that_is_consistent(
    fresh: int, cached: int, said: int, reasoned: int, inside: bool
) -> None:
    """Whichever way a sender counts, its total tells which, and the buckets come out the same."""
    carried = {
        "gen_ai.usage.input_tokens": fresh + cached if inside else fresh,
        "gen_ai.usage.output_tokens": said + reasoned if inside else said,
        "gen_ai.usage.cache_read.input_tokens": cached,
        "gen_ai.usage.reasoning.output_tokens": reasoned,
        "gen_ai.usage.total_tokens": fresh + cached + said + reasoned,
    }
    usage = normalise(raw(attributes=carried), project="p").usage
    assert usage is not None
    assert (usage.input, usage.cache_read) == (fresh, cached)
    assert (usage.output, usage.reasoning) == (said, reasoned)
    assert usage.total_input + usage.total_output == carried["gen_ai.usage.total_tokens"]
    assert not usage.estimated


def assert_types(span: Span) -> None:
    """Every field holds what its type says: the span survives the way into a store and back."""
    plain = msgspec.structs.replace(
        span, attributes={}, events=(), links=(), resource={}, input=None, output=None, metadata={}
    )
    data = msgspec.to_builtins(plain, str_keys=True)
    assert msgspec.convert(data, Span, strict=False) == plain
    assert isinstance(span.metadata, dict)
