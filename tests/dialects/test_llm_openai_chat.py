"""The OpenAI dialect: requests keep what Trimtab does not know, answers are read whatever comes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.dialects.llm import openai_chat
from trimtab.dialects.llm.answer import MAX_TEXT_BYTES, Fold
from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.openai_chat import OPENAI_CHAT, usage_from_wire, usage_on_wire
from trimtab.errors import (
    InvalidRequest,
    NotFound,
    Overloaded,
    ProviderError,
    RateLimited,
    Unauthenticated,
)
from trimtab.kit import sse
from trimtab.records import Usage
from trimtab.testing import strategies as drawn

ASK = [{"role": "user", "content": "x"}]
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
COUNTS = st.integers(0, 10**6)


def read_request(body: bytes) -> Envelope:
    return OPENAI_CHAT.envelope(body)


def request(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": ASK, **fields}).encode()


def refusal(body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read_request(body)
    return caught.value


class TestRequests:
    @given(st.dictionaries(drawn.texts, drawn.json_values(), max_size=4))
    def test_a_body_says_what_the_request_said(self, extra: dict[str, Any]) -> None:
        fields = {**extra, "model": "m", "messages": ASK}
        fields |= dict.fromkeys(("stream", "stream_options", "user"))
        body = json.dumps(fields).encode()
        assert json.loads(read_request(body).body()) == json.loads(body)

    def test_what_is_not_changed_keeps_its_spelling_to_the_byte(self) -> None:
        spellings = {
            "seed": b"123456789012345678901234567890",
            "temperature": b"1.10",
            "top_p": b"1e400",
            "logit_bias": b'{"50256" : -1E+2 , "b":\t[1.0e0, 0.10]}',
            "unknown": b'"\\u00e9\\/\\ud83d\\ude00"',
            "nothing": b"null",
        }
        extra = b"".join(b', "%b": %b' % (k.encode(), v) for k, v in spellings.items())
        body = b'{"model": "m", "messages": [{"role":"user","content":"x"}]' + extra + b"}"
        sent = read_request(body).body(model="other")
        fields = msgspec.json.decode(sent, type=dict[str, msgspec.Raw])
        assert {name: bytes(fields[name]) for name in spellings} == spellings
        assert bytes(fields["messages"]) == b'[{"role":"user","content":"x"}]'
        assert bytes(fields["model"]) == b'"other"'

    def test_a_change_replaces_adds_or_removes_a_field(self) -> None:
        asked = read_request(request(temperature=1, top_p=0.5))
        sent = json.loads(asked.body(temperature=0, top_p=None, seed=7, absent=None))
        assert sent == {"model": "m", "messages": ASK, "temperature": 0, "seed": 7}

    @pytest.mark.parametrize("name", ["self", "changes", "fields", "a b", ""])
    def test_a_field_may_have_any_name(self, name: str) -> None:
        asked = read_request(request(**{name: 1}))
        assert json.loads(asked.body(**{name: 2}))[name] == 2

    def test_nulls_are_absent(self) -> None:
        asked = read_request(request(stream=None, stream_options=None, user=None))
        assert (asked.stream, asked.wants_usage, asked.user) == (False, False, None)

    def test_an_answer_can_be_sent_back_as_clients_dump_it(self) -> None:
        dumped = {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "audio": None,
            "function_call": None,
            "tool_calls": None,
        }
        envelope = read_request(request(messages=[*ASK, dumped]))
        assert OPENAI_CHAT.messages(envelope) == [*ASK, dumped]

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"model": ""}, "model"),
            ({"model": None}, "model"),
            ({"messages": []}, "messages"),
            ({"messages": None}, "messages"),
            ({"messages": [{"content": "x"}]}, "messages[0]"),
            ({"messages": [*ASK, {"role": "user", "content": 7}]}, "messages[1].content"),
            ({"messages": [*ASK, {"role": "boss", "content": "x"}]}, "messages[1].role"),
            ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
            ({"stream": "yes"}, "stream"),
            ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
            ({"user": 7}, "user"),
        ],
    )
    def test_what_is_wrong_is_named_by_its_path(self, fields: dict[str, Any], where: str) -> None:
        error = refusal(request(**fields))
        assert error.where == where
        assert error.fix

    @given(st.binary(max_size=30) | drawn.json_values().map(lambda v: json.dumps(v).encode()))
    def test_any_other_body_is_refused_and_nothing_else_is_raised(self, body: bytes) -> None:
        assert refusal(body).what

    @given(
        st.dictionaries(
            st.sampled_from(["model", "messages", "stream", "stream_options", "user"]),
            drawn.json_values() | st.just(ASK) | st.just("m"),
        )
    )
    def test_known_fields_of_any_shape_are_read_or_refused(self, fields: dict[str, Any]) -> None:
        body = json.dumps(fields).encode()
        try:
            asked = read_request(body)
        except InvalidRequest as error:
            said = error
        else:
            assert asked.model == fields["model"]
            return
        assert said.fix


# -- answers -----------------------------------------------------------------------------------

CALLS = st.lists(st.tuples(TEXT.filter(bool), TEXT.filter(bool), TEXT), max_size=3)
ANSWERS = st.fixed_dictionaries(
    {
        "content": TEXT,
        "refusal": TEXT,
        "reasoning_content": TEXT,
        "calls": CALLS,
        "finish_reason": st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
        "usage": st.none() | st.tuples(COUNTS, COUNTS),
    }
)


def pieces(data: Any, text: str) -> list[str]:
    """The text in pieces, cut at places that hypothesis chooses."""
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
    bounds = [0, *places, len(text)]
    return [text[a:b] for a, b in pairwise(bounds)]


def wire_usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def completion(answer: dict[str, Any]) -> bytes:
    """The whole answer as a provider would send it."""
    message: dict[str, Any] = {"role": "assistant", "content": answer["content"]}
    message |= {key: answer[key] for key in ("refusal", "reasoning_content") if answer[key]}
    if answer["calls"]:
        message["tool_calls"] = [
            {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}
            for key, name, arguments in answer["calls"]
        ]
    choice = {"index": 0, "message": message, "finish_reason": answer["finish_reason"]}
    body: dict[str, Any] = {"model": "m-1", "choices": [choice]}
    if answer["usage"] is not None:
        body["usage"] = wire_usage(answer["usage"])
    return json.dumps(body).encode()


def deltas(data: Any, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer as deltas: each text in order, the texts and tool calls interleaved at will."""
    queues = [
        [{key: piece} for piece in pieces(data, answer[key])]
        for key in ("content", "refusal", "reasoning_content")
    ]
    for index, (key, name, arguments) in enumerate(answer["calls"]):
        head = {"index": index, "id": key, "type": "function", "function": {"name": name}}
        rest = [{"index": index, "function": {"arguments": p}} for p in pieces(data, arguments)]
        queues.append([{"tool_calls": [part]} for part in [head, *rest]])
    mixed: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    while any(queues):
        mixed.append(data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    return mixed


USAGE_PLACES = ("in a chunk of its own", "with the last choice", "cumulative in every chunk")


def streamed(data: Any, answer: dict[str, Any], place: str) -> list[dict[str, Any]]:
    chunks = [
        {"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas(data, answer)
    ]
    last: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": answer["finish_reason"]}
    chunks.append({"model": "m-1", "choices": [last]})
    if answer["usage"] is None:
        return chunks
    usage = wire_usage(answer["usage"])
    if place == USAGE_PLACES[0]:
        return [*chunks, {"model": "m-1", "choices": [], "usage": usage}]
    if place == USAGE_PLACES[1]:
        chunks[-1]["usage"] = usage
    else:
        for done, chunk in enumerate(chunks, 1):
            chunk["usage"] = wire_usage(
                (answer["usage"][0], answer["usage"][1] * done // len(chunks))
            )
    return chunks


class Streaming:
    """A reader with a fold behind it, as the gateway has them."""

    def __init__(self) -> None:
        self.fold = Fold()
        self._reader = OPENAI_CHAT.reader()

    def event(self, data: str) -> bool:
        return self.fold.take(self._reader.event(sse.Event(data, "message", b"")))

    def finish(self) -> None:
        self.fold.take(self._reader.end())


def folded(events: Sequence[str]) -> Fold:
    streaming = Streaming()
    for event in events:
        streaming.event(event)
    streaming.finish()
    return streaming.fold


def folded_whole(body: bytes) -> Fold:
    fold = Fold()
    fold.take(OPENAI_CHAT.reader().body(body))
    return fold


class TestFolding:
    @given(ANSWERS, st.sampled_from(USAGE_PLACES), st.data())
    @settings(deadline=None)
    def test_a_stream_folds_to_what_the_whole_answer_does(
        self, answer: dict[str, Any], place: str, data: Any
    ) -> None:
        chunks = [json.dumps(chunk) for chunk in streamed(data, answer, place)]
        fold, whole = folded([*chunks, "[DONE]"]), folded_whole(completion(answer))
        assert fold.message == whole.message
        assert fold.usage == whole.usage
        assert (fold.model, fold.finish_reason) == (whole.model, whole.finish_reason)
        assert fold.complete
        assert whole.complete
        assert fold.error is whole.error is None

    @given(ANSWERS)
    def test_the_message_of_an_answer_is_the_message_it_brought(
        self, answer: dict[str, Any]
    ) -> None:
        sent = json.loads(completion(answer))["choices"][0]["message"]
        expected = {**sent, "content": sent["content"] or None}
        assert folded_whole(completion(answer)).message == expected

    @given(st.lists(st.none() | st.tuples(COUNTS, COUNTS), max_size=4))
    def test_the_last_usage_of_a_stream_counts(
        self, reported: list[tuple[int, int] | None]
    ) -> None:
        events = [
            json.dumps({"choices": [], "usage": None if usage is None else wire_usage(usage)})
            for usage in reported
        ]
        last = next((usage for usage in reversed(reported) if usage is not None), None)
        expected = None if last is None else Usage(input=last[0], output=last[1])
        assert folded(events).usage == expected

    def test_fragments_of_several_tool_calls_find_their_own(self) -> None:
        def part(index: int, **function: str) -> str:
            call = {"index": index, "function": function}
            return json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]})

        parts = [part(1, name="second"), part(0, name="first", arguments="{")]
        parts += [part(1, arguments="["), part(0, arguments='"a":1')]
        parts += [part(1, arguments="]"), part(0, arguments="}")]
        fold = folded(parts)
        functions = [call["function"] for call in fold.message["tool_calls"]]
        assert functions == [
            {"name": "first", "arguments": '{"a":1}'},
            {"name": "second", "arguments": "[]"},
        ]

    def test_arguments_that_come_as_json_are_kept_as_its_text(self) -> None:
        call = {"id": "1", "function": {"name": "f", "arguments": {"a": [1, None, "é"]}}}
        body = json.dumps({"choices": [{"message": {"tool_calls": [call]}}]}).encode()
        (kept,) = folded_whole(body).message["tool_calls"]
        assert json.loads(kept["function"]["arguments"]) == {"a": [1, None, "é"]}

    @pytest.mark.parametrize(
        ("delta", "content"),
        [
            ({"role": "assistant", "content": ""}, False),
            ({"content": "x"}, True),
            ({"refusal": "no"}, True),
            ({"reasoning_content": "hm"}, True),
            ({"tool_calls": [{"index": 0}]}, True),
            ({}, False),
        ],
    )
    def test_the_first_token_is_the_first_event_with_content(
        self, delta: dict[str, Any], content: bool
    ) -> None:
        event = json.dumps({"choices": [{"index": 0, "delta": delta}]})
        assert Streaming().event(event) is content

    def test_only_the_first_of_several_choices_is_kept(self) -> None:
        def choice(index: int, text: str) -> str:
            return json.dumps({"choices": [{"index": index, "delta": {"content": text}}]})

        assert folded([choice(1, "b"), choice(0, "a"), choice(1, "b"), choice(0, "a")]).text == "aa"

    def test_an_error_in_a_stream_is_kept_with_what_came_before(self) -> None:
        events = ['{"choices":[{"delta":{"content":"Hel"}}]}', '{"error":{"message":"overloaded"}}']
        fold = folded(events)
        assert (fold.text, fold.error, fold.complete) == ("Hel", "overloaded", False)

    @pytest.mark.parametrize("body", [b"", b"<html>", b'{"choices": [', b"[" * 100_000])
    def test_a_body_that_is_not_json_is_an_error(self, body: bytes) -> None:
        fold = folded_whole(body)
        assert fold.error == "the provider's answer is not JSON"
        assert not fold.complete


STOPPED = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'


class TestTheEndOfAStream:
    def test_a_reason_and_a_clean_end_are_enough(self) -> None:
        assert folded([STOPPED]).complete
        assert folded([STOPPED, '{"choices":[],"usage":{"prompt_tokens":1}}']).complete

    def test_nothing_is_complete_before_its_end(self) -> None:
        streaming = Streaming()
        streaming.event(STOPPED)
        assert not streaming.fold.complete

    @pytest.mark.parametrize(
        "event",
        [
            '{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}',
            '{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}',
            '{"choices":[{"index":0,"delta":{},"finish_reason":""}]}',
            STOPPED[:-1] + ',"error":{"message":"overloaded"}}',
        ],
        ids=["no reason", "of another choice", "an empty one", "an error"],
    )
    def test_without_a_reason_or_with_an_error_it_is_not_complete(self, event: str) -> None:
        assert not folded([event]).complete


def said_event(**delta: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta}]}, ensure_ascii=False)


def called(arguments: str, **fields: Any) -> str:
    function = {"name": "f", "arguments": arguments}
    return said_event(tool_calls=[{"index": 0, "id": "c", "function": function, **fields}])


def kept_bytes(fold: Fold) -> int:
    message = fold.message
    texts = [message["content"] or "", message.get("refusal", "")]
    texts += [call["function"]["arguments"] for call in message.get("tool_calls", [])]
    return sum(len(text.encode()) for text in texts)


class TestHugeAnswers:
    @pytest.mark.parametrize(
        "event",
        [
            said_event(content="x" * 999_999),
            said_event(content="x€😀" * 100_001),
            said_event(refusal="x" * 999_999),
            said_event(content="x" * 99_999, refusal="y" * 900_000),
            called("x" * 999_999),
        ],
        ids=["text", "beyond ASCII", "refusal", "both", "arguments"],
    )
    def test_only_the_beginning_of_a_huge_stream_is_kept(self, event: str) -> None:
        streaming = Streaming()
        fold = streaming.fold
        for _ in range(7):
            assert streaming.event(event)
        assert not fold.truncated
        for _ in range(14):
            assert streaming.event(event), "content goes on being seen"
        streaming.event("[DONE]")
        assert fold.truncated
        assert fold.complete
        assert MAX_TEXT_BYTES - 4 < kept_bytes(fold) <= MAX_TEXT_BYTES
        json.dumps(fold.message)

    def test_what_is_kept_is_the_beginning_and_nothing_from_behind_a_gap(self) -> None:
        fold = folded([said_event(content="€" * MAX_TEXT_BYTES), said_event(content="ab")])
        assert fold.truncated
        assert fold.text == "€" * (MAX_TEXT_BYTES // 3)

    def test_text_that_just_fits_is_kept_whole(self) -> None:
        body = json.dumps({"choices": [{"message": {"content": "x" * MAX_TEXT_BYTES}}]}).encode()
        fold = folded_whole(body)
        assert (len(fold.text), fold.truncated) == (MAX_TEXT_BYTES, False)

    def test_a_whole_answer_is_cut_like_a_streamed_one(self) -> None:
        text = "x" * (MAX_TEXT_BYTES + 1)
        fold = folded_whole(json.dumps({"choices": [{"message": {"content": text}}]}).encode())
        assert (fold.text, fold.truncated, fold.complete) == (text[:-1], True, True)

    def test_names_without_measure_and_calls_without_number_are_left_out(self) -> None:
        long = "x" * 1_000_000
        head = {"model": long, "error": {"message": long}}
        choice = {"index": 0, "finish_reason": long, "delta": {"role": long}}
        calls = [{"index": n, "id": long, "type": long} for n in range(3)]
        many = [{"index": n} for n in range(100_000)]
        fold = folded(
            [
                json.dumps({**head, "choices": [choice]}),
                said_event(tool_calls=calls),
                said_event(tool_calls=many),
            ]
        )
        assert fold.truncated
        assert len(msgspec.json.encode([fold.message, fold.model, fold.error])) < 200_000

    @pytest.mark.parametrize("depth", [10, 500, 900, 980, 990, 1000])
    @pytest.mark.parametrize("place", ["error", "message", "arguments"])
    def test_no_depth_of_nesting_is_too_strange(self, place: str, depth: int) -> None:
        deep = "[" * depth + "]" * depth
        calls = '{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":%s}}]}}]}'
        wire = {"error": '{"error":%s}', "message": '{"error":{"message":%s}}', "arguments": calls}
        fold = folded([wire[place] % deep])
        assert fold.error != ""

    @pytest.mark.parametrize("error", [{"message": ""}, {"message": None}, {"code": 7}, [0], 1])
    def test_an_error_that_says_nothing_is_still_an_error(self, error: Any) -> None:
        assert folded([json.dumps({"error": error})]).error


PLACES = """
choices index delta message role content refusal reasoning_content tool_calls id type function name
arguments finish_reason usage prompt_tokens completion_tokens prompt_tokens_details cached_tokens
completion_tokens_details reasoning_tokens audio_tokens model error
"""
KEYS = st.sampled_from(PLACES.split())
SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | drawn.finite | drawn.texts
SHAPES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@st.composite
def strange_answers(draw: st.DrawFn, part: str) -> dict[str, Any]:
    """An answer with the right outline and anything at all in one or more of its places."""
    call = {"index": draw(SHAPES), "id": draw(SHAPES), "function": draw(SHAPES)}
    function = {"name": draw(SHAPES), "arguments": draw(SHAPES)}
    inner = {"role": draw(SHAPES), "content": draw(SHAPES), "refusal": draw(SHAPES)}
    inner["tool_calls"] = draw(SHAPES | st.just([call, {**call, "function": function}]))
    choice = {"index": draw(st.just(0) | SHAPES), part: draw(st.just(inner) | SHAPES)}
    choice["finish_reason"] = draw(SHAPES)
    usage = {"prompt_tokens": draw(SHAPES), "prompt_tokens_details": draw(SHAPES)}
    answer = {"choices": draw(st.just([choice]) | SHAPES), "usage": draw(st.just(usage) | SHAPES)}
    return {**answer, "model": draw(SHAPES), "error": draw(st.none() | SHAPES)}


class TestStrangeAnswers:
    @given(st.lists(strange_answers("delta") | SHAPES, max_size=4))
    @settings(deadline=None)
    def test_no_event_is_too_strange_to_read(self, values: list[Any]) -> None:
        check(folded([json.dumps(value) for value in values]))

    @given(strange_answers("message") | SHAPES)
    @settings(deadline=None)
    def test_no_answer_is_too_strange_to_read(self, value: Any) -> None:
        check(folded_whole(json.dumps(value).encode()))

    @given(st.lists(st.text(max_size=20), max_size=3))
    def test_no_text_is_too_strange_to_read(self, events: list[str]) -> None:
        check(folded(events))

    @pytest.mark.parametrize("event", ["[" * 100_000, '{"usage":' * 100_000, "1e400", "NaN"])
    def test_what_cannot_be_decoded_is_passed_over(self, event: str) -> None:
        fold = folded(['{"choices":[{"delta":{"content":"a"}}]}', event, "[DONE]"])
        assert (fold.text, fold.complete) == ("a", True)


def check(fold: Fold) -> None:
    """What was read can go on record: it is JSON, and of the types a span has."""
    json.dumps(fold.message)
    msgspec.json.encode(fold.message)
    for value in (fold.model, fold.error, fold.finish_reason):
        assert value is None or isinstance(value, str)
    if fold.usage is not None:
        assert all(
            type(n) is int and 0 <= n < 2**53 for n in msgspec.structs.astuple(fold.usage)[:-1]
        )


# -- usage -------------------------------------------------------------------------------------


class TestUsage:
    @given(
        st.builds(
            Usage,
            **dict.fromkeys(
                ["input", "cache_read", "audio_input", "output", "reasoning", "audio_output"],
                COUNTS,
            ),
        )
    )
    def test_buckets_survive_the_wire(self, usage: Usage) -> None:
        assert usage_from_wire(json.loads(json.dumps(usage_on_wire(usage)))) == usage

    @given(COUNTS, COUNTS, COUNTS)
    def test_totals_on_the_wire_include_their_parts(
        self, plain: int, read: int, written: int
    ) -> None:
        wire = usage_on_wire(Usage(input=plain, cache_read=read, cache_write_5m=written, output=3))
        assert wire["prompt_tokens"] == plain + read + written
        assert wire["total_tokens"] == wire["prompt_tokens"] + 3
        assert wire["prompt_tokens_details"]["cached_tokens"] == read

    def test_details_larger_than_their_total_leave_no_negative_rest(self) -> None:
        wire = {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}
        assert usage_from_wire(wire) == Usage(input=0, cache_read=5)

    @pytest.mark.parametrize(
        "count", [True, -1, 1.5, "7", None, [], {}, 2**53, 2**53 + 1, 2**64, 10**30]
    )
    def test_what_is_no_count_of_tokens_is_not_counted(self, count: Any) -> None:
        assert usage_from_wire({"prompt_tokens": count, "completion_tokens": 2}) == Usage(output=2)
        details = {"cached_tokens": count, "audio_tokens": count}
        wire = {"prompt_tokens": 5, "prompt_tokens_details": details}
        assert usage_from_wire(wire) == Usage(input=5)

    @pytest.mark.parametrize("usage", [None, 7, True, "many", [], [{"prompt_tokens": 1}], 1.5])
    def test_usage_of_another_shape_is_no_usage(self, usage: Any) -> None:
        answer = {"choices": [{"message": {"content": "x"}}], "usage": usage}
        assert folded([json.dumps(answer)]).usage is None
        whole = folded_whole(json.dumps(answer).encode())
        assert (whole.usage, whole.text, whole.complete) == (None, "x", True)


# -- what Trimtab writes itself ----------------------------------------------------------------


class TestWriting:
    @given(TEXT, st.lists(TEXT, max_size=4))
    def test_what_is_written_is_read_back_whole_and_streamed(
        self, start: str, rest: list[str]
    ) -> None:
        head: dict[str, Any] = {"id": "1", "model": "m", "created_s": 7}
        usage = Usage(input=3, output=4)
        text = start + "".join(rest)
        events = [openai_chat.chunk(**head, text=start, first=True)]
        events += [openai_chat.chunk(**head, text=piece) for piece in rest]
        events.append(openai_chat.chunk(**head, finish_reason="length"))
        events += [openai_chat.usage_chunk(**head, usage=usage), openai_chat.DONE]
        decoder = sse.Decoder()
        fold = folded([event.data or "" for event in decoder.feed(b"".join(events))])
        body = openai_chat.completion(**head, text=text, usage=usage, finish_reason="length")
        whole = folded_whole(body)
        assert fold.text == whole.text == text
        assert fold.usage == whole.usage == usage
        assert fold.finish_reason == whole.finish_reason == "length"

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (InvalidRequest("x"), "invalid_request_error"),
            (NotFound("x"), "invalid_request_error"),
            (Unauthenticated("x"), "authentication_error"),
            (RateLimited("x"), "rate_limit_error"),
            (ProviderError("x"), "upstream_error"),
            (ProviderError("x", status=404), "invalid_request_error"),
            (ProviderError("x", status=403), "permission_error"),
            (ProviderError("x", status=429), "rate_limit_error"),
            (ProviderError("x", status=529), "upstream_error"),
            (Overloaded("x"), "server_error"),
        ],
    )
    def test_an_error_has_the_kind_that_clients_know(self, error: Any, kind: str) -> None:
        assert openai_chat.error_body(error)["error"]["type"] == kind

    def test_an_error_says_what_where_and_what_to_do(self) -> None:
        error = InvalidRequest("it is wrong", where="messages[0]", fix="put it right", secret="s")
        assert openai_chat.error_body(error) == {
            "error": {
                "message": "it is wrong; put it right",
                "type": "invalid_request_error",
                "param": "messages[0]",
                "code": "invalid_request",
            }
        }
