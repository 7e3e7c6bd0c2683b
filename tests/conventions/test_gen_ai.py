"""OpenTelemetry's GenAI conventions; the examples follow the registry's pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conventions.reading import buckets, event, read

ASKED = [
    {"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Paris"}}
        ],
    },
    {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "c1", "result": "rainy, 57°F"}],
    },
]
ANSWERED = [
    {
        "role": "assistant",
        "parts": [{"type": "text", "content": "Rainy."}],
        "finish_reason": "stop",
    }
]
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
}


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("chat", "llm"),
        ("text_completion", "llm"),
        ("generate_content", "llm"),
        ("embeddings", "embedding"),
        ("execute_tool", "tool"),
        ("invoke_agent", "agent"),
        ("create_agent", "agent"),
        ("invoke_workflow", "chain"),
        ("retrieval", "retriever"),
        ("create_memory", "other"),
    ],
)
def test_the_operation_tells_the_kind(operation: str, kind: str) -> None:
    assert read({"gen_ai.operation.name": operation}).kind == kind


def test_without_an_operation_a_model_tells_a_call_and_a_tool_its_use() -> None:
    assert read({"gen_ai.request.model": "m"}).kind == "llm"
    assert read({"gen_ai.tool.name": "t", "gen_ai.request.model": "m"}).kind == "tool"


@pytest.mark.parametrize("encode", [json.dumps, list], ids=["text", "structured"])
def test_messages_of_parts_become_chat_messages(encode: Any) -> None:
    span = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": encode(ASKED),
            "gen_ai.output.messages": encode(ANSWERED),
        }
    )
    assert span.input == [
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "rainy, 57°F"},
    ]
    assert span.output == [{"role": "assistant", "content": "Rainy."}]


def test_parts_that_are_no_text_are_kept_as_they_came() -> None:
    picture = {"type": "uri", "modality": "image", "uri": "https://x.test/a.png"}
    parts = [{"type": "text", "content": "What is this?"}, picture]
    span = read({"gen_ai.input.messages": json.dumps([{"role": "user", "parts": parts}])})
    content = [{"type": "text", "text": "What is this?"}, picture]
    assert span.input == [{"role": "user", "content": content}]


def test_system_instructions_open_the_conversation() -> None:
    told = [{"type": "text", "content": "Be brief."}]
    asked = {"gen_ai.input.messages": json.dumps(ASKED[:1])}
    span = read({**asked, "gen_ai.system_instructions": json.dumps(told)})
    assert span.input == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Paris?"},
    ]


def test_numbered_prompts_and_completions_become_messages_in_their_order() -> None:
    span = read(
        {
            "gen_ai.prompt.10.content": "last",
            "gen_ai.prompt.10.role": "user",
            "gen_ai.prompt.2.role": "assistant",
            "gen_ai.prompt.2.tool_calls.0.id": "c1",
            "gen_ai.prompt.2.tool_calls.0.name": "weather",
            "gen_ai.prompt.2.tool_calls.0.arguments": '{"city":"Paris"}',
            "gen_ai.prompt.3.role": "tool",
            "gen_ai.prompt.3.content": "rainy",
            "gen_ai.prompt.3.tool_call_id": "c1",
            "gen_ai.completion.0.content": "Rainy.",
            "gen_ai.completion.0.finish_reason": "stop",
        }
    )
    assert span.input == [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "rainy", "tool_call_id": "c1"},
        {"role": "user", "content": "last"},
    ]
    assert span.output == [{"role": "assistant", "content": "Rainy."}]


def test_numbered_content_that_is_parts_in_json_is_parts() -> None:
    parts = [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "u"}}]
    span = read({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": json.dumps(parts)})
    assert span.input == [{"role": "user", "content": parts}]


def test_a_user_who_writes_json_is_quoted() -> None:
    span = read({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "[1, 2]"})
    assert span.input == [{"role": "user", "content": "[1, 2]"}]


def test_message_events_are_the_conversation() -> None:
    told = (
        event("gen_ai.system.message", content="Be brief."),
        event("gen_ai.user.message", content="Weather?", role="user"),
        event(
            "gen_ai.assistant.message",
            tool_calls=[{"id": "c1", "function": {"name": "weather", "arguments": "{}"}}],
        ),
        event("gen_ai.tool.message", id="c1", content="rainy"),
        event("gen_ai.choice", index=0, finish_reason="stop", message='{"content": "Rainy."}'),
    )
    span = read({"gen_ai.operation.name": "chat"}, events=told)
    made = [{"id": "c1", "function": {"name": "weather", "arguments": "{}"}}]
    assert span.input == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": made},
        {"role": "tool", "content": "rainy", "tool_call_id": "c1"},
    ]
    assert span.output == [{"role": "assistant", "content": "Rainy."}]
    assert span.events == told


def test_the_event_of_an_operations_details_speaks_for_the_span() -> None:
    details = event(
        "gen_ai.client.inference.operation.details",
        **{"gen_ai.input.messages": ASKED[:1], "gen_ai.output.messages": ANSWERED},
    )
    span = read({"gen_ai.operation.name": "chat"}, events=(details,))
    assert span.input == [{"role": "user", "content": "Weather in Paris?"}]
    assert span.output == [{"role": "assistant", "content": "Rainy."}]


def test_the_oldest_events_hold_a_prompt_and_a_completion() -> None:
    asked = event("gen_ai.content.prompt", **{"gen_ai.prompt": '[{"role":"user","content":"Hi"}]'})
    said = event("gen_ai.content.completion", **{"gen_ai.completion": "Hello"})
    span = read({"gen_ai.request.model": "m"}, events=(asked, said))
    assert (span.input, span.output) == ([{"role": "user", "content": "Hi"}], "Hello")


def test_a_tools_arguments_and_result_are_its_input_and_output() -> None:
    span = read(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.call.arguments": '{"city": "Paris"}',
            "gen_ai.tool.call.result": "rainy",
        }
    )
    assert (span.input, span.output) == ({"city": "Paris"}, "rainy")


def test_retrieved_documents_are_passages() -> None:
    span = read(
        {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": "kettles",
            "gen_ai.retrieval.documents": '[{"id": "doc_123", "score": 0.95}]',
        }
    )
    assert span.input == "kettles"
    assert span.output == [{"id": "doc_123", "text": None, "source": None, "score": 0.95}]


def test_old_and_new_names_of_the_usage_are_the_same_count() -> None:
    old = {"gen_ai.usage.prompt_tokens": 120, "gen_ai.usage.completion_tokens": 30}
    new = {"gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 30}
    assert buckets(read(old)) == buckets(read(new)) == buckets(read(old | new))
    assert buckets(read(old)) == {"input": 120, "output": 30}


def test_names_of_prompt_session_and_provider() -> None:
    span = read(
        {
            "gen_ai.conversation.id": "conv_5j66",
            "enduser.id": "u7",
            "gen_ai.prompt.name": "analyze-code",
            "gen_ai.system": "az.ai.openai",
            "gen_ai.provider.name": "azure.ai.openai",
        }
    )
    assert (span.session, span.user) == ("conv_5j66", "u7")
    assert (span.prompt, span.provider) == ("analyze-code", "azure")
