"""OpenAI's embeddings and moderations: inputs on record, answers passed on, usage counted."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from trimtab.dialects.llm.openai_embeddings import MAX_INPUT_CHARS, MAX_INPUTS, OPENAI_EMBEDDINGS
from trimtab.dialects.llm.openai_moderations import DEFAULT_MODEL, OPENAI_MODERATIONS
from trimtab.dialects.llm.parts import Began, Ended, Failed, Used
from trimtab.dialects.llm.question import Question
from trimtab.errors import InvalidRequest
from trimtab.kit import sse
from trimtab.records import Message, Usage
from trimtab.testing import strategies as drawn

BOTH = pytest.mark.parametrize(
    "dialect", [OPENAI_EMBEDDINGS, OPENAI_MODERATIONS], ids=lambda dialect: dialect.name
)


def envelope(dialect: Any, **fields: Any) -> Any:
    return dialect.envelope(json.dumps({"model": "m", "input": "q", **fields}).encode())


class TestReading:
    def test_an_answer_tells_its_usage_and_ends(self) -> None:
        vector = {"object": "embedding", "index": 0, "embedding": [0.5] * 100}
        body = {
            "object": "list",
            "data": [vector] * 10,
            "model": "e-1",
            "usage": {"prompt_tokens": 8, "total_tokens": 8},
        }
        assert list(OPENAI_EMBEDDINGS.reader().body(json.dumps(body).encode())) == [
            Began(model="e-1"),
            Used(Usage(input=8)),
            Ended(),
        ]

    def test_a_verdict_has_no_usage(self) -> None:
        body = b'{"id":"modr-1","model":"omni","results":[{"flagged":true,"categories":{}}]}'
        assert list(OPENAI_MODERATIONS.reader().body(body)) == [
            Began(id="modr-1", model="omni"),
            Ended(),
        ]

    @pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"error":{"message":"no"}}'])
    def test_what_is_no_answer_failed(self, body: bytes) -> None:
        (part,) = OPENAI_EMBEDDINGS.reader().body(body)
        assert isinstance(part, Failed)

    @settings(max_examples=60)
    @given(drawn.json_values(), drawn.json_values())
    def test_strange_answers_do_not_raise(self, usage: Any, error: Any) -> None:
        reader = OPENAI_EMBEDDINGS.reader()
        body = json.dumps({"usage": usage, "error": error, "id": usage, "model": error})
        assert reader.body(body.encode())
        assert not reader.event(sse.Event(body, "message", b""))
        assert not reader.end()


class TestEnvelopes:
    @BOTH
    def test_what_is_not_changed_keeps_its_spelling_to_the_byte(self, dialect: Any) -> None:
        sent = dialect.envelope(
            b'{"model":"m","dimensions":1e2,"trimtab":{"a":1},"input":[ "\\u00e9" ]}'
        ).body(model="n")
        fields = msgspec.json.decode(sent, type=dict[str, msgspec.Raw])
        assert {name: bytes(raw) for name, raw in fields.items()} == {
            "model": b'"n"',
            "dimensions": b"1e2",
            "input": b'[ "\\u00e9" ]',
        }

    @BOTH
    @pytest.mark.parametrize("fields", [{"input": None}, {"input": {}}, {"model": 1}])
    def test_a_wrong_field_is_named(self, dialect: Any, fields: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            envelope(dialect, **fields)
        assert caught.value.where == next(iter(fields))

    def test_only_moderations_have_a_default_model(self) -> None:
        assert OPENAI_MODERATIONS.envelope(b'{"input":"q"}').model == DEFAULT_MODEL
        with pytest.raises(InvalidRequest):
            OPENAI_EMBEDDINGS.envelope(b'{"input":"q"}')

    @BOTH
    @pytest.mark.parametrize(
        ("given_input", "contents"),
        [
            ("q", ["q"]),
            (["a", "b"], ["a", "b"]),
            ([1, 2], ["(2 tokens)"]),
            ([[1], [2, 3]], ["(1 tokens)", "(2 tokens)"]),
            ([{"type": "text", "text": "a"}], [[{"type": "text", "text": "a"}]]),
            ([], []),
        ],
    )
    def test_messages_are_the_inputs(
        self, dialect: Any, given_input: Any, contents: list[Any]
    ) -> None:
        messages = dialect.messages(envelope(dialect, input=given_input))
        assert messages == [{"role": "user", "content": content} for content in contents]

    def test_of_many_inputs_the_first_are_on_record(self) -> None:
        many = OPENAI_EMBEDDINGS.messages(envelope(OPENAI_EMBEDDINGS, input=["a"] * 2_000))
        assert len(many) == MAX_INPUTS + 1
        assert many[-1]["content"] == "(1,900 more inputs)"
        long = OPENAI_EMBEDDINGS.messages(
            envelope(OPENAI_EMBEDDINGS, input=["a" * 2 * MAX_INPUT_CHARS, "b"])
        )
        assert [len(message["content"]) for message in long] == [MAX_INPUT_CHARS, 15]


class TestTranslation:
    @BOTH
    def test_there_is_none(self, dialect: Any) -> None:
        asked = envelope(dialect)
        assert not dialect.translates
        refused = pytest.raises(InvalidRequest, match=dialect.name)
        with refused:
            dialect.question(asked)
        with refused:
            dialect.ask(Question(), model="m")
        with refused:
            dialect.writer(asked, id="a", created_s=0)
        with refused:
            dialect.opened(asked, [Message(role="system", content="s")])
        assert dialect.opened(asked, []) == {}
        assert dialect.asking_usage(asked) == {}
        assert json.loads(dialect.error(InvalidRequest("no", where="x")))["error"]["param"] == "x"
