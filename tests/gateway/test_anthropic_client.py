"""Anthropic's own client against the gateway: at Anthropic, and at OpenAI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from tests.gateway.answers import ANSWERS, CHAT, LONG, MESSAGES, SIGNATURE
from tests.gateway.gateway import ADMIN, Room

HELLO: Any = [{"role": "user", "content": "Hello?"}]
WEATHER: Any = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
THINKING: Any = {"type": "enabled", "budget_tokens": 1024}
CALLS = {
    "an/messages-thinking-text-and-calls": [("weather", {"city": "Zürich"}), ("now", {})],
    "oa/chat-calls-one-after-another": [("weather", {"city": "Zürich"}), ("time", {"zone": "CET"})],
    "oa/chat-calls-in-turns": [("weather", {"city": "Zürich"}), ("time", {"zone": "CET"})],
}


@pytest.fixture(scope="module")
def sdk(shared: Room) -> Iterator[anthropic.Anthropic]:
    client = anthropic.Anthropic(base_url=shared.server.url, api_key=ADMIN, max_retries=0)
    with client:
        yield client


@pytest.mark.parametrize(
    ("model", "text", "tokens"),
    [
        ("an/thinking", "Hello", 1200),
        ("oa/plain", "Hello", 1200),
        ("oa/long-unicode", LONG, 1200),
        ("oa/keep-alive", "Hello", 1200),
    ],
)
class TestAnswers:
    def test_whole(self, sdk: anthropic.Anthropic, model: str, text: str, tokens: int) -> None:
        answer = sdk.messages.create(model=model, max_tokens=500, messages=HELLO)
        assert "".join(b.text for b in answer.content if b.type == "text") == text
        assert answer.stop_reason == "end_turn"
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (tokens, 340)

    def test_streamed(self, sdk: anthropic.Anthropic, model: str, text: str, tokens: int) -> None:
        with sdk.messages.stream(model=model, max_tokens=500, messages=HELLO) as stream:
            assert "".join(stream.text_stream) == text
            answer = stream.get_final_message()
        assert answer.stop_reason == "end_turn"
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (tokens, 340)


def test_thoughts_keep_their_seals_there_and_back(sdk: anthropic.Anthropic, shared: Room) -> None:
    with sdk.messages.stream(
        model="an/thinking", max_tokens=2000, messages=HELLO, thinking=THINKING
    ) as stream:
        content: Any = stream.get_final_message().content
    assert (content[0].signature, content[1].data) == (SIGNATURE, SIGNATURE[::-1])
    back: Any = [*HELLO, {"role": "assistant", "content": content}]
    back.append({"role": "user", "content": "mark-seal"})
    sdk.messages.create(model="an/thinking", max_tokens=2000, messages=back, thinking=THINKING)
    (request,) = shared.sent("mark-seal")
    sent = request.json["messages"][1]["content"]
    assert (sent[0]["signature"], sent[1]["data"]) == (SIGNATURE, SIGNATURE[::-1])


@pytest.mark.parametrize("model", CALLS)
def test_calls_of_tools(sdk: anthropic.Anthropic, model: str) -> None:
    asked: Any = {"model": model, "max_tokens": 500, "messages": HELLO, "tools": [WEATHER]}
    with sdk.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    whole = sdk.messages.create(**asked)
    for answer in (streamed, whole):
        calls = [block for block in answer.content if block.type == "tool_use"]
        assert [(call.name, call.input) for call in calls] == CALLS[model]
        assert answer.stop_reason == "tool_use"


def test_the_result_of_a_tool_goes_to_openai(sdk: anthropic.Anthropic, shared: Room) -> None:
    messages: Any = [
        *HELLO,
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_mark", "name": "weather", "input": {}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_mark", "content": "7 °C"},
                {"type": "text", "text": "And?"},
            ],
        },
    ]
    sdk.messages.create(
        model="oa/plain", max_tokens=500, messages=messages, system="Be brief.", tools=[WEATHER]
    )
    (request,) = shared.sent("toolu_mark")
    roles = [message["role"] for message in request.json["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "user"]
    assert request.json["messages"][3]["tool_call_id"] == "toolu_mark"


@pytest.mark.parametrize(
    "model", [name for name, one in ANSWERS.items() if one.dialect in (CHAT, MESSAGES)]
)
def test_every_answer_reads_the_same_streamed_and_whole(
    sdk: anthropic.Anthropic, model: str
) -> None:
    name = f"{'oa' if ANSWERS[model].dialect == CHAT else 'an'}/{model}"
    asked: Any = {"model": name, "max_tokens": 500, "messages": HELLO}
    whole = sdk.messages.create(**asked)
    with sdk.messages.stream(**asked) as stream:
        joined = stream.get_final_message()
    assert joined.stop_reason == whole.stop_reason
    assert said(joined) == said(whole)
    assert joined.usage.output_tokens == whole.usage.output_tokens


def said(message: Any) -> list[tuple[Any, ...]]:
    """The blocks of a message, as far as both forms tell them."""
    fields = ("type", "text", "thinking", "signature", "data", "name", "input")
    return [tuple(getattr(block, name, None) for name in fields) for block in message.content]


def test_tokens_are_counted(sdk: anthropic.Anthropic) -> None:
    assert sdk.messages.count_tokens(model="an/thinking", messages=HELLO).input_tokens == 2095


def test_models_are_listed(sdk: anthropic.Anthropic) -> None:
    assert {"oa/plain", "an/thinking"} <= {model.id for model in sdk.models.list()}
