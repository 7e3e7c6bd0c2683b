"""Answers of every dialect: streamed is whole, pieces do not matter, what is written reads back."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects.llm_answers import (
    ANSWERS,
    CHAT,
    MESSAGES,
    MESSAGES_ANSWERS,
    Answer,
    parts_of,
    said,
    whole_parts,
)

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    FinishReason,
    Other,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Used,
)
from trimtab.kit import sse
from trimtab.records import Usage
from trimtab.testing import strategies as drawn

ASKED = Envelope(model="asked-for", wants_usage=True)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
class TestEveryAnswer:
    def test_streamed_says_what_whole_does_and_costs_the_same(self, answer: Answer) -> None:
        streamed = said(parts_of(answer.dialect, answer.streamed))
        whole = said(whole_parts(answer.dialect, json.dumps(answer.whole).encode()))
        assert streamed == whole
        assert streamed["complete"]
        assert streamed["usage"] is not None

    def test_pieces_of_any_size_say_the_same(self, answer: Answer) -> None:
        parts = parts_of(answer.dialect, answer.streamed)
        for step in (1, 2, 3, 7, 64):
            assert parts_of(answer.dialect, answer.streamed, step=step) == parts

    def test_a_cut_anywhere_says_the_same(self, answer: Answer) -> None:
        whole = sse.Decoder().feed(answer.streamed)
        for cut in range(1, len(answer.streamed)):
            decoder = sse.Decoder()
            events = decoder.feed(answer.streamed[:cut]) + decoder.feed(answer.streamed[cut:])
            assert [event.data for event in events] == [event.data for event in whole]

    def test_written_in_its_own_dialect_it_says_the_same(self, answer: Answer) -> None:
        parts = parts_of(answer.dialect, answer.streamed)
        streamed, whole = rewritten(answer.dialect, parts)
        assert said(streamed) == said(whole) == said(parts)


def rewritten(dialect: str, parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """The same parts after they were written and read, streamed and whole."""
    writer = DIALECTS[dialect].writer(ASKED, id="own-id", created_s=7)
    stream = b"".join([writer.stream(part) for part in parts])
    body = DIALECTS[dialect].writer(ASKED, id="own-id", created_s=7).body(parts)
    return parts_of(dialect, stream), whole_parts(dialect, body)


# -- any answer --------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
COUNTS = st.integers(0, 10**6)
BOTH_COUNT = ("input", "cache_read", "cache_write_5m", "output", "reasoning")
BUCKETS = {
    CHAT: ["audio_input", "audio_output"],
    MESSAGES: ["cache_write_1h"],
}
REASONS: dict[str, list[FinishReason]] = {
    CHAT: ["stop", "length", "content_filter"],
    MESSAGES: ["stop", "length", "refusal", "pause"],
}
ARGUMENTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.none() | st.booleans(), max_size=3)


@st.composite
def answers(draw: st.DrawFn, dialect: str) -> list[Part]:
    """What a model may say: thoughts, text, and calls whose fragments may come in turns.

    Both dialects place calls in the order in which they begin.
    """
    parts: list[Part] = [Began(id="msg_1", model="m-1")]
    for _ in range(draw(st.integers(0, 2))):
        parts += [Reasoning(text=text) for text in draw(st.lists(TEXTS, min_size=1, max_size=2))]
        if draw(st.booleans()):
            parts.append(Reasoning(signature=draw(TEXTS)))
    parts += [Text(text) for text in draw(st.lists(TEXTS, max_size=3))]
    if dialect == CHAT:
        parts += [Refusal(text) for text in draw(st.lists(TEXTS, max_size=1))]
    queues: list[list[Part]] = []
    for index in range(draw(st.integers(0, 3))):
        text = msgspec.json.encode(draw(ARGUMENTS)).decode()
        cut = draw(st.integers(0, len(text)))
        queues.append(
            [
                ToolCall(index=index, id=f"call_{index}", name=draw(TEXTS)),
                ToolCall(index=index, arguments=text[:cut]),
                ToolCall(index=index, arguments=text[cut:]),
            ]
        )
    has_calls = bool(queues)
    for begun, queue in enumerate(queues, 1):
        parts.append(queue.pop(0))
        for fragments in queues[:begun]:
            taken = draw(st.integers(0, len(fragments)))
            parts += fragments[:taken]
            del fragments[:taken]
    parts += [part for queue in queues for part in queue]
    reason = "tool_calls" if has_calls else draw(st.sampled_from(REASONS[dialect]))
    usage = draw(st.builds(Usage, **dict.fromkeys([*BOTH_COUNT, *BUCKETS[dialect]], COUNTS)))
    return [*parts, Finished(reason=reason), Used(usage), Ended()]


@pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
@given(st.data())
@settings(deadline=None)
def test_any_answer_written_reads_back(dialect: str, data: st.DataObject) -> None:
    parts = data.draw(answers(dialect))
    streamed, whole = rewritten(dialect, parts)
    assert said(streamed) == said(whole) == said(parts)


# -- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "event", "failed"),
    [
        (
            CHAT,
            '{"error":{"message":"busy","type":"server_error","code":503}}',
            Failed(message="busy", kind="server_error", status=503),
        ),
        (
            CHAT,
            '{"object":"error","message":"too long","type":"BadRequestError","code":400}',
            Failed(message="too long", kind="BadRequestError", status=400),
        ),
        (CHAT, '{"detail":"not here"}', Failed(message="not here")),
        (
            MESSAGES,
            '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            Failed(message="Overloaded", kind="overloaded_error", status=529),
        ),
    ],
)
def test_an_error_in_a_stream_is_a_failure_and_no_end(
    dialect: str, event: str, failed: Failed
) -> None:
    stream = f"event: error\ndata: {event}\n\n".encode()
    assert parts_of(dialect, stream) == [failed]
    assert whole_parts(dialect, event.encode())[-1] == failed


@pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
def test_a_failure_is_written_so_that_it_reads_back(dialect: str) -> None:
    writer = DIALECTS[dialect].writer(ASKED, id="x", created_s=7)
    failure = Failed(message="busy", kind="overloaded_error", status=529)
    parts: list[Part] = [Text("Hel"), failure, Ended()]
    stream = b"".join([writer.stream(part) for part in parts])
    read = said(parts_of(dialect, stream))
    assert (read["message"]["content"], read["error"], read["complete"]) == ("Hel", "busy", False)
    body = DIALECTS[dialect].writer(ASKED, id="x", created_s=7).body(parts)
    assert said(whole_parts(dialect, body))["error"] == "busy"


@pytest.mark.parametrize(
    ("failure", "chat", "messages"),
    [
        (Failed(message="x", kind="overloaded_error", status=529), "upstream_error", None),
        (Failed(message="x", kind="server_error"), None, "api_error"),
        (Failed(message="x", kind="rate_limit_exceeded"), None, "rate_limit_error"),
        (
            Failed(message="x", kind="RESOURCE_EXHAUSTED", status=429),
            "rate_limit_error",
            "rate_limit_error",
        ),
        (
            Failed(message="x", kind="validationException", status=400),
            "invalid_request_error",
            "invalid_request_error",
        ),
        (Failed(message="x"), "upstream_error", "api_error"),
    ],
)
def test_a_failure_in_a_stream_has_the_kind_that_clients_know(
    failure: Failed, chat: str | None, messages: str | None
) -> None:
    """That of its own dialect stays; another's is told by its status."""
    for dialect, kind in ((CHAT, chat), (MESSAGES, messages)):
        body = DIALECTS[dialect].writer(ASKED, id="x", created_s=7).body([failure])
        assert json.loads(body)["error"]["type"] == (kind or failure.kind)


def test_a_stream_of_messages_without_its_stop_is_not_whole() -> None:
    stream = MESSAGES_ANSWERS["text"].streamed
    cut = stream[: stream.index(b"event: message_stop")]
    assert not said(parts_of(MESSAGES, cut))["complete"]


# -- strange answers ---------------------------------------------------------------------------

_PLACES = """
type index delta content_block message usage error text thinking signature partial_json citation
stop_reason stop_sequence id model content input name data input_tokens output_tokens
cache_creation ephemeral_5m_input_tokens cache_creation_input_tokens output_tokens_details
"""
_KINDS = """
message_start message_delta message_stop content_block_start content_block_delta
content_block_stop ping error text thinking tool_use server_tool_use text_delta input_json_delta
"""
_SHAPES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | drawn.finite
    | drawn.texts
    | st.sampled_from(_KINDS.split()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_PLACES.split()), inner, max_size=5)
    ),
    max_leaves=25,
)


@st.composite
def strange_events(draw: st.DrawFn) -> dict[str, Any]:
    block = {"type": draw(st.sampled_from(_KINDS.split())), "input": draw(_SHAPES)}
    block |= {"id": draw(_SHAPES), "name": draw(_SHAPES), "text": draw(_SHAPES)}
    event = {"type": draw(st.sampled_from(_KINDS.split())), "index": draw(st.just(0) | _SHAPES)}
    for place in ("delta", "content_block", "message", "usage", "error"):
        if draw(st.booleans()):
            event[place] = draw(_SHAPES | st.just(block))
    return event


class TestStrangeAnswers:
    @given(st.lists(strange_events() | _SHAPES, max_size=6))
    @settings(deadline=None)
    def test_no_event_is_too_strange_to_read(self, values: list[Any]) -> None:
        stream = b"".join([sse.encode(json.dumps(value).encode()) for value in values])
        check(parts_of(MESSAGES, stream))

    @given(_SHAPES | st.fixed_dictionaries({"content": st.lists(_SHAPES), "usage": _SHAPES}))
    @settings(deadline=None)
    def test_no_answer_is_too_strange_to_read(self, value: Any) -> None:
        check(whole_parts(MESSAGES, json.dumps(value).encode()))

    @pytest.mark.parametrize("dialect", DIALECTS)
    @pytest.mark.parametrize(
        "data",
        ["", "[" * 5_000, '{"a":' * 5_000, "1e400", "NaN", "null", "[]", '"\\ud83d"', "\x00"],
    )
    def test_what_cannot_be_decoded_is_passed_over(self, dialect: str, data: str) -> None:
        reader = DIALECTS[dialect].reader()
        read = [*reader.event(sse.Event(data, "message", b"")), *reader.body(data.encode())]
        assert not any(isinstance(part, Text | ToolCall | Finished) for part in read)

    @pytest.mark.parametrize(
        ("dialect", "event"),
        [
            (CHAT, '{"choices":[{"delta":{"content":"a\\ud83d"}}]}'),
            (
                MESSAGES,
                '{"type":"content_block_delta","delta":{"type":"text_delta","text":"a\\ud83d"}}',
            ),
        ],
    )
    def test_half_a_character_costs_no_more_than_itself(self, dialect: str, event: str) -> None:
        assert parts_of(dialect, f"data: {event}\n\n".encode()) == [Text("a\ufffd")]


def check(parts: list[Part]) -> None:
    """What was read can go on record, and can be said in both dialects."""
    json.dumps(said(parts)["message"])
    for dialect in (CHAT, MESSAGES):
        streamed, whole = rewritten(dialect, parts)
        assert streamed is not None
        assert whole is not None


# -- what only one dialect can say -------------------------------------------------------------


def test_what_a_dialect_cannot_say_is_reported() -> None:
    chat = DIALECTS[CHAT].writer(ASKED, id="x", created_s=7)
    for part in parts_of(MESSAGES, MESSAGES_ANSWERS["the provider's own tool"].streamed):
        chat.stream(part)
    assert set(chat.lost) == {"server_tool_use", "web_search_tool_result", "pause"}
    messages = DIALECTS[MESSAGES].writer(ASKED, id="x", created_s=7)
    for extra in (Text("b", 1), Other(kind="annotations", data=[{"type": "url_citation"}])):
        messages.stream(extra)
    assert set(messages.lost) == {"choices", "annotations"}


def test_several_choices_keep_apart() -> None:
    parts: list[Part] = [Text("a"), Text("b", 1), Text("c"), Text("d", 1)]
    parts += [Finished(reason="stop"), Finished(reason="length", choice=1), Ended()]
    body = json.loads(DIALECTS[CHAT].writer(ASKED, id="x", created_s=7).body(parts))
    assert [
        (choice["message"]["content"], choice["finish_reason"]) for choice in body["choices"]
    ] == [("ac", "stop"), ("bd", "length")]
