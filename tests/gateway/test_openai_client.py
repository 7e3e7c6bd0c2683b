"""OpenAI's own client against the gateway: at OpenAI, and at Anthropic where that can be said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest
from tests.gateway.answers import ANSWERS, CHAT, LONG, MESSAGES
from tests.gateway.gateway import ADMIN, Room
from tests.gateway.upstream import SOUND

HELLO: Any = [{"role": "user", "content": "Hello?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
# Servers that tell a stream otherwise than a whole answer, and what the SDK refuses to assemble.
ODD = (
    "chat-calls-that-end-with-stop",
    "chat-calls-that-all-have-one-index",
    "messages-a-refusal",
)
EVEN = [name for name, a in ANSWERS.items() if a.dialect in (CHAT, MESSAGES) and name not in ODD]
TWO_CALLS = [("weather", {"city": "Zürich"}), ("time", {"zone": "CET"})]
CALLS = {
    "oa/chat-calls-one-after-another": TWO_CALLS,
    "oa/chat-calls-in-turns": TWO_CALLS,
    "oa/chat-calls-that-end-with-stop": TWO_CALLS,
    "an/messages-thinking-text-and-calls": [("weather", {"city": "Zürich"}), ("now", {})],
}


@pytest.fixture(scope="module")
def sdk(shared: Room) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=shared.url, api_key=ADMIN, max_retries=0) as client:
        yield client


class TestChat:
    @pytest.mark.parametrize(
        ("model", "text"),
        [("oa/plain", "Hello"), ("oa/long-unicode", LONG), ("an/thinking", "Hello")],
    )
    def test_an_answer(self, sdk: openai.OpenAI, model: str, text: str) -> None:
        answer = sdk.chat.completions.create(model=model, messages=HELLO)
        assert answer.choices[0].message.content == text
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage is not None
        assert answer.usage.completion_tokens == 340
        assert answer.usage.prompt_tokens == (2000 if model == "an/thinking" else 1200)

    @pytest.mark.parametrize(
        ("model", "text"),
        [
            ("oa/plain", "Hello"),
            ("oa/keep-alive", "Hello"),
            ("oa/several-lines", "Hello"),
            ("oa/long-unicode", LONG),
            ("an/thinking", "Hello"),
        ],
    )
    def test_a_stream(self, sdk: openai.OpenAI, model: str, text: str) -> None:
        options: Any = {"include_usage": True}
        with sdk.chat.completions.create(
            model=model, messages=HELLO, stream=True, stream_options=options
        ) as stream:
            chunks = list(stream)
        said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
        assert "".join(said) == text
        assert [c.finish_reason for chunk in chunks for c in chunk.choices][-1] == "stop"
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 340

    @pytest.mark.parametrize("model", CALLS)
    def test_calls_of_tools(self, sdk: openai.OpenAI, model: str) -> None:
        answer = sdk.chat.completions.create(model=model, messages=HELLO, tools=[WEATHER])
        calls: Any = answer.choices[0].message.tool_calls
        assert [said(call.function) for call in calls] == CALLS[model]
        assert len({call.id for call in calls}) == 2

    @pytest.mark.parametrize("model", CALLS)
    def test_calls_of_tools_in_a_stream(self, sdk: openai.OpenAI, model: str) -> None:
        """With the SDK's own assembly of them."""
        with sdk.chat.completions.stream(model=model, messages=HELLO, tools=[WEATHER]) as stream:
            calls: Any = stream.get_final_completion().choices[0].message.tool_calls
        assert [said(call.function) for call in calls] == CALLS[model]

    def test_the_result_of_a_tool_goes_back(self, sdk: openai.OpenAI, shared: Room) -> None:
        call = {"id": "call_mark", "type": "function"}
        call |= {"function": {"name": "weather", "arguments": '{"city": "Zürich"}'}}
        messages: Any = [
            {"role": "system", "content": "Be brief."},
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_mark", "content": "7 °C"},
        ]
        for model in ("oa/plain", "an/thinking"):
            answer = sdk.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
            assert answer.choices[0].message.content == "Hello"
        native, translated = (request.json for request in shared.sent("call_mark"))
        assert native["messages"] == messages
        *_, asked, result = translated["messages"]
        assert asked["content"][-1]["input"] == {"city": "Zürich"}
        assert result["content"][0]["tool_use_id"] == "call_mark"
        assert "Be brief." in json.dumps(translated["system"])

    @pytest.mark.parametrize("model", ["oa/structured"])
    def test_a_structured_answer(self, sdk: openai.OpenAI, model: str) -> None:
        class City(pydantic.BaseModel):
            city: str
            degrees: int

        answer = sdk.chat.completions.parse(model=model, messages=HELLO, response_format=City)
        assert answer.choices[0].message.parsed == City(city="Zürich", degrees=7)

    def test_a_refusal(self, sdk: openai.OpenAI) -> None:
        answer = sdk.chat.completions.create(model="oa/declined", messages=HELLO)
        assert (answer.choices[0].message.refusal, answer.choices[0].message.content) == (
            "No.",
            None,
        )
        refused = sdk.chat.completions.create(model="an/messages-a-refusal", messages=HELLO)
        assert refused.choices[0].finish_reason == "content_filter"

    def test_fields_that_nobody_knows_survive(self, sdk: openai.OpenAI) -> None:
        answer = sdk.chat.completions.create(model="oa/unknown-fields", messages=HELLO)
        assert answer.model_extra is not None
        assert answer.model_extra["x_exact"] == 123456789012345678901234567890
        message: Any = answer.choices[0].message
        assert message.x_annotations == [{"url": "https://example.com/ü"}]

    @pytest.mark.parametrize("model", EVEN)
    def test_every_answer_reads_the_same_streamed_and_whole(
        self, sdk: openai.OpenAI, model: str
    ) -> None:
        name = f"{'oa' if ANSWERS[model].dialect == CHAT else 'an'}/{model}"
        whole: Any = sdk.chat.completions.create(model=name, messages=HELLO)
        with sdk.chat.completions.stream(model=name, messages=HELLO) as stream:
            joined: Any = stream.get_final_completion()
        one, other = whole.choices[0], joined.choices[0]
        assert (one.message.content or "") == (other.message.content or "")
        assert one.finish_reason == other.finish_reason
        calls, others = (
            [(call.id, said(call.function)) for call in choice.message.tool_calls or ()]
            for choice in (one, other)
        )
        assert calls == others


def said(function: Any) -> tuple[str, Any]:
    return function.name, json.loads(function.arguments)


class TestResponses:
    def test_an_answer(self, sdk: openai.OpenAI) -> None:
        answer = sdk.responses.create(model="oa/response", input="Hello?")
        assert (answer.output_text, answer.status) == ("Hello", "completed")
        assert answer.usage is not None
        assert answer.usage.input_tokens_details.cached_tokens == 800

    def test_a_stream(self, sdk: openai.OpenAI) -> None:
        with sdk.responses.create(model="oa/response", input="Hello?", stream=True) as stream:
            events = list(stream)
        assert [event.sequence_number for event in events] == list(range(10))
        last: Any = events[-1]
        assert last.type == "response.completed"
        assert last.response.output_text == "Hello"

    def test_the_streams_assembly(self, sdk: openai.OpenAI) -> None:
        with sdk.responses.stream(model="oa/response", input="Hello?") as stream:
            assert stream.get_final_response().output_text == "Hello"


class TestTheRestOfTheAPI:
    def test_embeddings(self, sdk: openai.OpenAI) -> None:
        answer = sdk.embeddings.create(model="oa/text-embedding", input=["a", "b"])
        assert [row.embedding for row in answer.data] == [[0.5, 0.25, -0.125]] * 2
        assert answer.usage.prompt_tokens == 1000

    def test_models(self, sdk: openai.OpenAI) -> None:
        assert {"oa/plain", "an/thinking", "oa-reset"} <= {model.id for model in sdk.models.list()}

    def test_moderations(self, sdk: openai.OpenAI) -> None:
        assert sdk.moderations.create(model="oa/moderation", input="x").results[0].flagged

    def test_an_image(self, sdk: openai.OpenAI, shared: Room) -> None:
        answer: Any = sdk.images.generate(model="oa/image", prompt="a mark-image", size="256x256")
        assert answer.data[0].b64_json == "aGk="
        (request,) = shared.sent("mark-image")
        assert request.json == {"model": "image", "prompt": "a mark-image", "size": "256x256"}

    def test_speech_that_is_no_text(self, sdk: openai.OpenAI) -> None:
        answer = sdk.audio.speech.create(model="oa/speech", input="Hello", voice="alloy")
        assert answer.content == SOUND

    def test_a_sound_in_a_form(self, sdk: openai.OpenAI, shared: Room) -> None:
        sound = b"RIFF--mark-sound\r\n--\x00\xff" + SOUND
        answer = sdk.audio.transcriptions.create(model="oa/transcribe", file=("a.wav", sound))
        assert answer.text == "Grüezi mitenand"
        (request,) = shared.sent("mark-sound")
        assert sound in request.body
        assert b'name="model"\r\n\r\ntranscribe\r\n' in request.body

    def test_a_file(self, sdk: openai.OpenAI, shared: Room) -> None:
        headers = {"x-trimtab-provider": "oa"}
        lines = b'{"custom_id": "mark-file"}\n' * 1000
        file = sdk.files.create(file=("b.jsonl", lines), purpose="batch", extra_headers=headers)
        assert file.id == "file-1"
        (request,) = shared.sent("mark-file")
        assert lines in request.body
        assert sdk.files.list(extra_headers=headers).data == []
