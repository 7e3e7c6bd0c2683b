"""OpenAI's older completions: the real client reads what is written; one text can be translated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects.served import serving
from tests.dialects.spoken import ANSWERS, USAGE, read_stream, said

from trimtab.dialects.llm.openai_completions import OPENAI_COMPLETIONS
from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    Part,
    Text,
    ToolCall,
    Used,
)
from trimtab.dialects.llm.question import Question, TextContent, Tool, ToolUse, Turn
from trimtab.errors import InvalidRequest, ProviderTimeout, TrimtabError
from trimtab.kit import sse
from trimtab.records import Message, Usage
from trimtab.testing import strategies as drawn

TWO: list[Part] = [
    Began(id="cmpl-1", model="big"),
    Text("a", 0),
    Text("x", 1),
    Text("b", 0),
    Finished(reason="length", choice=1),
    Finished(reason="stop", choice=0),
    Used(USAGE),
    Ended(),
]
SPOKEN: dict[str, list[Part | TrimtabError]] = {
    "two": [*TWO],
    **{name: [*ANSWERS[name]] for name in ("text", "bare", "length", "filtered", "failed")},
    "broken": [Text("a"), ProviderTimeout("gone")],
}
WHOLE = ("two", "text", "bare", "length", "filtered")
ASKED = OPENAI_COMPLETIONS.envelope(
    b'{"model":"m","prompt":"q","stream_options":{"include_usage":true}}'
)


def written(name: str) -> bytes:
    writer = OPENAI_COMPLETIONS.writer(ASKED, id="answer_1", created_s=1)
    parts = [part for part in SPOKEN[name] if not isinstance(part, TrimtabError)]
    return b"".join(writer.stream(part) for part in parts)


def envelope(**fields: Any) -> Any:
    body = {"model": "m", "prompt": "q", **fields}
    return OPENAI_COMPLETIONS.envelope(json.dumps(body).encode())


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with (
        serving(OPENAI_COMPLETIONS, SPOKEN) as url,
        openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client,
    ):
        yield client


class TestTheRealClient:
    @pytest.mark.parametrize("name", WHOLE)
    def test_a_stream_and_a_whole_answer_say_the_same(
        self, client: openai.OpenAI, name: str
    ) -> None:
        whole = client.completions.create(model=name, prompt="q")
        choices: dict[int, tuple[str, str | None]] = {}
        chunks = list(
            client.completions.create(
                model=name, prompt="q", stream=True, stream_options={"include_usage": True}
            )
        )
        for chunk in chunks:
            for choice in chunk.choices:
                text, reason = choices.get(choice.index, ("", None))
                ended: str | None = choice.finish_reason
                choices[choice.index] = text + choice.text, ended or reason
        told = [(choice.text, choice.finish_reason) for choice in whole.choices]
        assert [choices[index] for index in sorted(choices)] == told
        if name != "bare":
            assert whole.usage == chunks[-1].usage
            assert whole.usage is not None
            assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (12, 5)

    def test_usage_is_streamed_only_to_those_who_ask(self, client: openai.OpenAI) -> None:
        chunks = list(client.completions.create(model="text", prompt="q", stream=True))
        assert all(chunk.choices and chunk.usage is None for chunk in chunks)

    @pytest.mark.parametrize("name", ["failed", "broken"])
    def test_a_failure_in_the_middle_raises(self, client: openai.OpenAI, name: str) -> None:
        with pytest.raises(openai.APIError, match=r"overloaded|gone"):
            list(client.completions.create(model=name, prompt="q", stream=True))


class TestReading:
    @pytest.mark.parametrize("name", WHOLE)
    def test_what_was_written_reads_the_same_whole_or_split_at_every_byte(self, name: str) -> None:
        stream = written(name)
        together = read_stream(OPENAI_COMPLETIONS.reader(), [stream])
        bytewise = [stream[at : at + 1] for at in range(len(stream))]
        assert read_stream(OPENAI_COMPLETIONS.reader(), bytewise) == together
        body = OPENAI_COMPLETIONS.writer(ASKED, id="answer_1", created_s=1).body(
            [part for part in SPOKEN[name] if not isinstance(part, TrimtabError)]
        )
        assert said(OPENAI_COMPLETIONS.reader().body(body)) == said(together)

    def test_a_stream_that_says_why_it_ended_is_whole_without_its_terminator(self) -> None:
        chunk = b'data: {"choices":[{"text":"a","index":0,"finish_reason":"stop"}]}\n\n'
        assert read_stream(OPENAI_COMPLETIONS.reader(), [chunk])[-1] == Ended()
        cut = chunk.replace(b'"stop"', b"null")
        assert read_stream(OPENAI_COMPLETIONS.reader(), [cut])[-1] == Text("a")

    def test_usage_is_the_last_told(self) -> None:
        usages = [{"prompt_tokens": 5, "completion_tokens": n} for n in (1, 2)]
        wire = [{"choices": [{"text": "a", "index": 0}], "usage": usage} for usage in usages]
        stream = b"".join(sse.encode(json.dumps(chunk).encode()) for chunk in wire)
        used = read_stream(OPENAI_COMPLETIONS.reader(), [stream])
        assert [part for part in used if isinstance(part, Used)][-1] == Used(
            Usage(input=5, output=2)
        )

    @settings(max_examples=60)
    @given(
        st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("choices", "usage", "id", "error"),
                drawn.json_values()
                | st.lists(
                    st.fixed_dictionaries(
                        {}, optional=dict.fromkeys(("text", "index"), drawn.json_values())
                    )
                ),
            ),
        )
    )
    def test_strange_answers_do_not_raise(self, wire: dict[str, Any]) -> None:
        data = json.dumps(wire)
        reader = OPENAI_COMPLETIONS.reader()
        said([*reader.event(sse.Event(data, "message", b"")), *reader.end()])
        said(OPENAI_COMPLETIONS.reader().body(data.encode()))

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":{"message":"no"}}'])
    def test_a_body_that_is_no_answer_failed(self, body: bytes) -> None:
        (last,) = OPENAI_COMPLETIONS.reader().body(body)
        assert isinstance(last, Failed)


class TestEnvelopes:
    def test_what_is_not_changed_keeps_its_spelling_to_the_byte(self) -> None:
        spellings = {"prompt": b'[ [1,2] , "\\u00e9" ]', "logit_bias": b'{"50256" : -1E+2}'}
        extra = b"".join(b',"%b":%b' % (k.encode(), v) for k, v in spellings.items())
        sent = OPENAI_COMPLETIONS.envelope(b'{"model":"m"' + extra + b"}").body(model="n")
        fields = msgspec.json.decode(sent, type=dict[str, msgspec.Raw])
        assert {name: bytes(fields[name]) for name in spellings} == spellings

    @pytest.mark.parametrize(
        ("prompt", "contents"),
        [
            ("q", ["q"]),
            (["a", "b"], ["a", "b"]),
            ([1, 2, 3], ["(3 tokens)"]),
            ([[1, 2], [3]], ["(2 tokens)", "(1 tokens)"]),
            (["a"] * 500, ["a"] * 100),
            ([], []),
        ],
    )
    def test_messages_are_the_prompts(self, prompt: Any, contents: list[str]) -> None:
        messages = OPENAI_COMPLETIONS.messages(envelope(prompt=prompt))
        assert messages == [{"role": "user", "content": content} for content in contents]

    @pytest.mark.parametrize("fields", [{"prompt": None}, {"prompt": 3}, {"model": ""}])
    def test_a_wrong_field_is_named(self, fields: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            envelope(**fields)
        assert caught.value.where == next(iter(fields))

    def test_a_prompt_goes_before_text_that_stays_as_it_was(self) -> None:
        asked = OPENAI_COMPLETIONS.envelope(b'{"model":"m","prompt":"\\u00e9"}')
        changes = OPENAI_COMPLETIONS.opened(asked, [Message(role="system", content="Be brief.")])
        assert bytes(changes["prompt"]) == b'"Be brief.\\n\\n\\u00e9"'
        assert OPENAI_COMPLETIONS.opened(asked, []) == {}
        with pytest.raises(InvalidRequest):
            OPENAI_COMPLETIONS.opened(envelope(prompt=["a"]), [Message(role="user", content="x")])

    def test_the_usage_of_a_stream_is_asked_for_beside_other_options(self) -> None:
        changes = OPENAI_COMPLETIONS.asking_usage(envelope(stream=True, stream_options={"x": 1}))
        asked = json.loads(envelope(stream=True).body(**changes))
        assert asked["stream_options"] == {"x": 1, "include_usage": True}


class TestQuestions:
    def test_one_text_reads_as_it_was_asked(self) -> None:
        question = Question(
            turns=(Turn(role="user", content=(TextContent(text="q"),)),),
            max_tokens=5,
            temperature=0.5,
            top_p=0.5,
            presence_penalty=1.0,
            frequency_penalty=1.0,
            stop=("x", "y"),
            seed=3,
            choices=2,
            user="u",
            stream=True,
        )
        asked = OPENAI_COMPLETIONS.ask(question, model="m")
        assert asked.lost == ()
        assert OPENAI_COMPLETIONS.question(OPENAI_COMPLETIONS.envelope(asked.body)) == question

    def test_what_cannot_be_carried_over_is_named(self) -> None:
        question = OPENAI_COMPLETIONS.question(
            envelope(suffix="s", best_of=3, echo=False, stop="x")
        )
        assert (question.lost, question.stop) == (("suffix", "best_of"), ("x",))

    @pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [[1]]])
    def test_lists_have_no_translation(self, prompt: Any) -> None:
        with pytest.raises(InvalidRequest, match="no translation") as caught:
            OPENAI_COMPLETIONS.question(envelope(prompt=prompt))
        assert caught.value.where == "prompt"

    @pytest.mark.parametrize(
        "question",
        [
            Question(),
            Question(system=(TextContent(text="s"),)),
            Question(turns=(Turn(role="assistant", content=(TextContent(text="a"),)),)),
            Question(turns=(Turn(role="user", content=(TextContent(text="a"),) * 2),)),
            Question(
                turns=(Turn(role="user", content=(TextContent(text="a"),)),),
                tools=(Tool(name="f"),),
            ),
            Question(
                turns=(Turn(role="user", content=(ToolUse(id="c", name="f", arguments=""),)),)
            ),
        ],
    )
    def test_a_conversation_cannot_be_asked(self, question: Question) -> None:
        with pytest.raises(InvalidRequest, match="only one text"):
            OPENAI_COMPLETIONS.ask(question, model="m")

    def test_a_call_has_no_place_in_an_answer(self) -> None:
        writer = OPENAI_COMPLETIONS.writer(ASKED, id="a", created_s=0)
        body = writer.body([ToolCall(index=0, name="f"), Ended()])
        assert json.loads(body)["choices"][0]["text"] == ""
        assert list(writer.lost) == ["toolcall"]
