"""Values, usage and settings: what any input becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import ConfigError
from trimtab.sdk import settings, usage, values
from trimtab.sdk.wiring import messages

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
counts = st.none() | st.integers(0, 10**9)


@given(json_values)
def test_json_values_come_back_as_they_were(value: Any) -> None:
    assert json.loads(values.json_text(value)) == value


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_becomes_text_that_can_be_encoded(text: str) -> None:
    found, kind = values.text_of(text)
    assert found.encode("utf-8") is not None
    assert kind == "text/plain"


@given(counts, counts, counts, counts, counts)
def test_disjoint_counts_add_up_to_the_totals(
    fresh: int | None, read: int | None, short: int | None, output: int | None, thought: int | None
) -> None:
    named = {
        "input": fresh,
        "cache_read": read,
        "cache_write_5m": short,
        "output": output,
        "reasoning": thought,
    }
    found = usage.attributes({name: count for name, count in named.items() if count is not None})
    known_in = [n for n in (fresh, read, short) if n is not None]
    known_out = [n for n in (output, thought) if n is not None]
    assert found.get("gen_ai.usage.input_tokens") == (sum(known_in) if known_in else None)
    assert found.get("gen_ai.usage.output_tokens") == (sum(known_out) if known_out else None)


@given(json_values)
def test_a_usage_of_any_shape_is_read_or_left(value: Any) -> None:
    assert all(isinstance(count, int) for count in usage.attributes(value).values())


@given(st.lists(json_values))
def test_messages_of_any_shape_are_read_or_left(value: list[Any]) -> None:
    for read in (messages.of_anthropic, messages.of_responses):
        assert isinstance(read(value), list)


@pytest.mark.parametrize(
    ("env", "url", "traces", "scores"),
    [
        ({}, None, "http://127.0.0.1:8321/v1/traces", True),
        ({"TRIMTAB_URL": "http://a/"}, None, "http://a/v1/traces", True),
        ({"TRIMTAB_URL": "http://a"}, "https://b:1", "https://b:1/v1/traces", True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c/x"}, None, "http://c/x/v1/traces", False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://d/in"}, None, "http://d/in", False),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "TRIMTAB_URL": "http://a"},
            None,
            "http://a/v1/traces",
            True,
        ),
    ],
)
def test_where_spans_go(env: dict[str, str], url: str | None, traces: str, scores: bool) -> None:
    found = settings.destination(url, None, env)
    assert (found.traces_url, found.scores_url is not None) == (traces, scores)


@pytest.mark.parametrize("url", ["localhost:8321", "ftp://a", "http://", "http://a:x", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="not one"):
        settings.destination(url or None, None, {"TRIMTAB_URL": url or "x"})


def test_a_key_that_would_break_the_header_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        settings.destination("http://a", "secret\r\nx: y", {})
    assert "secret" not in str(caught.value)


def test_a_destination_does_not_show_its_credential() -> None:
    one, other = (settings.destination("http://a", key, {}) for key in ("k1", "k2"))
    assert one.digest != other.digest
    assert "k1" not in one.digest
