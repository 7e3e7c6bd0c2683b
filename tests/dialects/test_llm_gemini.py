"""Gemini's generateContent: questions written for it, and its answers read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.gemini import Gemini
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
    Asked,
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

GEMINI = Gemini()


def ask(model: str = "gemini-3-pro", **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    asked: Asked = GEMINI.ask(Question(**fields), model=model)
    return json.loads(asked.body), asked.lost


def user(*contents: Any) -> Turn:
    return Turn(role="user", content=contents)


def said(*contents: Any) -> Turn:
    return Turn(role="assistant", content=contents)


def text(value: str, **fields: Any) -> TextContent:
    return TextContent(text=value, **fields)


def sse_of(*chunks: Any) -> bytes:
    return b"".join(sse.encode(json.dumps(chunk).encode()) for chunk in chunks)


def streamed(*pieces: bytes) -> list[Part]:
    reader, decoder = GEMINI.reader(), sse.Decoder()
    parts: list[Part] = []
    for piece in pieces:
        for event in decoder.feed(piece):
            parts += reader.event(event)
    return [*parts, *reader.end()]


def whole(body: Any) -> list[Part]:
    return list(GEMINI.reader().body(json.dumps(body).encode()))


# -- questions -----------------------------------------------------------------------------------


def test_a_conversation_has_contents_and_a_system_instruction() -> None:
    body, lost = ask(
        system=(text("Be brief."),),
        turns=(user(text("Hello")), said(text("Hi")), user(text("Bye"))),
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"text": "Hi"}]},
            {"role": "user", "parts": [{"text": "Bye"}]},
        ],
    }
    assert lost == ()


def test_every_parameter_has_its_place() -> None:
    body, lost = ask(
        turns=(user(text("Hello")),),
        max_tokens=10,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        stop=("END",),
        seed=7,
        choices=2,
        output=OutputFormat(kind="schema", name="x", schema={"type": "object", "not": {}}),
    )
    assert body["generationConfig"] == {
        "maxOutputTokens": 10,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "stopSequences": ["END"],
        "seed": 7,
        "candidateCount": 2,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }
    assert lost == ("output.schema.not",)


def test_json_of_any_shape_needs_no_schema() -> None:
    body, _ = ask(turns=(user(text("Hello")),), output=OutputFormat(kind="json"))
    assert body["generationConfig"] == {"responseMimeType": "application/json"}


@pytest.mark.parametrize(
    ("model", "thinking", "config", "lost"),
    [
        ("gemini-3-pro", {"effort": "low"}, {"thinkingLevel": "low", "includeThoughts": True}, ()),
        ("gemini-3-flash", {"effort": "none"}, {"thinkingLevel": "minimal"}, ()),
        ("gemini-3-pro", {"effort": "max"}, None, ("thinking",)),
        (
            "gemini-2.5-pro",
            {"effort": "medium"},
            {"thinkingBudget": 8192, "includeThoughts": True},
            (),
        ),
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0}, ()),
        ("gemini-2.5-flash", {"budget_tokens": 0}, {"thinkingBudget": 0}, ()),
        (
            "gemini-2.5-flash",
            {"budget_tokens": 2048},
            {"thinkingBudget": 2048, "includeThoughts": True},
            (),
        ),
    ],
)
def test_thinking_is_asked_for_as_the_model_knows_it(
    model: str, thinking: dict[str, Any], config: dict[str, Any] | None, lost: tuple[str, ...]
) -> None:
    body, told = ask(model, turns=(user(text("Hello")),), thinking=Thinking(**thinking))
    assert body.get("generationConfig", {}).get("thinkingConfig") == config
    assert told == lost


def test_tools_keep_what_gemini_takes_of_their_schemas() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "city": {"type": ["string", "null"], "pattern": "^[A-Z]", "description": "Where"},
            "unit": {"const": "c"},
            "days": {"type": "array", "items": {"type": "integer", "exclusiveMinimum": 0}},
            "pattern": {"$ref": "#/definitions/p"},
        },
        "definitions": {"p": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    tool = Tool(name="weather", description="Weather of a city", schema=schema, strict=True)
    body, lost = ask(turns=(user(text("Hello")),), tools=(tool, Tool(name="now")))
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "weather",
                    "description": "Weather of a city",
                    "parametersJsonSchema": {
                        "type": "object",
                        "properties": {
                            "city": {"type": ["string", "null"], "description": "Where"},
                            "unit": {"enum": ["c"]},
                            "days": {"type": "array", "items": {"type": "integer"}},
                            "pattern": {"$ref": "#/$defs/p"},
                        },
                        "$defs": {"p": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                        "required": ["city"],
                        "additionalProperties": False,
                    },
                },
                {"name": "now"},
            ]
        }
    ]
    assert lost == (
        "tools[0].schema.properties.city.pattern",
        "tools[0].schema.properties.days.items.exclusiveMinimum",
        "tools[0].schema.definitions.p.anyOf[0].maxLength",
        "tools[0].strict",
    )


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="named", name="now"), {"mode": "ANY", "allowedFunctionNames": ["now"]}),
    ],
)
def test_a_choice_of_tools_is_a_mode_of_calling(choice: ToolChoice, config: dict[str, Any]) -> None:
    body, _ = ask(turns=(user(text("Hi")),), tools=(Tool(name="now"),), tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": config}


def test_results_of_tools_carry_the_names_of_their_calls() -> None:
    body, lost = ask(
        "gemini-2.5-pro",
        turns=(
            user(text("Weather?")),
            said(
                ToolUse(
                    id="a", name="weather", arguments='{"city":"Rome","n":12345678901234567890}'
                ),
                ToolUse(id="b", name="now", arguments=""),
            ),
            user(
                ToolResult(id="b", content=(text("noon"),)),
                ToolResult(
                    id="a",
                    is_error=True,
                    content=(text("no"), MediaContent(media_type="image/png", data="AA==")),
                ),
            ),
        ),
    )
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {
                        "id": "a",
                        "name": "weather",
                        "args": {"city": "Rome", "n": 12345678901234567890},
                    }
                },
                {"functionCall": {"id": "b", "name": "now", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "b", "name": "now", "response": {"output": "noon"}}},
                {
                    "functionResponse": {
                        "id": "a",
                        "name": "weather",
                        "response": {"error": "no"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}],
                    }
                },
            ],
        },
    ]
    assert lost == ()


@pytest.mark.parametrize(
    "turn",
    [
        user(ToolResult(id="nobody", content=(text("x"),))),
        said(ToolUse(id="a", name="f", arguments="[1]")),
        said(ToolUse(id="a", name="f", arguments="{")),
    ],
)
def test_what_cannot_be_sent_is_refused(turn: Turn) -> None:
    with pytest.raises(InvalidRequest):
        ask(turns=(turn,))


def test_media_go_inline_or_by_address() -> None:
    body, lost = ask(
        turns=(
            user(
                MediaContent(media_type="image/png", data="AA=="),
                MediaContent(media_type="image/*", url="https://a.example/b.jpg?x=1", detail="low"),
                MediaContent(media_type="", url="gs://bucket/film"),
            ),
        )
    )
    assert body["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"fileData": {"fileUri": "https://a.example/b.jpg?x=1", "mimeType": "image/jpeg"}},
        {"fileData": {"fileUri": "gs://bucket/film"}},
    ]
    assert lost == ("messages[].content[].detail",)


def test_signatures_go_back_to_where_they_came_from() -> None:
    answer = {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "I need the time.", "thought": True},
                        {
                            "functionCall": {"id": "c1", "name": "now", "args": {"z": "UTC"}},
                            "thoughtSignature": "c2lnbmVk+/==",
                        },
                        {"functionCall": {"id": "c2", "name": "now", "args": {"z": "CET"}}},
                    ]
                },
                "finishReason": "STOP",
            }
        ]
    }
    contents: list[Any] = []
    for part in whole(answer):
        if isinstance(part, Reasoning):
            contents.append(ThinkingContent(text=part.text, signature=part.signature))
        elif isinstance(part, ToolCall):
            contents.append(
                ToolUse(id=part.id or "", name=part.name or "", arguments=part.arguments)
            )
    body, lost = ask(turns=(user(text("Hi")), said(*contents)))
    assert body["contents"][1]["parts"] == answer["candidates"][0]["content"]["parts"][1:]
    assert lost == ("messages[].thinking",)  # of the thoughts themselves, which nobody signed


def test_a_signature_of_text_has_a_part_of_its_own() -> None:
    seal = ThinkingContent(signature="gemini:abc")
    body, lost = ask(turns=(user(text("Hi")), said(text("Hello"), seal)))
    assert body["contents"][1]["parts"] == [
        {"text": "Hello"},
        {"text": "", "thoughtSignature": "abc"},
    ]
    assert lost == ()


def test_the_signature_of_another_provider_is_not_sent() -> None:
    thought = ThinkingContent(text="hm", signature="EqQBCgIYAhIM")
    call = ToolUse(id="a", name="f", arguments="{}")
    body, lost = ask("gemini-3-pro", turns=(said(thought, call),))
    (part,) = body["contents"][0]["parts"]
    assert part["thoughtSignature"] == "skip_thought_signature_validator"
    assert lost == ("messages[].thinking", "messages[].thinking.signature")
    body, lost = ask("gemini-2.5-pro", turns=(said(thought, call),))
    assert "thoughtSignature" not in body["contents"][0]["parts"][0]
    assert lost == ("messages[].thinking",)


def test_what_has_no_place_is_named() -> None:
    _, lost = ask(
        lost=("logit_bias",),
        system=(text("a", cache=True),),
        turns=(Turn(role="user", content=(text("b", cache=True),), name="ann"),),
        user="u1",
        parallel_tools=False,
    )
    assert lost == ("cache", "messages[].name", "user", "parallel_tools")


# -- answers -------------------------------------------------------------------------------------

CHUNKS = [
    {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "Let me think", "thought": True}]}}
        ],
        "usageMetadata": {"promptTokenCount": 20, "totalTokenCount": 20},
        "modelVersion": "gemini-3-pro",
        "responseId": "r1",
    },
    {"candidates": [{"content": {"parts": [{"text": "Grüße "}]}}], "responseId": "r1"},
    {
        "candidates": [{"content": {"parts": [{"text": "🎉"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"trafficType": "ON_DEMAND"},
    },
    {
        "candidates": [
            {
                "content": {"parts": [{"text": "", "thoughtSignature": "c2ln"}]},
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 20,
            "cachedContentTokenCount": 8,
            "candidatesTokenCount": 6,
            "thoughtsTokenCount": 30,
            "toolUsePromptTokenCount": 4,
            "totalTokenCount": 60,
        },
    },
]
USAGE = Usage(input=16, cache_read=8, output=6, reasoning=30)


def test_a_stream_is_read_as_it_comes() -> None:
    parts = streamed(sse_of(*CHUNKS))
    assert parts == [
        Began(id="r1", model="gemini-3-pro"),
        Reasoning(text="Let me think"),
        Used(Usage(input=20)),
        Text("Grüße "),
        Text("🎉"),
        Reasoning(signature="gemini:c2ln"),
        Used(USAGE),
        Finished(reason="stop", word="STOP"),
        Ended(),
    ]


def test_a_stream_split_at_every_byte_says_the_same() -> None:
    stream = sse_of(*CHUNKS)
    expected = streamed(stream)
    assert streamed(*(stream[n : n + 1] for n in range(len(stream)))) == expected


def test_streamed_usage_is_the_usage_of_the_whole() -> None:
    body = {
        "candidates": [{"content": {"parts": [{"text": "Grüße 🎉"}]}, "finishReason": "STOP"}],
        "usageMetadata": CHUNKS[-1]["usageMetadata"],
    }
    last = [part for part in streamed(sse_of(*CHUNKS)) if isinstance(part, Used)][-1]
    assert [part for part in whole(body) if isinstance(part, Used)] == [last] == [Used(USAGE)]


def test_a_stream_without_a_reason_is_not_whole() -> None:
    assert Ended() not in streamed(sse_of(*CHUNKS[:2]))


def test_calls_have_ids_and_whole_arguments() -> None:
    parts = whole(
        {
            "candidates": [
                {
                    "content": {
                        "parts": [
                            {"functionCall": {"name": "now", "args": {"n": 10**29}}},
                            {"functionCall": {"id": "own", "name": "now"}},
                        ]
                    },
                    "finishReason": "STOP",
                }
            ]
        }
    )
    first, second = (part for part in parts if isinstance(part, ToolCall))
    assert first.id
    assert first.id.startswith("call_")
    assert json.loads(first.arguments) == {"n": 10**29}
    assert second == ToolCall(index=1, id="own", name="now", arguments="{}")
    assert parts[-2:] == [Finished(reason="tool_calls", word="STOP"), Ended()]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("OTHER", "stop"),
        ("WORD_OF_TOMORROW", "stop"),
    ],
)
def test_reasons_are_told_in_neutral_words(word: str, reason: str) -> None:
    body = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": word}]}
    assert whole(body)[-2:] == [Finished(reason=reason, word=word), Ended()]


def test_a_blocked_prompt_is_filtered_content() -> None:
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
    }
    expected = [
        Began(),
        Other(kind="prompt_feedback", data={"blockReason": "SAFETY"}),
        Used(Usage(input=5)),
        Finished(reason="content_filter", word="SAFETY"),
        Ended(),
    ]
    assert whole(blocked) == expected
    assert streamed(sse_of(blocked)) == expected


def test_a_model_that_broke_down_before_a_word_has_failed() -> None:
    broken = {
        "candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "print(1)"}]
    }
    failed = whole(broken)[-1]
    assert isinstance(failed, Failed)
    assert "MALFORMED_FUNCTION_CALL" in failed.message
    assert "print(1)" in failed.message


def test_candidates_are_told_apart() -> None:
    parts = whole(
        {
            "candidates": [
                {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP", "index": 0},
                {"content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS", "index": 1},
            ]
        }
    )
    assert [part for part in parts if isinstance(part, Text)] == [Text("a"), Text("b", 1)]
    assert Finished(reason="length", word="MAX_TOKENS", choice=1) in parts


def test_what_no_part_can_say_is_kept() -> None:
    grounding = {"webSearchQueries": ["q"]}
    image = {"mimeType": "image/png", "data": "AA=="}
    parts = whole(
        {
            "candidates": [
                {
                    "content": {"parts": [{"inlineData": image}]},
                    "groundingMetadata": grounding,
                    "finishReason": "STOP",
                }
            ]
        }
    )
    assert Other(kind="inlineData", data=image) in parts
    assert Other(kind="groundingMetadata", data=grounding) in parts


ERROR = {"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}}
FAILED = Failed(message="Quota exceeded.", kind="RESOURCE_EXHAUSTED", status=429)


def test_an_error_body_is_a_failure() -> None:
    assert whole(ERROR) == [FAILED]
    assert whole([ERROR]) == [FAILED]


def test_an_error_in_mid_stream_is_a_failure_and_no_end() -> None:
    parts = streamed(sse_of(CHUNKS[0], ERROR, CHUNKS[3]))
    assert parts[-1] == FAILED
    assert Ended() not in parts


@pytest.mark.parametrize("body", [b"", b"<html>", b"3", b"null", b"\xff"])
def test_a_body_that_cannot_be_read_has_failed(body: bytes) -> None:
    assert isinstance(GEMINI.reader().body(body)[-1], Failed)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"candidates": 3}',
        b'{"candidates": [3, {"content": 4}, {"content": {"parts": [5, {"text": 6}]}}]}',
        b'{"usageMetadata": {"promptTokenCount": "many", "candidatesTokenCount": -3}}',
        b'{"error": {}}',
    ],
)
def test_strange_answers_are_read_without_an_exception(body: bytes) -> None:
    reader = GEMINI.reader()
    reader.event(sse.Event(body.decode(), "message", body))
    reader.end()
    assert GEMINI.reader().body(body)


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        (
            {
                "promptTokenCount": 10,
                "candidatesTokenCount": 8,
                "thoughtsTokenCount": 5,
                "totalTokenCount": 18,
            },
            Usage(input=10, output=3, reasoning=5),
        ),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 40,
                "candidatesTokenCount": 20,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 70},
                    {"modality": "AUDIO", "tokenCount": 30},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}],
                "totalTokenCount": 120,
            },
            Usage(input=40, cache_read=40, audio_input=20, output=5, audio_output=15),
        ),
    ],
)
def test_tokens_are_in_one_bucket_each(counts: dict[str, Any], usage: Usage) -> None:
    body = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": counts}
    assert Used(usage) in whole(body)
    assert usage.total_input + usage.total_output == counts["totalTokenCount"]


# -- errors, and the half that is not there --------------------------------------------------------


def test_errors_are_google_s() -> None:
    error = json.loads(GEMINI.error(RateLimited("too many requests", fix="wait")))
    assert error["error"]["code"] == 429
    assert error["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert GEMINI.error_event(RateLimited("x")).startswith(b'data: {"error"')


def test_it_is_among_the_dialects_and_takes_no_requests() -> None:
    dialect = DIALECTS["gemini.generate"]
    assert dialect.translates
    with pytest.raises(InvalidRequest, match=r"gemini\.generate"):
        dialect.envelope(b"{}")
