"""Bedrock's Converse: questions written for it, and its answers read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.bedrock_converse import BedrockConverse
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
from trimtab.errors import InvalidRequest, RateLimited
from trimtab.kit import sse
from trimtab.records import Usage

BEDROCK = BedrockConverse()
CLAUDE = "us.anthropic.claude-sonnet-4-20250514-v1:0"
NOVA = "amazon.nova-pro-v1:0"
POINT = {"cachePoint": {"type": "default"}}
TOOL = Tool(name="now", description="The time", schema={"type": "object"}, strict=True)


def ask(model: str = CLAUDE, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    asked = BEDROCK.ask(Question(**fields), model=model)
    return json.loads(asked.body), asked.lost


def user(*contents: Any) -> Turn:
    return Turn(role="user", content=contents)


def said(*contents: Any) -> Turn:
    return Turn(role="assistant", content=contents)


def text(value: str, **fields: Any) -> TextContent:
    return TextContent(text=value, **fields)


def sse_of(*events: tuple[str, Any]) -> bytes:
    return b"".join(sse.encode(json.dumps(value).encode(), name=name) for name, value in events)


def streamed(*pieces: bytes) -> list[Part]:
    reader, decoder = BEDROCK.reader(), sse.Decoder()
    parts: list[Part] = []
    for piece in pieces:
        for event in decoder.feed(piece):
            parts += reader.event(event)
    return [*parts, *reader.end()]


def whole(body: Any) -> list[Part]:
    return list(BEDROCK.reader().body(json.dumps(body).encode()))


# -- questions -----------------------------------------------------------------------------------


def test_a_conversation_has_system_messages_and_cache_points() -> None:
    body, lost = ask(
        system=(text("Be brief.", cache=True),),
        turns=(
            user(text("Hello")),
            user(text("You?", cache=True), text("  ")),
            said(text("Hi")),
        ),
        tools=(Tool(name="now", cache=True),),
    )
    assert body == {
        "system": [{"text": "Be brief."}, POINT],
        "messages": [
            {"role": "user", "content": [{"text": "Hello"}, {"text": "You?"}, POINT]},
            {"role": "assistant", "content": [{"text": "Hi"}]},
        ],
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "now",
                        "inputSchema": {"json": {"type": "object", "properties": {}}},
                    }
                },
                POINT,
            ]
        },
    }
    assert lost == ()


def test_every_parameter_has_its_place() -> None:
    body, lost = ask(
        turns=(user(text("Hello")),),
        max_tokens=10,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        stop=("END",),
        thinking=Thinking(budget_tokens=2048),
        output=OutputFormat(kind="schema", name="answer", schema={"type": "object"}),
    )
    del body["messages"]
    assert body == {
        "inferenceConfig": {
            "maxTokens": 10,
            "temperature": 0.5,
            "topP": 0.9,
            "stopSequences": ["END"],
        },
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "answer"}},
            }
        },
        "additionalModelRequestFields": {
            "top_k": 40,
            "thinking": {"type": "enabled", "budget_tokens": 2048},
        },
    }
    assert lost == ()


@pytest.mark.parametrize(
    ("model", "additional", "output", "lost"),
    [
        (CLAUDE, {"top_k": 5}, {"effort": "high"}, ()),
        (NOVA, {"inferenceConfig": {"topK": 5}}, None, ("thinking",)),
        ("cohere.command-r-plus-v1:0", {"k": 5}, None, ("thinking",)),
        ("meta.llama3-70b-instruct-v1:0", None, None, ("thinking", "top_k")),
    ],
)
def test_fields_beside_converse_are_those_of_the_family(
    model: str, additional: Any, output: Any, lost: tuple[str, ...]
) -> None:
    body, told = ask(model, turns=(user(text("Hi")),), top_k=5, thinking=Thinking(effort="high"))
    assert body.get("additionalModelRequestFields") == additional
    assert body.get("outputConfig") == output
    assert told == lost


@pytest.mark.parametrize(
    ("effort", "output"),
    [("none", None), ("minimal", {"effort": "low"}), ("max", {"effort": "max"})],
)
def test_an_effort_is_said_in_the_words_of_the_family(effort: str, output: Any) -> None:
    body, lost = ask(turns=(user(text("Hi")),), thinking=Thinking(effort=effort))
    assert body.get("outputConfig") == output
    assert lost == ()


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (None, None),
        (ToolChoice(mode="auto"), {"auto": {}}),
        (ToolChoice(mode="required"), {"any": {}}),
        (ToolChoice(mode="named", name="now"), {"tool": {"name": "now"}}),
    ],
)
def test_a_choice_of_tools(choice: ToolChoice | None, config: Any) -> None:
    body, lost = ask(turns=(user(text("Hi")),), tools=(TOOL,), tool_choice=choice)
    assert body["toolConfig"]["tools"] == [
        {
            "toolSpec": {
                "name": "now",
                "description": "The time",
                "inputSchema": {"json": {"type": "object"}},
                "strict": True,
            }
        }
    ]
    assert body["toolConfig"].get("toolChoice") == config
    assert lost == ()


def test_no_tool_is_chosen_by_declaring_none() -> None:
    choice = ToolChoice(mode="none")
    body, lost = ask(turns=(user(text("Hi")),), tools=(TOOL,), tool_choice=choice)
    assert "toolConfig" not in body
    assert lost == ()
    called = said(ToolUse(id="a", name="now", arguments="{}"))
    body, lost = ask(turns=(user(text("Hi")), called), tools=(TOOL,), tool_choice=choice)
    assert "toolChoice" not in body["toolConfig"]
    assert lost == ("tool_choice",)


def test_calls_results_and_thoughts_are_blocks() -> None:
    long_id = "call with spaces|" + "x" * 80
    body, lost = ask(
        turns=(
            user(text("Weather?")),
            said(
                ThinkingContent(text="hm", signature="EqQBCgIYAhIM+/="),
                ThinkingContent(redacted="cmVkYWN0ZWQ="),
                ThinkingContent(text="unsealed"),
                ThinkingContent(text="from elsewhere", signature="gemini:abc"),
                ToolUse(id="tooluse_1", name="now", arguments='{"n":12345678901234567890}'),
                ToolUse(id=long_id, name="now", arguments=""),
            ),
            user(
                ToolResult(id="tooluse_1", content=(text("noon"),), cache=True),
                ToolResult(
                    id=long_id,
                    is_error=True,
                    content=(MediaContent(media_type="image/jpeg", data="AA=="),),
                ),
            ),
        ),
        tools=(TOOL,),
    )
    thought, redacted, first, second = body["messages"][1]["content"]
    assert thought == {
        "reasoningContent": {"reasoningText": {"text": "hm", "signature": "EqQBCgIYAhIM+/="}}
    }
    assert redacted == {"reasoningContent": {"redactedContent": "cmVkYWN0ZWQ="}}
    assert first == {
        "toolUse": {"toolUseId": "tooluse_1", "name": "now", "input": {"n": 12345678901234567890}}
    }
    result, point, other = body["messages"][2]["content"]
    assert result == {"toolResult": {"toolUseId": "tooluse_1", "content": [{"text": "noon"}]}}
    assert point == POINT
    assert other["toolResult"] == {
        "toolUseId": second["toolUse"]["toolUseId"],
        "content": [{"image": {"format": "jpeg", "source": {"bytes": "AA=="}}}],
        "status": "error",
    }
    assert len(second["toolUse"]["toolUseId"]) <= 64
    assert " " not in second["toolUse"]["toolUseId"]
    assert lost == ("messages[].thinking",)


def test_media_are_blocks_of_their_kind() -> None:
    body, lost = ask(
        turns=(
            user(
                MediaContent(media_type="image/png", data="AA==", detail="high"),
                MediaContent(media_type="application/pdf", data="BB==", name="a/b  c.pdf"),
                MediaContent(media_type="text/plain; charset=utf-8", data="CC=="),
                MediaContent(media_type="video/mp4", url="s3://bucket/film.mp4"),
                MediaContent(media_type="audio/mpeg", data="DD=="),
            ),
        )
    )
    assert body["messages"][0]["content"] == [
        {"image": {"format": "png", "source": {"bytes": "AA=="}}},
        {"document": {"format": "pdf", "source": {"bytes": "BB=="}, "name": "a b c pdf 2"}},
        {"document": {"format": "txt", "source": {"bytes": "CC=="}, "name": "document 3"}},
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/film.mp4"}}}},
        {"audio": {"format": "mp3", "source": {"bytes": "DD=="}}},
    ]
    assert lost == ("messages[].content[].detail",)


@pytest.mark.parametrize(
    "content",
    [
        MediaContent(media_type="image/png", url="https://a.example/b.png"),
        MediaContent(media_type="image/tiff", data="AA=="),
        MediaContent(media_type="", data="AA=="),
        ToolUse(id="a", name="f", arguments="3"),
    ],
)
def test_what_cannot_be_sent_is_refused(content: Any) -> None:
    with pytest.raises(InvalidRequest):
        ask(turns=(user(content),))


def test_what_has_no_place_is_named() -> None:
    _, lost = ask(
        lost=("logit_bias",),
        turns=(Turn(role="user", content=(text("b"),), name="ann"),),
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        user="u1",
        choices=2,
        parallel_tools=False,
        output=OutputFormat(kind="json"),
    )
    assert lost == (
        "messages[].name",
        "output",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "user",
        "choices",
        "parallel_tools",
    )


# -- answers -------------------------------------------------------------------------------------

COUNTS = {
    "inputTokens": 10,
    "outputTokens": 20,
    "totalTokens": 45,
    "cacheReadInputTokens": 8,
    "cacheWriteInputTokens": 7,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 3}, {"ttl": "5m", "inputTokens": 4}],
}
USAGE = Usage(input=10, cache_read=8, cache_write_5m=4, cache_write_1h=3, output=20)
EVENTS: list[tuple[str, Any]] = [
    ("messageStart", {"role": "assistant", "p": "abc"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}),
    (
        "contentBlockDelta",
        {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}},
    ),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Grüße "}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "🎉"}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    (
        "contentBlockStart",
        {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "now"}}},
    ),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"z":'}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '"UTC"}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    (
        "contentBlockStart",
        {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t2", "name": "now"}}},
    ),
    ("contentBlockDelta", {"contentBlockIndex": 3, "delta": {"toolUse": {"input": "{}"}}}),
    ("contentBlockStop", {"contentBlockIndex": 3}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": COUNTS, "metrics": {"latencyMs": 12}}),
]
BODY = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"text": "Grüße 🎉"},
                {"toolUse": {"toolUseId": "t1", "name": "now", "input": {"z": "UTC"}}},
                {"toolUse": {"toolUseId": "t2", "name": "now", "input": {}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": COUNTS,
    "metrics": {"latencyMs": 12},
}


def test_a_stream_is_read_as_it_comes() -> None:
    assert streamed(sse_of(*EVENTS)) == [
        Began(),
        Reasoning(text="hm"),
        Reasoning(signature="c2ln"),
        Text("Grüße "),
        Text("🎉"),
        ToolCall(index=0, id="t1", name="now"),
        ToolCall(index=0, arguments='{"z":'),
        ToolCall(index=0, arguments='"UTC"}'),
        ToolCall(index=1, id="t2", name="now"),
        ToolCall(index=1, arguments="{}"),
        Finished(reason="tool_calls", word="tool_use"),
        Used(USAGE),
        Ended(),
    ]


def test_a_whole_answer_is_read() -> None:
    assert whole(BODY) == [
        Began(),
        Reasoning(text="hm"),
        Reasoning(signature="c2ln"),
        Text("Grüße 🎉"),
        ToolCall(index=0, id="t1", name="now", arguments='{"z":"UTC"}'),
        ToolCall(index=1, id="t2", name="now", arguments="{}"),
        Used(USAGE),
        Finished(reason="tool_calls", word="tool_use"),
        Ended(),
    ]


def test_a_stream_split_at_every_byte_says_the_same() -> None:
    stream = sse_of(*EVENTS)
    expected = streamed(stream)
    assert streamed(*(stream[n : n + 1] for n in range(len(stream)))) == expected


def test_streamed_usage_is_the_usage_of_the_whole() -> None:
    (last,) = (part for part in streamed(sse_of(*EVENTS)) if isinstance(part, Used))
    assert last in whole(BODY)
    assert USAGE.total_input + USAGE.total_output == COUNTS["totalTokens"]


def test_a_stream_without_its_stop_is_not_whole() -> None:
    assert Ended() not in streamed(sse_of(*EVENTS[:-2]))


def test_a_stream_may_end_without_metadata() -> None:
    assert streamed(sse_of(*EVENTS[:-1]))[-1] == Ended()


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("word_of_tomorrow", "stop"),
    ],
)
def test_reasons_are_told_in_neutral_words(word: str, reason: str) -> None:
    body = {"output": {"message": {"content": [{"text": "x"}]}}, "stopReason": word}
    assert whole(body)[-2:] == [Finished(reason=reason, word=word), Ended()]


def test_a_model_that_broke_down_before_a_word_has_failed() -> None:
    body = {"output": {"message": {"content": []}}, "stopReason": "malformed_tool_use"}
    assert isinstance(whole(body)[-1], Failed)
    stop = ("messageStop", {"stopReason": "malformed_tool_use"})
    parts = streamed(sse_of(EVENTS[0], stop, EVENTS[-1]))
    assert isinstance(parts[-1], Failed)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("throttlingException", 429),
        ("validationException", 400),
        ("serviceUnavailableException", 503),
        ("internalServerException", 500),
        ("modelStreamErrorException", 424),
        ("unheardOfException", None),
    ],
)
def test_an_exception_in_mid_stream_is_a_failure_and_no_end(name: str, status: int | None) -> None:
    parts = streamed(sse_of(*EVENTS[:6], (name, {"message": "no more"}), *EVENTS[-2:]))
    assert parts[-1] == Failed(message="no more", kind=name, status=status)
    assert Ended() not in parts


def test_an_error_body_is_a_failure() -> None:
    body = {"__type": "com.amazon#ThrottlingException", "message": "Too many requests"}
    assert whole(body) == [
        Failed(message="Too many requests", kind="throttlingException", status=429)
    ]
    assert whole({"Message": "no"}) == [Failed(message="no")]


def test_what_no_part_can_say_is_kept() -> None:
    citation = {"title": "Page 1"}
    delta = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"citation": citation}})
    assert Other(kind="citation", data=citation) in streamed(sse_of(EVENTS[0], delta))


def test_redacted_reasoning_is_kept() -> None:
    redacted = {"reasoningContent": {"redactedContent": "cmVk"}}
    body = {"output": {"message": {"content": [redacted]}}, "stopReason": "end_turn"}
    assert Reasoning(redacted="cmVk") in whole(body)
    delta = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": redacted})
    assert Reasoning(redacted="cmVk") in streamed(sse_of(EVENTS[0], delta))


@pytest.mark.parametrize("body", [b"", b"<html>", b"3", b"[]", b"\xff", b"{}"])
def test_a_body_that_cannot_be_read_has_failed(body: bytes) -> None:
    assert isinstance(BEDROCK.reader().body(body)[-1], Failed)


@pytest.mark.parametrize("name", [*(name for name, _ in EVENTS), "message"])
@pytest.mark.parametrize(
    "data",
    ["", "3", "[]", "{}", '{"delta":{"toolUse":{"input":3}},"start":4,"usage":[]}', '{"delta":[]}'],
)
def test_strange_events_are_read_without_an_exception(name: str, data: str) -> None:
    reader = BEDROCK.reader()
    reader.event(sse.Event(data, name, data.encode()))
    reader.end()


# -- errors, and the half that is not there --------------------------------------------------------


def test_errors_are_those_of_aws() -> None:
    error = RateLimited("too many requests")
    assert json.loads(BEDROCK.error(error)) == {"message": "too many requests"}
    (event,) = sse.Decoder().feed(BEDROCK.error_event(error))
    assert event.name == "throttlingException"


def test_it_is_among_the_dialects_and_takes_no_requests() -> None:
    dialect = DIALECTS["bedrock.converse"]
    assert dialect.translates
    with pytest.raises(InvalidRequest, match=r"bedrock\.converse"):
        dialect.envelope(b"{}")
