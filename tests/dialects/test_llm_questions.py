"""Requests read and written, in the same dialect and the other; nothing is lost in silence."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.anthropic_ask import DEFAULT_MAX_TOKENS
from trimtab.dialects.llm.parts import Ended, Failed, Used
from trimtab.dialects.llm.question import Asked
from trimtab.dialects.llm.translate import translated
from trimtab.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    RateLimited,
    TooLarge,
    TrimtabError,
    Unauthenticated,
)
from trimtab.kit import sse
from trimtab.records import Message, Usage
from trimtab.testing import strategies as drawn

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


# -- envelopes ---------------------------------------------------------------------------------


def refusal(dialect: str, body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        DIALECTS[dialect].envelope(body)
    assert caught.value.fix
    return caught.value


class TestEnvelopes:
    def test_of_messages(self) -> None:
        fields = messages(stream=True, metadata={"user_id": "ann"}, trimtab={"variables": {"a": 1}})
        envelope = DIALECTS[MESSAGES].envelope(json.dumps(fields).encode())
        assert (envelope.model, envelope.stream, envelope.user) == ("m-1", True, "ann")
        assert (envelope.max_tokens, envelope.trimtab) == (99, {"variables": {"a": 1}})
        assert json.loads(envelope.body()) == {k: v for k, v in fields.items() if k != "trimtab"}

    def test_of_counting_tokens(self) -> None:
        body = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
        assert DIALECTS["anthropic.count_tokens"].envelope(body).max_tokens is None
        assert refusal(MESSAGES, body).where == "max_tokens"

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"model": ""}, "model"),
            ({"model": None}, "model"),
            ({"max_tokens": None}, "max_tokens"),
            ({"max_tokens": "9"}, "max_tokens"),
            ({"messages": []}, "messages"),
            ({"messages": [{"role": "user"}]}, "messages[0]"),
            ({"messages": [user(7)]}, "messages[0].content"),
            ({"messages": [user(["x"])]}, "messages[0].content[0]"),
            ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
            ({"system": 7}, "system"),
            ({"stream": "yes"}, "stream"),
            ({"metadata": []}, "metadata"),
            ({"trimtab": []}, "trimtab"),
        ],
    )
    def test_what_is_wrong_is_named_by_its_path(self, fields: dict[str, Any], where: str) -> None:
        assert refusal(MESSAGES, json.dumps({**messages(), **fields}).encode()).where == where

    @pytest.mark.parametrize("dialect", [CHAT, MESSAGES, "anthropic.count_tokens"])
    @pytest.mark.parametrize(
        "messages",
        [
            b'[{"role":"user","content":"\\ud83d"}]',
            b'[{"role":"user","content":[{"type":"text","text":'
            + b"[" * 3_000
            + b"]" * 3_000
            + b"}]}]",
            b'[{"role":"user","content":"\xff"}]',
        ],
        ids=["half a surrogate pair", "3,000 deep", "not UTF-8"],
    )
    def test_what_would_break_later_is_refused(self, dialect: str, messages: bytes) -> None:
        body = b'{"model":"m","max_tokens":9,"messages":' + messages + b"}"
        assert refusal(dialect, body).status == 400

    @given(st.binary(max_size=30) | drawn.json_values().map(lambda v: json.dumps(v).encode()))
    def test_any_other_body_is_refused_and_nothing_else_is_raised(self, body: bytes) -> None:
        assert refusal(MESSAGES, body).what

    @given(
        st.dictionaries(
            st.sampled_from(["model", "messages", "system", "tools", "thinking", "metadata"]),
            drawn.json_values(),
        )
    )
    @settings(deadline=None)
    def test_fields_of_any_shape_are_translated_or_refused(self, fields: dict[str, Any]) -> None:
        for source, target in ((MESSAGES, CHAT), (CHAT, MESSAGES)):
            given = {**messages(), **{k: v for k, v in fields.items() if k != "messages"}}
            given["messages"] = [user([fields.get("messages", {})])]
            try:
                asked = to(target, source, given)
            except InvalidRequest as error:
                refused = error
            else:
                json.loads(asked.body)
                continue
            assert refused.fix

    @pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
    def test_untouched_fields_keep_their_bytes(self, dialect: str) -> None:
        spellings = {
            "messages": b'[ {"role":"user","content":"\\u00e9"} ]',
            "unknown": b"123456789012345678901234567890",
            "top_p": b"1e400",
            "twice": b"1.10",
        }
        extra = b"".join(b', "%b": %b' % (k.encode(), v) for k, v in spellings.items())
        body = b'{"model": "m", "twice": 0, "max_tokens": 9' + extra + b"}"
        sent = DIALECTS[dialect].envelope(body).body(model="other")
        fields = msgspec.json.decode(sent, type=dict[str, msgspec.Raw])
        assert {name: bytes(fields[name]) for name in spellings} == spellings

    def test_text_is_counted_and_files_are_not(self) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9_999}}
        fields = chat(user("x" * 500), user([image]))
        read = DIALECTS[CHAT].envelope(json.dumps(fields).encode()).text_bytes
        assert 500 <= read < 1_000


class TestMessagesOfEnvelopes:
    def test_the_system_text_comes_first(self) -> None:
        dialect = DIALECTS[MESSAGES]
        envelope = dialect.envelope(json.dumps(messages(system="Be brief.")).encode())
        system = {"role": "system", "content": "Be brief."}
        assert dialect.messages(envelope) == [system, user("x")]

    @pytest.mark.parametrize(
        ("system", "expected"),
        [
            (None, b'[{"type":"text","text":"Open."}]'),
            (b'"\\u00e9"', b'[{"type":"text","text":"Open."},{"type":"text","text":"\\u00e9"}]'),
            (b'[ {"a":1.0} ]', b'[{"type":"text","text":"Open."}, {"a":1.0} ]'),
        ],
    )
    def test_an_opening_goes_before_what_the_caller_said(
        self, system: bytes | None, expected: bytes
    ) -> None:
        said = b'"system":' + system + b"," if system else b""
        body = (
            b'{"model":"m","max_tokens":9,'
            + said
            + b'"messages":[ {"role":"user","content":"\\u00e9"}]}'
        )
        dialect = DIALECTS[MESSAGES]
        envelope = dialect.envelope(body)
        opening = [Message(role="system", content="Open."), Message(role="user", content="First")]
        opened = envelope.body(**dialect.opened(envelope, opening))
        fields = msgspec.json.decode(opened, type=dict[str, msgspec.Raw])
        assert bytes(fields["system"]) == expected
        assert bytes(fields["messages"]).endswith(b', {"role":"user","content":"\\u00e9"}]')
        assert json.loads(bytes(fields["messages"]))[0] == user("First")
        assert dialect.opened(envelope, []) == {}

    def test_an_opening_of_a_chat(self) -> None:
        dialect = DIALECTS[CHAT]
        envelope = dialect.envelope(
            b'{"model":"m","messages":[ {"role":"user","content":"\\u00e9"}]}'
        )
        changes = dialect.opened(envelope, [Message(role="system", content="Open.")])
        raw = msgspec.json.decode(envelope.body(**changes), type=dict[str, msgspec.Raw])["messages"]
        assert bytes(raw) == (
            b'[{"role":"system","content":"Open."}, {"role":"user","content":"\\u00e9"}]'
        )

    def test_usage_is_asked_for_beside_other_options(self) -> None:
        dialect = DIALECTS[CHAT]
        options = {"include_obfuscation": False}
        body = json.dumps(chat(stream=True, stream_options=options)).encode()
        envelope = dialect.envelope(body)
        sent = json.loads(envelope.body(**dialect.asking_usage(envelope)))
        assert sent["stream_options"] == {**options, "include_usage": True}
        assert dialect.asking_usage(dialect.envelope(json.dumps(chat()).encode())) == {}


# -- errors and counts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("x"), "invalid_request_error"),
        (Unauthenticated("x"), "authentication_error"),
        (Forbidden("x"), "permission_error"),
        (NotFound("x"), "not_found_error"),
        (TooLarge("x"), "request_too_large"),
        (RateLimited("x"), "rate_limit_error"),
        (Overloaded("x"), "overloaded_error"),
        (ProviderTimeout("x"), "timeout_error"),
        (ProviderError("x"), "api_error"),
    ],
)
def test_an_error_of_messages_has_the_kind_that_clients_know(
    error: TrimtabError, kind: str
) -> None:
    body = DIALECTS[MESSAGES].error(error)
    assert json.loads(body) == {"type": "error", "error": {"type": kind, "message": "x"}}
    (event,) = sse.Decoder().feed(DIALECTS[MESSAGES].error_event(error))
    assert (event.name, event.data) == ("error", body.decode())


def test_a_count_of_tokens_is_read_and_written() -> None:
    dialect = DIALECTS["anthropic.count_tokens"]
    envelope = dialect.envelope(json.dumps(messages()).encode())
    body = b'{"input_tokens":2095}'
    parts = dialect.reader().body(body)
    assert parts == (Used(Usage(input=2095)), Ended())
    assert dialect.writer(envelope, id="x", created_s=7).body(parts) == body
    assert not dialect.translates
    failed = dialect.reader().body(DIALECTS[MESSAGES].error(NotFound("no such model")))
    assert failed == (Failed(message="no such model", kind="not_found_error", status=404),)
