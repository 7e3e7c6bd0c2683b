"""Callers of every dialect are answered by Gemini and by Bedrock's Converse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Part, Reasoning, Text, ToolCall, Used
from trimtab.kit import sse

GEMINI_ANSWER = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "Let me see.", "thought": True},
                    {"text": "One moment."},
                    {
                        "functionCall": {"id": "c1", "name": "now", "args": {"zone": "UTC"}},
                        "thoughtSignature": "c2lnbmVk",
                    },
                ]
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 6,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 21,
    },
    "modelVersion": "gemini-3-pro",
    "responseId": "r1",
}
BEDROCK_ANSWER = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "s"}}},
                {"text": "One moment."},
                {"toolUse": {"toolUseId": "c1", "name": "now", "input": {"zone": "UTC"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 6,
        "cacheReadInputTokens": 4,
        "outputTokens": 11,
        "totalTokens": 21,
    },
}
ANSWERS = {"gemini.generate": GEMINI_ANSWER, "bedrock.converse": BEDROCK_ANSWER}
SCHEMA = {"type": "object", "properties": {"zone": {"type": "string"}}}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What time is it?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c0", "type": "function", "function": {"name": "now", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c0", "content": "noon"},
    ],
    "tools": [{"type": "function", "function": {"name": "now", "parameters": SCHEMA}}],
    "max_tokens": 100,
}
MESSAGES = {
    "model": "m",
    "system": "Be brief.",
    "messages": [
        {"role": "user", "content": "What time is it?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c0", "name": "now", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c0", "content": "noon"}],
        },
    ],
    "tools": [{"name": "now", "input_schema": SCHEMA}],
    "max_tokens": 100,
}
RESPONSES = {
    "model": "m",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "What time is it?"},
        {"type": "function_call", "call_id": "c0", "name": "now", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c0", "output": "noon"},
    ],
    "tools": [{"type": "function", "name": "now", "parameters": SCHEMA}],
    "max_output_tokens": 100,
}
CALLERS = {"openai.chat": CHAT, "anthropic.messages": MESSAGES, "openai.responses": RESPONSES}
ASKED = {
    "gemini.generate": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "What time is it?"}]},
            {
                "role": "model",
                "parts": [{"functionCall": {"id": "c0", "name": "now", "args": {}}}],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "id": "c0",
                            "name": "now",
                            "response": {"output": "noon"},
                        }
                    }
                ],
            },
        ],
        "tools": [{"functionDeclarations": [{"name": "now", "parametersJsonSchema": SCHEMA}]}],
        "generationConfig": {"maxOutputTokens": 100},
    },
    "bedrock.converse": {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "What time is it?"}]},
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "c0", "name": "now", "input": {}}}],
            },
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "c0", "content": [{"text": "noon"}]}}],
            },
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "now", "inputSchema": {"json": SCHEMA}}}]},
        "inferenceConfig": {"maxTokens": 100},
    },
}


def answered(caller: str, target: str, *, streamed: bool) -> list[Part]:
    """What a client of the caller's dialect reads of the target's answer."""
    dialect = DIALECTS[caller]
    asking = {**CALLERS[caller], "stream": streamed}
    if streamed and caller == "openai.chat":
        asking["stream_options"] = {"include_usage": True}
    writer = dialect.writer(dialect.envelope(json.dumps(asking).encode()), id="a1", created_s=1)
    said = DIALECTS[target].reader().body(json.dumps(ANSWERS[target]).encode())
    reader = dialect.reader()
    if not streamed:
        return list(reader.body(writer.body(said)))
    events = sse.Decoder().feed(b"".join(writer.stream(part) for part in said))
    return [*(part for event in events for part in reader.event(event)), *reader.end()]


@pytest.mark.parametrize("target", ANSWERS)
@pytest.mark.parametrize("caller", CALLERS)
def test_a_question_is_asked_alike_whoever_asks(caller: str, target: str) -> None:
    dialect = DIALECTS[caller]
    question = dialect.question(dialect.envelope(json.dumps(CALLERS[caller]).encode()))
    asked = DIALECTS[target].ask(question, model="gemini-2.5-pro")
    assert json.loads(asked.body) == ASKED[target]
    assert asked.lost == ()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("target", ANSWERS)
@pytest.mark.parametrize("caller", CALLERS)
def test_an_answer_says_the_same_whoever_reads_it(caller: str, target: str, streamed: bool) -> None:
    said = answered(caller, target, streamed=streamed)
    assert "".join(part.text for part in said if isinstance(part, Text)) == "One moment."
    calls = [part for part in said if isinstance(part, ToolCall)]
    assert [(call.id, call.name) for call in calls if call.name] == [("c1", "now")]
    assert json.loads("".join(call.arguments for call in calls)) == {"zone": "UTC"}
    usage = [part for part in said if isinstance(part, Used)][-1].usage
    assert (usage.total_input, usage.cache_read, usage.total_output) == (10, 4, 11)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_signature_survives_the_way_through_anthropic_s_dialect(streamed: bool) -> None:
    dialect, gemini = DIALECTS["anthropic.messages"], DIALECTS["gemini.generate"]
    blocks: list[dict[str, Any]] = []
    for part in answered("anthropic.messages", "gemini.generate", streamed=streamed):
        if isinstance(part, Reasoning) and part.signature:
            blocks.append({"type": "thinking", "thinking": "", "signature": part.signature})
        elif isinstance(part, ToolCall) and part.name:
            blocks.append(
                {"type": "tool_use", "id": part.id, "name": part.name, "input": {"zone": "UTC"}}
            )
    turns = [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": blocks},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "noon"}],
        },
    ]
    asking = json.dumps({**MESSAGES, "messages": turns}).encode()
    asked = gemini.ask(dialect.question(dialect.envelope(asking)), model="gemini-3-pro")
    (call,) = json.loads(asked.body)["contents"][1]["parts"]
    assert call["thoughtSignature"] == "c2lnbmVk"
