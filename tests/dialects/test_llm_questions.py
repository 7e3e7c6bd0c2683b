"""Requests read and written, in the same dialect and the other; nothing is lost in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.anthropic_ask import DEFAULT_MAX_TOKENS
from trimtab.dialects.llm.question import Asked
from trimtab.dialects.llm.translate import translated

CHAT, MESSAGES = "openai.chat", "anthropic.messages"
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def to(target: str, source: str, fields: dict[str, Any], *, model: str = "m-1") -> Asked:
    dialect = DIALECTS[source]
    envelope = dialect.envelope(json.dumps(fields).encode())
    return translated(envelope, dialect, DIALECTS[target], model=model)


def chat(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m-1", "messages": list(messages) or [user("x")], **fields}


def messages(*said: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m-1", "max_tokens": 99, "messages": list(said) or [user("x")], **fields}


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def assistant(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def call(key: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


FUNCTION = {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}
CHAT_REQUESTS = {
    "text": chat(user("Hi")),
    "instructions": chat({"role": "system", "content": "Be brief."}, user("Hi")),
    "several texts": chat(user([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])),
    "several users": chat(user("a", name="ann"), user("b", name="bob")),
    "an image by its URL": chat(
        user([{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}])
    ),
    "an image": chat(
        user([{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}])
    ),
    "a file": chat(
        user(
            [
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,eA=="},
                }
            ]
        )
    ),
    "a sound": chat(
        user([{"type": "input_audio", "input_audio": {"data": "eA==", "format": "mp3"}}])
    ),
    "calls and results": chat(
        user("Hi"),
        assistant(None, tool_calls=[call("a", "weather", "{}"), call("b", "time", '{"z": 1.0}')]),
        {"role": "tool", "tool_call_id": "a", "content": "sun"},
        {
            "role": "tool",
            "tool_call_id": "b",
            "content": [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}],
        },
        assistant("There."),
        user("Thanks"),
    ),
    "tools": chat(
        tools=[{"type": "function", "function": FUNCTION}],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        parallel_tool_calls=False,
    ),
    "a schema": chat(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
        }
    ),
    "JSON": chat(response_format={"type": "json_object"}),
    "sampling": chat(
        temperature=1.5,
        top_p=0.5,
        seed=7,
        n=2,
        stop=["a", "b"],
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        max_completion_tokens=50,
        reasoning_effort="high",
        user="ann",
    ),
    "a stream": chat(stream=True, stream_options={"include_usage": True}),
}
CACHED = {"cache_control": {"type": "ephemeral"}}
MESSAGES_REQUESTS = {
    "text": messages(user("Hi")),
    "instructions": messages(system="Be brief."),
    "cached instructions": messages(
        system=[{"type": "text", "text": "a"}, {"type": "text", "text": "b", **CACHED}]
    ),
    "an image": messages(
        user(
            [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                    **CACHED,
                },
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                {"type": "text", "text": "What is it?"},
            ]
        )
    ),
    "documents": messages(
        user(
            [
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "eA=="},
                    "title": "a.pdf",
                },
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "Grüezi"},
                },
                {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
            ]
        )
    ),
    "thinking, calls and results": messages(
        user("Hi"),
        assistant(
            [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2VhbA=="},
                {"type": "redacted_thinking", "data": "b3BhcXVl"},
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Z"}},
                {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
            ]
        ),
        user(
            [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [
                        {"type": "text", "text": "sun"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                        },
                    ],
                },
                {"type": "tool_result", "tool_use_id": "t2", "content": "no", "is_error": True},
                {"type": "text", "text": "Go on.", **CACHED},
            ]
        ),
        thinking={"type": "enabled", "budget_tokens": 2048},
        max_tokens=4096,
    ),
    "tools": messages(
        tools=[{"name": "weather", "description": "d", "input_schema": SCHEMA, **CACHED}],
        tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
    ),
    "any tool": messages(
        tools=[{"name": "weather", "input_schema": SCHEMA, "strict": True}],
        tool_choice={"type": "any", "disable_parallel_tool_use": False},
    ),
    "a schema": messages(
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
    ),
    "no thinking": messages(thinking={"type": "disabled"}, temperature=0.5),
    "sampling": messages(
        temperature=0.5,
        top_p=0.5,
        top_k=3,
        stop_sequences=["a"],
        metadata={"user_id": "ann"},
        stream=True,
    ),
}


class TestThereAndBack:
    @pytest.mark.parametrize("fields", CHAT_REQUESTS.values(), ids=CHAT_REQUESTS)
    def test_a_chat_request_is_written_as_it_was(self, fields: dict[str, Any]) -> None:
        asked = to(CHAT, CHAT, fields)
        assert json.loads(asked.body) == fields
        assert asked.lost == ()

    @pytest.mark.parametrize("fields", MESSAGES_REQUESTS.values(), ids=MESSAGES_REQUESTS)
    def test_a_request_of_messages_is_written_as_it_was(self, fields: dict[str, Any]) -> None:
        asked = to(MESSAGES, MESSAGES, fields)
        assert json.loads(asked.body) == fields
        assert asked.lost == ()

    def test_numbers_of_any_length_survive_in_arguments(self) -> None:
        given = '{"n": 123456789012345678901234567890, "x": 1.10}'
        fields = chat(user("x"), assistant(None, tool_calls=[call("a", "f", given)]))
        assert given.encode() in to(MESSAGES, CHAT, fields).body


class TestToMessages:
    def test_a_conversation_with_tools(self) -> None:
        asked = to(MESSAGES, CHAT, CHAT_REQUESTS["calls and results"])
        assert json.loads(asked.body)["messages"] == [
            user("Hi"),
            assistant(
                [
                    {"type": "tool_use", "id": "a", "name": "weather", "input": {}},
                    {"type": "tool_use", "id": "b", "name": "time", "input": {"z": 1.0}},
                ]
            ),
            user(
                [
                    {"type": "tool_result", "tool_use_id": "a", "content": "sun"},
                    {
                        "type": "tool_result",
                        "tool_use_id": "b",
                        "content": [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}],
                    },
                ]
            ),
            assistant("There."),
            user("Thanks"),
        ]
        assert asked.lost == ()

    def test_messages_of_one_side_become_one(self) -> None:
        asked = to(MESSAGES, CHAT, CHAT_REQUESTS["several users"])
        texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        assert json.loads(asked.body)["messages"] == [user(texts)]
        assert asked.lost == ("messages[].name",)

    def test_the_limit_it_must_have(self) -> None:
        assert json.loads(to(MESSAGES, CHAT, chat()).body)["max_tokens"] == DEFAULT_MAX_TOKENS
        asked = to(MESSAGES, CHAT, chat(reasoning_effort="low"))
        body = json.loads(asked.body)
        assert body["thinking"] == {"type": "enabled", "budget_tokens": 4_096}
        assert body["max_tokens"] == DEFAULT_MAX_TOKENS + 4_096
        assert asked.lost == ()

    def test_later_models_of_anthropic_take_an_effort(self) -> None:
        body = json.loads(
            to(MESSAGES, CHAT, chat(reasoning_effort="minimal"), model="claude-opus-5").body
        )
        assert body["thinking"] == {"type": "adaptive"}
        assert body["output_config"] == {"effort": "low"}

    @pytest.mark.parametrize(
        ("fields", "lost"),
        [
            (CHAT_REQUESTS["a sound"], {"messages[].content"}),
            (CHAT_REQUESTS["JSON"], {"response_format"}),
            (chat(logit_bias={"1": 2}, logprobs=True), {"logit_bias", "logprobs"}),
            (chat(logit_bias={}, store=None), set()),
            (chat(tools=[{"type": "custom", "custom": {"name": "f"}}]), {"tools[0]"}),
            (chat(user([{"type": "video", "video": {}}])), {"messages[0].content[0]"}),
            (chat(user("a"), {"role": "developer", "content": "b"}), {"messages[1].role"}),
            (
                chat(user("a"), assistant("b", reasoning_content="hm"), user("c")),
                {"messages[].reasoning_content"},
            ),
            (chat(reasoning_effort="high", max_tokens=100), {"reasoning_effort"}),
            (
                chat(
                    tools=[{"type": "function", "function": FUNCTION}],
                    tool_choice="required",
                    reasoning_effort="low",
                ),
                {"reasoning_effort"},
            ),
            (
                chat(
                    user("a"),
                    assistant(None, tool_calls=[call("a", "f", "{}")]),
                    {"role": "tool", "tool_call_id": "a", "content": "b"},
                    reasoning_effort="low",
                ),
                {"reasoning_effort"},
            ),
            (
                CHAT_REQUESTS["sampling"],
                {"seed", "presence_penalty", "frequency_penalty", "n", "temperature"}
                | {"reasoning_effort"},
            ),
        ],
    )
    def test_what_cannot_be_said_is_reported(self, fields: dict[str, Any], lost: set[str]) -> None:
        assert set(to(MESSAGES, CHAT, fields).lost) == lost

    def test_legacy_functions(self) -> None:
        fields = chat(
            user("x"),
            assistant(None, function_call={"name": "weather", "arguments": "{}"}),
            {"role": "function", "name": "weather", "content": "sun"},
            functions=[{"name": "weather", "parameters": SCHEMA}],
            function_call={"name": "weather"},
        )
        body = json.loads(to(MESSAGES, CHAT, fields).body)
        _, used, result = body["messages"]
        assert used["content"][0]["id"] == result["content"][0]["tool_use_id"]
        assert body["tools"] == [{"name": "weather", "input_schema": SCHEMA}]
        assert body["tool_choice"] == {"type": "tool", "name": "weather"}

    def test_ids_keep_together_in_the_letters_it_takes(self) -> None:
        fields = chat(
            assistant(None, tool_calls=[call("functions.f:0", "f", "not JSON")]),
            {"role": "tool", "tool_call_id": "functions.f:0", "content": ""},
        )
        used, result = json.loads(to(MESSAGES, CHAT, fields).body)["messages"]
        assert used["content"][0]["id"] == result["content"][0]["tool_use_id"] == "functions_f_0"
        assert used["content"][0]["input"] == {"arguments": "not JSON"}

    def test_sealed_thinking_goes_back_as_it_came(self) -> None:
        blocks = [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2VhbA=="},
            {"type": "redacted_thinking", "data": "b3BhcXVl"},
        ]
        fields = chat(user("a"), assistant("b", thinking_blocks=blocks, reasoning_content="Hm."))
        asked = to(MESSAGES, CHAT, fields)
        assert json.loads(asked.body)["messages"][1]["content"][:2] == blocks
        assert asked.lost == ()


class TestToChat:
    def test_a_conversation_with_tools(self) -> None:
        asked = to(CHAT, MESSAGES, MESSAGES_REQUESTS["thinking, calls and results"])
        body = json.loads(asked.body)
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        assert body["messages"] == [
            user("Hi"),
            assistant(
                "Let me see.",
                tool_calls=[call("t1", "weather", '{"city":"Z"}'), call("t2", "now", "{}")],
            ),
            {"role": "tool", "tool_call_id": "t1", "content": "sun"},
            {"role": "tool", "tool_call_id": "t2", "content": "no"},
            user([image, {"type": "text", "text": "Go on."}]),
        ]
        assert (body["reasoning_effort"], body["max_completion_tokens"]) == ("low", 4096)
        assert set(asked.lost) == {"messages[].thinking", "messages[].is_error", "cache_control"}

    def test_documents_go_as_files_or_as_their_text(self) -> None:
        asked = to(CHAT, MESSAGES, MESSAGES_REQUESTS["documents"])
        (said,) = json.loads(asked.body)["messages"]
        data = "data:application/pdf;base64,eA=="
        assert said["content"] == [
            {"type": "file", "file": {"filename": "a.pdf", "file_data": data}},
            {"type": "text", "text": "Grüezi"},
        ]
        assert asked.lost == ("messages[].content",)

    def test_tools_and_their_choice(self) -> None:
        asked = to(CHAT, MESSAGES, MESSAGES_REQUESTS["any tool"])
        body = json.loads(asked.body)
        function = {"name": "weather", "parameters": SCHEMA, "strict": True}
        assert body["tools"] == [{"type": "function", "function": function}]
        assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", True)

    def test_a_stream_reports_its_usage(self) -> None:
        body = json.loads(to(CHAT, MESSAGES, messages(stream=True)).body)
        assert body["stream_options"] == {"include_usage": True}

    @pytest.mark.parametrize(
        ("fields", "lost"),
        [
            (MESSAGES_REQUESTS["sampling"], {"top_k"}),
            (MESSAGES_REQUESTS["cached instructions"], {"cache_control"}),
            (messages(tools=[{"type": "web_search_20250305", "name": "w"}]), {"tools[0]"}),
            (messages(service_tier="auto", container=None), {"service_tier"}),
            (messages(thinking={"type": "adaptive", "display": "omitted"}), {"thinking.display"}),
            (messages(user([{"type": "search_result"}])), {"messages[0].content[0]"}),
            (
                messages(
                    user([{"type": "image", "source": {"type": "file", "file_id": "f"}}, {"x": 1}])
                ),
                {"messages[0].content[0]", "messages[0].content[1]"},
            ),
        ],
    )
    def test_what_cannot_be_said_is_reported(self, fields: dict[str, Any], lost: set[str]) -> None:
        assert set(to(CHAT, MESSAGES, fields).lost) == lost
