"""What foreign protocols share: lenient JSON, stable ids, times, money, tokens, messages."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple
from tests.dialects.foreign import ANY_JSON

from trimtab.dialects import conversation
from trimtab.dialects.sdk import (
    finite,
    money,
    number_ns,
    read_json,
    score_name,
    span_id_of,
    time_ns,
    trace_id_of,
)
from trimtab.dialects.tokens import usage_of
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.ids import is_span_id, is_trace_id
from trimtab.records import Usage
from trimtab.scorers.judgement import NAME


@given(ANY_JSON)
def test_whatever_python_writes_as_json_is_read_and_can_be_written_again(value: Any) -> None:
    read = read_json(json.dumps(value).encode())
    jsonx.encode(read)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        (b'["\\ud800"]', ["?"]),
        (b"[1e400]", [None]),
        (b'["\xff"]', ["\ufffd"]),
    ],
)
def test_what_is_no_value_becomes_null_or_a_replacement(body: bytes, expected: Any) -> None:
    assert read_json(body) == expected


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        jsonx.encode(read_json(body))


@given(st.text(min_size=1, max_size=50))
def test_any_text_has_one_valid_id_of_each_kind(text: str) -> None:
    assert is_trace_id(trace_id_of(text))
    assert is_span_id(span_id_of(text))
    assert trace_id_of(text) == trace_id_of(text)


@given(st.uuids())
def test_a_uuid_is_the_same_trace_however_it_is_spelt(number: Any) -> None:
    assert trace_id_of(str(number)) == trace_id_of(str(number).upper())
    assert trace_id_of(str(number)) == number.hex or not number.int
    assert span_id_of(str(number)) == span_id_of(str(number).upper())


def test_other_texts_keep_their_case() -> None:
    assert trace_id_of("a") != trace_id_of("A")
    assert span_id_of("a") != span_id_of("A")


@pytest.mark.parametrize(
    "text",
    ["2026-11-21T10:00:00Z", "2026-11-21 10:00:00.000", "2026-11-21T12:00:00.000000+02:00"],
)
def test_times_are_read_with_and_without_a_zone(text: str) -> None:
    assert time_ns(text) == 1_795_255_200_000_000_000


@given(ANY_JSON)
def test_any_value_is_a_time_and_an_amount_or_none(value: Any) -> None:
    for found in (time_ns(value), number_ns(value, 1_000_000)):
        assert found is None or 0 <= found < 2**63
    amount = money(value)
    assert amount is None or amount >= 0
    assert finite(value) is None or isinstance(finite(value), float)


def test_amounts_are_exact() -> None:
    assert money(0.1) == Decimal("0.1")
    assert money("NaN") is None
    assert money(-1) is None


@given(st.text(max_size=300))
def test_any_text_can_name_a_score(text: str) -> None:
    assert NAME.fullmatch(score_name(text))


OPENAI = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 10},
}
RESPONSES = {
    "input_tokens": 120,
    "output_tokens": 30,
    "input_tokens_details": {"cached_tokens": 20},
    "output_tokens_details": {"reasoning_tokens": 10},
}
LANGCHAIN = {
    "input_tokens": 120,
    "output_tokens": 30,
    "input_token_details": {"cache_read": 20, "cache_creation": 7},
    "output_token_details": {"reasoning": 10},
}
ANTHROPIC = {
    "input_tokens": 100,
    "output_tokens": 30,
    "cache_read_input_tokens": 20,
    "cache_creation_input_tokens": 9,
    "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
}


@pytest.mark.parametrize(
    ("wire", "inclusive", "expected"),
    [
        (OPENAI, False, Usage(input=95, cache_read=20, audio_input=5, output=20, reasoning=10)),
        (RESPONSES, True, Usage(input=100, cache_read=20, output=20, reasoning=10)),
        (
            LANGCHAIN,
            True,
            Usage(input=93, cache_read=20, cache_write_5m=7, output=20, reasoning=10),
        ),
        (
            ANTHROPIC,
            False,
            Usage(input=100, cache_read=20, cache_write_5m=4, cache_write_1h=5, output=30),
        ),
        (
            {"input": 100, "input_cached_tokens": 20, "output": 30},
            False,
            Usage(input=100, cache_read=20, output=30),
        ),
    ],
    ids=["OpenAI", "Responses", "LangChain", "Anthropic", "Langfuse"],
)
def test_every_token_is_counted_in_one_bucket(
    wire: dict[str, Any], inclusive: bool, expected: Usage
) -> None:
    assert usage_of(wire, inclusive=inclusive) == expected


@given(st.dictionaries(st.text(max_size=20), ANY_JSON, max_size=4), st.booleans())
def test_strange_usage_is_not_reported_or_not_negative(wire: Any, inclusive: bool) -> None:
    usage = usage_of(wire, inclusive=inclusive)
    assert usage is None or min(astuple(usage)) >= 0


@pytest.mark.parametrize("wire", [{"input": -5, "output": 3}, {"prompt_tokens": 2, "output": -1.0}])
def test_a_negative_count_makes_the_usage_unknown(wire: dict[str, Any]) -> None:
    assert usage_of(wire, inclusive=True) is None


def test_nothing_reported_is_not_zero() -> None:
    assert usage_of({}, inclusive=True) is None
    assert usage_of({"x": "y"}, inclusive=True) is None
    assert usage_of({"total_tokens": 5, "x": "y"}, inclusive=True) == Usage(input=5, estimated=True)


def test_a_total_says_what_is_counted_beside_the_input_whoever_sends_it() -> None:
    wire = {"input_tokens": 100, "cache_read_input_tokens": 20, "output_tokens": 30}
    beside = Usage(input=100, cache_read=20, output=30)
    assert usage_of({**wire, "total_tokens": 150}, inclusive=True) == beside


HUMAN = {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"]}
CALL = {"name": "look", "args": {"q": 1}, "id": "c1"}
TOOL_USE = {"type": "tool_use", "id": "c1", "name": "look", "input": {"q": 1}}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "c1", "content": "found"}
CALLED = {
    "id": "c1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"q":1}'},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Hi", [{"role": "user", "content": "Hi"}]),
        ([{"role": "user", "content": "Hi"}], [{"role": "user", "content": "Hi"}]),
        ({"messages": [["human", "Hi"]]}, [{"role": "user", "content": "Hi"}]),
        (
            {"messages": [[{**HUMAN, "kwargs": {"content": "Hi", "type": "human"}}]]},
            [{"role": "user", "content": "Hi"}],
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [TOOL_USE]},
                    {"role": "user", "content": [TOOL_RESULT]},
                ]
            },
            [
                {"role": "assistant", "content": None, "tool_calls": [CALLED]},
                {"role": "tool", "tool_call_id": "c1", "content": "found"},
            ],
        ),
        ({"role": "a poet", "topic": "rain"}, {"role": "a poet", "topic": "rain"}),
        (
            {"messages": [{"type": "human", "data": {"content": "Hi"}}]},
            [{"role": "user", "content": "Hi"}],
        ),
        (
            {"system": "Be brief", "messages": [{"role": "user", "content": "Hi"}]},
            [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}],
        ),
        ({"prompts": ["Hi"]}, [{"role": "user", "content": "Hi"}]),
        (
            {"messages": [{"type": "ai", "content": "", "tool_calls": [CALL]}]},
            [
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [CALLED],
                }
            ],
        ),
    ],
)
def test_what_was_asked_becomes_messages(value: Any, expected: Any) -> None:
    assert conversation.asked(value)[0] == expected


@pytest.mark.parametrize(
    "value",
    [
        "Hi",
        {"role": "assistant", "content": "Hi"},
        {"choices": [{"message": {"role": "assistant", "content": "Hi"}}]},
        {"generations": [[{"text": "Hi", "type": "Generation"}]]},
        {
            "generations": [
                [
                    {
                        "text": "Hi",
                        "message": {"lc": 1, "id": ["x", "AIMessage"], "kwargs": {"content": "Hi"}},
                    }
                ]
            ]
        },
        {"output": {"type": "ai", "content": "Hi"}},
    ],
)
def test_what_was_answered_becomes_messages(value: Any) -> None:
    assert conversation.answered(value)[0] == [{"role": "assistant", "content": "Hi"}]


@given(ANY_JSON)
def test_any_value_is_understood_or_stays_as_it_came(value: Any) -> None:
    for read in (conversation.asked, conversation.answered):
        found, rest = read(value)
        assert isinstance(rest, dict)
        if found is not value:
            assert all(isinstance(turn, dict) and "role" in turn for turn in found)
