"""OpenAI's responses: the real client reads what is written, and what is read says the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import openai
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from tests.dialects.served import serving
from tests.dialects.spoken import ANSWERS, USAGE, events, read_stream, said

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.dialect import Dialect
from trimtab.dialects.llm.openai_responses import OPENAI_RESPONSES, previous
from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    Used,
)
from trimtab.dialects.llm.question import (
    MediaContent,
    OutputFormat,
    Question,
    TextContent,
    Thinking,
    ThinkingContent,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
from trimtab.errors import InvalidRequest, ProviderUnavailable, RateLimited, TrimtabError
from trimtab.kit import sse
from trimtab.records import Message, Usage
from trimtab.testing import strategies as drawn

EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)
REQUEST: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseCreateParamsStreaming)
ASKED = OPENAI_RESPONSES.envelope(
    b'{"model":"m","input":"q","temperature":0.50,"instructions":"Be brief.",'
    b'"metadata":{"k":"v"},"tools":[{"type":"function","name":"weather","parameters":{},'
    b'"strict":false}]}'
)

BROKEN = ProviderUnavailable("gone", fix="wait")
ERRORS: dict[str, list[Part | TrimtabError]] = {
    "broken": [Text("a"), BROKEN],
    "limited": [RateLimited("too many")],
}


def written(name: str) -> bytes:
    writer = OPENAI_RESPONSES.writer(ASKED, id="answer_1", created_s=1_700_000_000)
    return b"".join(writer.stream(part) for part in ANSWERS[name])


def written_whole(name: str) -> bytes:
    writer = OPENAI_RESPONSES.writer(ASKED, id="answer_1", created_s=1_700_000_000)
    return writer.body(ANSWERS[name])


def envelope(**fields: Any) -> Any:
    return OPENAI_RESPONSES.envelope(json.dumps({"model": "m", "input": "q", **fields}).encode())


def reading(*wire: dict[str, Any]) -> list[Part]:
    stream = b"".join(sse.encode(json.dumps(event).encode(), name=event["type"]) for event in wire)
    return read_stream(OPENAI_RESPONSES.reader(), [stream])


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with (
        serving(OPENAI_RESPONSES, {**ANSWERS, **ERRORS}) as url,
        openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client,
    ):
        yield client


def told(response: Any) -> dict[str, Any]:
    """What a response of the real client says."""
    items = list(response.output)
    calls = [item for item in items if item.type == "function_call"]
    parts = [part for item in items if item.type == "message" for part in item.content]
    thoughts = [item for item in items if item.type == "reasoning"]
    return {
        "status": response.status,
        "text": response.output_text,
        "refusal": "".join(part.refusal for part in parts if part.type == "refusal"),
        "calls": [(call.call_id, call.name, json.loads(call.arguments)) for call in calls],
        "thought": "".join(part.text for item in thoughts for part in item.summary),
        "sealed": [item.encrypted_content for item in thoughts],
    }


EMPTY = {"status": "completed", "text": "", "refusal": "", "calls": [], "thought": "", "sealed": []}
TOLD: dict[str, dict[str, Any]] = {
    "text": {"text": "Héllo wörld 👩‍🚀"},
    "nothing": {},
    "bare": {"text": "a"},
    "call": {"text": "Let me see.", "calls": [("call_a", "weather", {"city": "Oslo"})]},
    "parallel": {
        "calls": [("call_a", "weather", {"city": "Oslo"}), ("call_b", "time", {"zone": "CET"})]
    },
    "reasoning": {
        "text": "So: yes.",
        "thought": "First this.",
        "sealed": ["gAAAseal", "gAAAhidden"],
    },
    "refusal": {"refusal": "I cannot."},
    "length": {"text": "Once up", "status": "incomplete"},
    "filtered": {"text": "x", "status": "incomplete"},
    "failed": {"text": "Half an", "status": "failed"},
}


class TestTheRealClient:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_it_reads_a_whole_answer(self, client: openai.OpenAI, name: str) -> None:
        response = client.responses.create(model=name, input="q")
        assert told(response) == {**EMPTY, **TOLD[name]}
        Response.model_validate(response.model_dump(exclude_unset=True))

    @pytest.mark.parametrize("name", ANSWERS)
    def test_it_reads_a_stream_whose_last_event_says_everything(
        self, client: openai.OpenAI, name: str
    ) -> None:
        stream = list(client.responses.create(model=name, input="q", stream=True))
        assert [event.type for event in stream[:2]] == ["response.created", "response.in_progress"]
        assert [event.sequence_number for event in stream] == list(range(len(stream)))
        last = stream[-1]
        assert last.type == f"response.{TOLD[name].get('status', 'completed')}"
        assert told(last.response) == {**EMPTY, **TOLD[name]}  # type: ignore[union-attr]

    @pytest.mark.parametrize("name", [name for name in ANSWERS if "status" not in TOLD[name]])
    def test_its_own_accumulator_agrees(self, client: openai.OpenAI, name: str) -> None:
        with client.responses.stream(model=name, input="q") as stream:
            deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
            assert told(stream.get_final_response()) == {**EMPTY, **TOLD[name]}
        assert "".join(deltas) == TOLD[name].get("text", "")

    def test_an_error_in_the_middle_of_a_stream_raises(self, client: openai.OpenAI) -> None:
        stream = client.responses.create(model="broken", input="q", stream=True)
        with pytest.raises(openai.APIError, match="gone; wait"):
            list(stream)

    def test_an_error_instead_of_an_answer_raises_by_its_status(
        self, client: openai.OpenAI
    ) -> None:
        with pytest.raises(openai.RateLimitError) as caught:
            client.responses.create(model="limited", input="q")
        assert caught.value.code == "rate_limited"

    def test_an_error_event_has_the_shape_of_its_type(self) -> None:
        event = OPENAI_RESPONSES.error_event(BROKEN)
        EVENT.validate_json(events(event)[0].data or "")
        (failed,) = read_stream(OPENAI_RESPONSES.reader(), [event])
        assert isinstance(failed, Failed)
        assert (failed.message, failed.kind) == ("gone; wait", "provider_unavailable")


class TestStreams:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_every_event_has_the_shape_of_its_type(self, name: str) -> None:
        for event in events(written(name)):
            wire = EVENT.validate_json(event.data or "")
            assert wire.type == event.name

    @pytest.mark.parametrize("name", ANSWERS)
    def test_what_is_opened_is_closed_in_order(self, name: str) -> None:
        opened: list[Any] = []
        for event in events(written(name)):
            wire = json.loads(event.data or "")
            kind, index = event.name, wire.get("output_index")
            if kind == "response.output_item.added":
                assert index == len(opened)
                opened.append(True)
            elif kind == "response.output_item.done":
                assert opened[index]
                opened[index] = False
            elif index is not None:
                assert opened[index]
        assert not any(opened)

    @pytest.mark.parametrize("name", ANSWERS)
    def test_what_was_written_reads_the_same_whole_or_split_at_every_byte(self, name: str) -> None:
        stream = written(name)
        together = read_stream(OPENAI_RESPONSES.reader(), [stream])
        bytewise = [stream[at : at + 1] for at in range(len(stream))]
        assert read_stream(OPENAI_RESPONSES.reader(), bytewise) == together
        expected = said(ANSWERS[name])
        assert _comparable(said(together)) == _comparable(expected)

    @pytest.mark.parametrize("name", ANSWERS)
    def test_a_stream_and_a_body_say_the_same(self, name: str) -> None:
        streamed = said(read_stream(OPENAI_RESPONSES.reader(), [written(name)]))
        whole = said(OPENAI_RESPONSES.reader().body(written_whole(name)))
        assert streamed == whole

    @pytest.mark.parametrize("name", [name for name in ANSWERS if name != "failed"])
    def test_a_stream_cut_before_its_last_event_is_not_ended(self, name: str) -> None:
        cut = b"".join(event.raw for event in events(written(name))[:-1])
        parts = read_stream(OPENAI_RESPONSES.reader(), [cut])
        assert not any(isinstance(part, Ended | Used) for part in parts)

    def test_what_has_no_place_is_named(self) -> None:
        writer = OPENAI_RESPONSES.writer(ASKED, id="a", created_s=0)
        parts: list[Part] = [Text("a"), Text("b", 1), Other(kind="citation"), Ended()]
        assert b'"delta":"b"' not in b"".join(writer.stream(part) for part in parts)
        assert set(writer.lost) == {"choices", "citation"}

    def test_the_request_is_repeated_as_it_was_spelt(self) -> None:
        assert b'"temperature":0.50' in written("text")
        assert json.loads(written_whole("text"))["metadata"] == {"k": "v"}


def _comparable(told: dict[str, Any]) -> dict[str, Any]:
    """Without what a dialect must add: an id and a model, a reason to end, whose seal it is."""
    seals = [(alone, seal.rpartition(":")[2]) for alone, seal in told["sealed"]]
    finished = {"finished 0": "stop"} if "Failed" not in told else {}
    return {**finished, **told, "Began": None, "sealed": seals}


MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
NOTE = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 1}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [
        {"type": "summary_text", "text": "One."},
        {"type": "summary_text", "text": "Two."},
    ],
    "encrypted_content": "gAAA",
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
CUSTOM = {"type": "custom_tool_call", "id": "ct_1", "call_id": "c", "name": "sh", "input": "ls"}
TEXT = {"type": "output_text", "text": "Hi", "annotations": [NOTE]}
WIRE_USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {
        "cached_tokens": 10,
        "cache_write_tokens": 8,
        "cache_write_tokens_details": {"ttl_30m_tokens": 5, "ttl_12h_tokens": 3},
    },
    "output_tokens": 12,
    "output_tokens_details": {"reasoning_tokens": 7},
    "total_tokens": 48,
}
WHOLE = {
    "id": "resp_9",
    "object": "response",
    "model": "m-1",
    "status": "completed",
    "output": [THOUGHT, SEARCH, {**MESSAGE, "content": [TEXT]}, CALL, CUSTOM],
    "usage": WIRE_USAGE,
}
BUCKETS = Usage(input=18, cache_read=10, cache_write_5m=5, cache_write_1h=3, output=5, reasoning=7)
HEAD = {k: WHOLE[k] for k in ("id", "object", "model")}
RECORDED: list[dict[str, Any]] = [
    {"type": "response.created", "response": {**HEAD, "status": "in_progress", "output": []}},
    {"type": "response.in_progress", "response": {**HEAD, "status": "in_progress", "output": []}},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"type": "reasoning", "id": "rs_1", "summary": []},
    },
    {
        "type": "response.reasoning_summary_text.delta",
        "output_index": 0,
        "summary_index": 0,
        "delta": "One.",
    },
    {
        "type": "response.reasoning_summary_text.delta",
        "output_index": 0,
        "summary_index": 1,
        "delta": "Two.",
    },
    {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
    {"type": "response.web_search_call.searching", "output_index": 1, "item_id": "ws_1"},
    {"type": "response.output_item.done", "output_index": 1, "item": SEARCH},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {**MESSAGE, "content": []},
    },
    {"type": "response.output_text.delta", "output_index": 2, "content_index": 0, "delta": "H"},
    {"type": "response.output_text.delta", "output_index": 2, "content_index": 0, "delta": "i"},
    {"type": "response.output_text.annotation.added", "output_index": 2, "annotation": NOTE},
    {"type": "response.output_text.done", "output_index": 2, "content_index": 0, "text": "Hi"},
    {
        "type": "response.output_item.done",
        "output_index": 2,
        "item": {**MESSAGE, "content": [TEXT]},
    },
    {
        "type": "response.output_item.added",
        "output_index": 3,
        "item": {**CALL, "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 3, "delta": "{}"},
    {"type": "response.function_call_arguments.done", "output_index": 3, "arguments": "{}"},
    {"type": "response.output_item.done", "output_index": 3, "item": CALL},
    {"type": "response.output_item.done", "output_index": 4, "item": CUSTOM},
    {"type": "response.completed", "response": WHOLE},
]


class TestReading:
    def test_a_recorded_stream_says_what_its_whole_says(self) -> None:
        streamed = reading(*RECORDED)
        whole = OPENAI_RESPONSES.reader().body(json.dumps(WHOLE).encode())
        assert said(streamed) == said(whole)
        assert list(whole) == [
            Began(id="resp_9", model="m-1"),
            Reasoning(text="One.\n\nTwo."),
            Reasoning(signature="openai.responses:rs_1:gAAA"),
            Other(kind="web_search_call", data=SEARCH),
            Text("Hi"),
            Other(kind="annotation", data=NOTE),
            ToolCall(index=0, id="call_1", name="f", arguments="{}"),
            Other(kind="custom_tool_call", data=CUSTOM),
            Finished(reason="tool_calls", word="completed"),
            Used(BUCKETS),
            Ended(),
        ]

    @pytest.mark.parametrize("last", [1, 2], ids=["items done", "the end alone"])
    def test_what_came_without_deltas_is_read_from_what_is_done(self, last: int) -> None:
        done = [event for event in RECORDED if event["type"].endswith(("created", "item.done"))]
        kept = done if last == 1 else done[:1]
        assert said(reading(*kept, RECORDED[-1])) == said(reading(*RECORDED))

    @pytest.mark.parametrize(
        ("wire", "part"),
        [
            (
                {"type": "error", "code": "rate_limit_exceeded", "message": "slow down"},
                Failed(message="slow down", kind="rate_limit_exceeded", status=429),
            ),
            (
                {"type": "error", "error": {"type": "server_error", "message": "oops"}},
                Failed(message="oops", kind="server_error", status=500),
            ),
            (
                {
                    "type": "response.failed",
                    "response": {"status": "failed", "error": {"code": "x", "message": "no"}},
                },
                Failed(message="no", kind="x"),
            ),
            (
                {"type": "response.cancelled", "response": {"status": "cancelled"}},
                Failed(message="the response was cancelled", kind="cancelled"),
            ),
        ],
    )
    def test_a_failure_is_told_and_is_no_end(self, wire: dict[str, Any], part: Part) -> None:
        parts = reading(RECORDED[0], wire, RECORDED[-1])
        assert parts[-1] == part
        assert not any(isinstance(part, Ended) for part in parts)

    def test_an_error_without_a_type_is_told(self) -> None:
        stream = b'data: {"error":{"message":"no","code":"c"}}\n\n'
        parts = read_stream(OPENAI_RESPONSES.reader(), [stream])
        assert parts == [Failed(message="no", kind="c")]

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b'{"error":{"message":"no such model","type":"invalid_request_error"}}', "no such"),
            (b"<html>", "not JSON"),
            (b"[]", "not JSON"),
            (b'{"id":"r","output":[],"status":"failed","error":{"message":"m"}}', "m"),
        ],
    )
    def test_a_body_that_is_no_answer_failed(self, body: bytes, message: str) -> None:
        *_, last = OPENAI_RESPONSES.reader().body(body)
        assert isinstance(last, Failed)
        assert message in last.message

    def test_a_response_in_the_background_has_not_finished(self) -> None:
        body = b'{"id":"resp_1","model":"m","status":"queued","output":[],"usage":null}'
        assert list(OPENAI_RESPONSES.reader().body(body)) == [
            Began(id="resp_1", model="m"),
            Ended(),
        ]

    def test_half_a_surrogate_pair_costs_one_character(self) -> None:
        reader = OPENAI_RESPONSES.reader()
        data = r'{"type":"response.output_text.delta","output_index":0,"delta":"a\ud83d"}'
        assert list(reader.event(sse.Event(data, "message", b""))) == [Text("a\ufffd")]
        body = json.dumps(WHOLE).replace('"Hi"', r'"\ud83d"').encode()
        assert Used(BUCKETS) in OPENAI_RESPONSES.reader().body(body)

    @pytest.mark.parametrize("details", [None, [], {"cached_tokens": -1}, {"cached_tokens": "x"}])
    def test_strange_details_of_usage_do_not_hide_the_totals(self, details: Any) -> None:
        usage = {"input_tokens": 3, "output_tokens": 2, "input_tokens_details": details}
        body = json.dumps({**WHOLE, "usage": usage}).encode()
        assert Used(Usage(input=3, output=2)) in OPENAI_RESPONSES.reader().body(body)

    @pytest.mark.parametrize("usage", [None, {}, [], {"input_tokens": -1}, {"input_tokens": 1e9}])
    def test_usage_that_cannot_be_true_is_not_reported(self, usage: Any) -> None:
        body = json.dumps({**WHOLE, "usage": usage}).encode()
        assert not any(isinstance(p, Used) for p in OPENAI_RESPONSES.reader().body(body))

    KINDS = st.sampled_from([event["type"] for event in RECORDED])
    NAMES = ("item", "response", "delta", "output_index", "summary_index", "error", "message")
    ODD_ITEMS = st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["message", "reasoning", "function_call", "x"]),
            **{k: drawn.json_values() for k in ("content", "summary", "arguments", "name", "id")},
        },
    )
    ODD = drawn.json_values() | ODD_ITEMS | st.fixed_dictionaries({"output": st.lists(ODD_ITEMS)})

    @settings(max_examples=30)
    @given(
        st.lists(
            st.fixed_dictionaries(
                {"type": KINDS | drawn.json_values()}, optional=dict.fromkeys(NAMES, ODD)
            ),
            max_size=5,
        )
    )
    def test_no_event_raises(self, wire: list[dict[str, Any]]) -> None:
        reader = OPENAI_RESPONSES.reader()
        for event in wire:
            for name in ("message", "error", "response.completed"):
                said(reader.event(sse.Event(json.dumps(event), name, b"")))

    @settings(max_examples=60)
    @given(ODD, st.binary(max_size=20))
    def test_no_body_raises(self, wire: Any, data: bytes) -> None:
        assert OPENAI_RESPONSES.reader().body(json.dumps(wire).encode())
        assert OPENAI_RESPONSES.reader().body(data)

    @pytest.mark.parametrize("data", ["", "[", "[" * 5_000, '"x"', "null", "[DONE]", "{}"])
    def test_what_is_no_event_says_nothing(self, data: str) -> None:
        assert list(OPENAI_RESPONSES.reader().event(sse.Event(data, "message", b""))) == []
        assert OPENAI_RESPONSES.reader().body(data.encode())


class TestEnvelopes:
    def test_what_is_not_changed_keeps_its_spelling_to_the_byte(self) -> None:
        spellings = {
            "input": b'[ {"role":"user","content":"\\u00e9\\ud83d\\ude00"} ]',
            "max_output_tokens": b"9",
            "seed": b"123456789012345678901234567890",
            "temperature": b"1.10",
            "unknown": b'{"b" : -1E+2,\t"n": null}',
        }
        extra = b"".join(b', "%b": %b' % (k.encode(), v) for k, v in spellings.items())
        asked = OPENAI_RESPONSES.envelope(
            b'{"model": "m", "trimtab": {"tags": ["x"]}' + extra + b"}"
        )
        fields = msgspec.json.decode(asked.body(model="n"), type=dict[str, msgspec.Raw])
        assert {name: bytes(fields[name]) for name in spellings} == spellings
        assert (asked.trimtab, "trimtab" in fields) == ({"tags": ["x"]}, False)
        assert bytes(fields["model"]) == b'"n"'

    def test_what_admission_reads(self) -> None:
        inline = "data:image/png;base64," + "A" * 4_000
        item = {"role": "user", "content": [{"type": "input_image", "image_url": inline}]}
        asked = envelope(stream=True, max_output_tokens=7, safety_identifier="u", input=[item])
        assert (asked.model, asked.stream, asked.max_tokens, asked.user) == ("m", True, 7, "u")
        assert asked.wants_usage
        assert asked.text_bytes < 200
        assert OPENAI_RESPONSES.asking_usage(asked) == {}

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"model": None}, "model"),
            ({"model": ""}, "model"),
            ({"model": 1}, "model"),
            ({"input": None}, "input"),
            ({"input": 3}, "input"),
            ({"stream": "yes"}, "stream"),
            ({"max_output_tokens": "9"}, "max_output_tokens"),
            ({"trimtab": []}, "trimtab"),
        ],
    )
    def test_a_wrong_field_is_named(self, fields: dict[str, Any], where: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            envelope(**fields)
        assert caught.value.where == where

    def test_a_stored_prompt_needs_a_model_beside_it(self) -> None:
        with pytest.raises(InvalidRequest, match="stored prompt"):
            OPENAI_RESPONSES.envelope(b'{"prompt":{"id":"pmpt_1"}}')
        asked = OPENAI_RESPONSES.envelope(b'{"model":"m","prompt":{"id":"pmpt_1"}}')
        assert OPENAI_RESPONSES.messages(asked) == []

    def test_the_response_it_continues_is_known(self) -> None:
        assert previous(envelope()) is None
        assert previous(envelope(previous_response_id=None)) is None
        assert previous(envelope(previous_response_id="resp_1")) == "resp_1"
        with pytest.raises(InvalidRequest):
            previous(envelope(previous_response_id=1))

    def test_messages_are_what_the_caller_said_instructions_first(self) -> None:
        items = [{"role": "user", "content": "a"}, CALL]
        asked = envelope(instructions="Be brief.", input=items)
        system = {"role": "system", "content": "Be brief."}
        assert OPENAI_RESPONSES.messages(asked) == [system, *items]
        assert OPENAI_RESPONSES.messages(envelope()) == [{"role": "user", "content": "q"}]

    @pytest.mark.parametrize(
        ("own", "expected"),
        [
            (b'"\\u00e9"', b'{"type":"message","role":"user","content":"\\u00e9"}]'),
            (
                b'[ {"role":"user" ,"content":"\\u00e9"} ]',
                b' {"role":"user" ,"content":"\\u00e9"} ]',
            ),
        ],
    )
    def test_a_prompt_goes_before_input_that_stays_as_it_was(
        self, own: bytes, expected: bytes
    ) -> None:
        asked = OPENAI_RESPONSES.envelope(
            b'{"model":"m","instructions":"\\u00e8","input":' + own + b"}"
        )
        opening = [Message(role="system", content="S"), Message(role="user", content="x")]
        changes = OPENAI_RESPONSES.opened(asked, opening)
        assert bytes(changes["instructions"]) == b'"S\\n\\n\\u00e8"'
        first = b'[{"type":"message","role":"user","content":"x"},'
        assert bytes(changes["input"]) == first + expected
        json.loads(asked.body(**changes))

    def test_a_prompt_alone_is_all_there_is(self) -> None:
        asked = OPENAI_RESPONSES.envelope(b'{"model":"m","previous_response_id":"resp_1"}')
        opening = [Message(role="developer", content="S"), Message(role="assistant", content="x")]
        changes = OPENAI_RESPONSES.opened(asked, opening)
        assert changes["instructions"] == "S"
        item = {"type": "message", "role": "assistant", "content": "x"}
        assert json.loads(bytes(changes["input"])) == [item]
        assert OPENAI_RESPONSES.opened(asked, []) == {}

    def test_calls_and_parts_of_a_prompt_become_items(self) -> None:
        function = {"name": "f", "arguments": "{}"}
        opening = [
            Message(
                role="user", content=[{"type": "image_url", "image_url": {"url": "https://a"}}]
            ),
            Message(role="assistant", tool_calls=[{"id": "c", "function": function}]),
            Message(role="tool", tool_call_id="c", content="4"),
            Message(role="assistant", content=[{"type": "text", "text": "It is 4."}]),
        ]
        items = json.loads(bytes(OPENAI_RESPONSES.opened(envelope(), opening)["input"]))
        image = {"type": "input_image", "image_url": "https://a", "detail": "auto"}
        assert items[:-1] == [
            {"type": "message", "role": "user", "content": [image]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "4"},
            {"type": "message", "role": "assistant", "content": "It is 4."},
        ]


FULL = Question(
    system=(TextContent(text="Be brief."),),
    turns=(
        Turn(
            role="user",
            content=(
                TextContent(text="Look:"),
                MediaContent(media_type="image/png", data="QUJD", detail="low"),
                MediaContent(media_type="application/pdf", data="QUJD", name="a.pdf"),
                MediaContent(media_type="image/*", url="https://a/b.png", detail="auto"),
            ),
        ),
        Turn(
            role="assistant",
            content=(TextContent(text="Hm."), ToolUse(id="c", name="f", arguments='{"a":1}')),
        ),
        Turn(role="user", content=(ToolResult(id="c", content=(TextContent(text="4"),)),)),
    ),
    tools=(Tool(name="f", description="d", schema={"type": "object"}, strict=True),),
    tool_choice=ToolChoice(mode="named", name="f"),
    parallel_tools=False,
    max_tokens=100,
    temperature=0.5,
    top_p=0.9,
    output=OutputFormat(kind="schema", name="n", schema={"type": "object"}, strict=True),
    thinking=Thinking(effort="low"),
    user="u",
    stream=True,
)


OTHERS = {
    "openai.chat": b'{"model":"m","messages":[{"role":"user","content":"q"}],"stream":true,'
    b'"stream_options":{"include_usage":true}}',
    "anthropic.messages": b'{"model":"m","messages":[{"role":"user","content":"q"}],'
    b'"max_tokens":9,"stream":true}',
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", [name for name in ANSWERS if name not in ("refusal", "filtered")])
class TestTranslation:
    """What a provider says in one dialect, its caller is told in the other."""

    def test_an_answer_in_another_dialect_is_told_in_this_one(self, name: str, other: str) -> None:
        _told_alike(name, DIALECTS[other], OTHERS[other], OPENAI_RESPONSES, QUESTION)

    def test_an_answer_in_this_dialect_is_told_in_another(self, name: str, other: str) -> None:
        _told_alike(name, OPENAI_RESPONSES, QUESTION, DIALECTS[other], OTHERS[other])


QUESTION = b'{"model":"m","input":"q","stream":true}'


def _told_alike(name: str, provider: Dialect, asked: bytes, caller: Dialect, asks: bytes) -> None:
    says = provider.writer(provider.envelope(asked), id="a", created_s=0)
    stream = b"".join(says.stream(part) for part in ANSWERS[name])
    tells = caller.writer(caller.envelope(asks), id="b", created_s=0)
    parts = read_stream(provider.reader(), [stream])
    told = said(read_stream(caller.reader(), [b"".join(tells.stream(part) for part in parts)]))
    expected = said(ANSWERS[name])
    for key in ("Text 0", "calls", "thought", "Used", "Ended"):
        if key in expected:
            assert told.get(key) == expected[key]
    assert ("Failed" in told) == ("Failed" in expected)


class TestQuestions:
    def test_what_is_asked_reads_as_it_was_meant(self) -> None:
        asked = OPENAI_RESPONSES.ask(FULL, model="big")
        assert asked.lost == ()
        assert OPENAI_RESPONSES.question(OPENAI_RESPONSES.envelope(asked.body)) == FULL
        wire = json.loads(asked.body)
        REQUEST.validate_python(wire)
        assert (wire["model"], wire["store"]) == ("big", False)
        assert wire["include"] == ["reasoning.encrypted_content"]

    def test_reasoning_goes_back_only_to_those_who_sealed_it(self) -> None:
        ours = ThinkingContent(text="t", signature="openai.responses:rs_1:gAAA")
        hidden = ThinkingContent(redacted="openai.responses:rs_2:gBBB")
        theirs = ThinkingContent(text="x", signature="EqQB")
        turns = (Turn(role="assistant", content=(ours, hidden, theirs, TextContent(text="a"))),)
        asked = OPENAI_RESPONSES.ask(Question(turns=turns), model="m")
        assert asked.lost == ("messages[].thinking",)
        items = json.loads(asked.body)["input"]
        assert [item.get("encrypted_content") for item in items] == ["gAAA", "gBBB", None]
        assert [item.get("id") for item in items] == ["rs_1", "rs_2", None]
        assert items[0]["summary"] == [{"type": "summary_text", "text": "t"}]

    def test_what_the_api_does_not_know_is_named(self) -> None:
        heard = MediaContent(media_type="audio/wav", data="QUJD")
        question = Question(
            turns=(Turn(role="user", content=(TextContent(text="q", cache=True), heard)),),
            top_k=3,
            stop=("x",),
            seed=1,
            choices=2,
            thinking=Thinking(budget_tokens=5_000),
        )
        asked = OPENAI_RESPONSES.ask(question, model="m")
        assert set(asked.lost) == {
            "top_k",
            "stop",
            "seed",
            "choices",
            "cache",
            "messages[].content",
        }
        assert json.loads(asked.body)["reasoning"] == {"effort": "medium"}

    def test_functions_are_not_strict_unless_they_say_so(self) -> None:
        question = Question(turns=FULL.turns, tools=(Tool(name="f", schema={}),))
        assert json.loads(OPENAI_RESPONSES.ask(question, model="m").body)["tools"] == [
            {"type": "function", "name": "f", "parameters": {}, "strict": False}
        ]

    @pytest.mark.parametrize(
        ("fields", "lost"),
        [
            ({"tools": [{"type": "web_search"}]}, ("tools[0]",)),
            ({"input": [{"role": "user", "content": "q"}, SEARCH]}, ("input[1]",)),
            ({"reasoning": {"effort": "low", "summary": "auto"}}, ("reasoning.summary",)),
            ({"text": {"verbosity": "low"}}, ("text.verbosity",)),
            ({"service_tier": "flex", "max_tool_calls": 3}, ("service_tier", "max_tool_calls")),
            ({"store": False, "truncation": "disabled", "top_logprobs": None}, ()),
            ({"store": True}, ("store",)),
            (
                {
                    "input": [
                        {
                            "role": "user",
                            "content": [
                                {"type": "input_text", "text": "q"},
                                {"type": "input_file", "file_id": "file_1"},
                            ],
                        }
                    ]
                },
                ("input[0].content[1]",),
            ),
            (
                {
                    "input": [
                        {"role": "user", "content": "q"},
                        {"role": "developer", "content": "d"},
                    ]
                },
                ("input[1].role",),
            ),
        ],
    )
    def test_what_cannot_be_carried_over_is_named(
        self, fields: dict[str, Any], lost: tuple[str, ...]
    ) -> None:
        question = OPENAI_RESPONSES.question(envelope(**fields))
        assert question.lost == lost
        assert question.turns[0].content == (TextContent(text="q"),)

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"previous_response_id": "resp_1"}, "previous_response_id"),
            ({"conversation": "conv_1"}, "conversation"),
            ({"prompt": {"id": "p"}}, "prompt"),
            ({"background": True}, "background"),
            ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
            ({"input": []}, "input"),
            ({"input": [1]}, "input[0]"),
            ({"input": [{"role": "robot", "content": "q"}]}, "input[0].role"),
            ({"input": [{"role": "user"}]}, "input[0].content"),
            ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
            ({"tools": [{"type": "function"}]}, "tools[0].name"),
            ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
            ({"instructions": 3}, "instructions"),
            ({"temperature": "hot"}, "temperature"),
        ],
    )
    def test_what_would_be_another_question_is_refused(
        self, fields: dict[str, Any], where: str
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            OPENAI_RESPONSES.question(envelope(**fields))
        assert caught.value.where == where

    def test_only_allowed_tools_are_carried_over(self) -> None:
        tools = [{"type": "function", "name": name, "parameters": {}} for name in "ab"]
        allowed = {"type": "allowed_tools", "mode": "required", "tools": [tools[1]]}
        question = OPENAI_RESPONSES.question(envelope(tools=tools, tool_choice=allowed))
        assert [tool.name for tool in question.tools] == ["b"]
        assert question.tool_choice == ToolChoice(mode="required")

    def test_seals_of_another_api_come_back_untouched(self) -> None:
        """What a provider sealed went out in a reasoning item, and returns in one."""
        writer = OPENAI_RESPONSES.writer(ASKED, id="a", created_s=0)
        thought = [Reasoning(text="t"), Reasoning(signature="EqQB"), Reasoning(redacted="Emw")]
        output = json.loads(writer.body([*thought, Text("a"), Ended()]))["output"]
        question = OPENAI_RESPONSES.question(envelope(input=output))
        assert question.turns[0].content[:2] == (
            ThinkingContent(text="t", signature="EqQB"),
            ThinkingContent(redacted="Emw"),
        )


def test_usage_is_written_as_it_is_read() -> None:
    body = written_whole("text")
    assert Used(USAGE) in OPENAI_RESPONSES.reader().body(body)
    assert json.loads(body)["usage"]["total_tokens"] == 17
