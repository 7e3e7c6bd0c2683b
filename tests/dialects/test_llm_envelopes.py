"""Requests as they come: what every call needs is read, the rest keeps its bytes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects.test_llm_questions import CHAT, MESSAGES, chat, messages, to, user

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Ended, Failed, Used
from trimtab.errors import (
    Blocked,
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

    @pytest.mark.parametrize(
        ("dialect", "fields", "choices"),
        [
            ("openai.chat", {}, 1),
            ("openai.chat", {"n": None}, 1),
            ("openai.chat", {"n": 3}, 3),
            ("openai.chat", {"n": -3}, 1),
            ("openai.chat", {"n": "3"}, 1),
            ("openai.chat", {"n": True}, 1),
            ("openai.completions", {"n": 2, "best_of": 5}, 5),
            ("openai.completions", {"prompt": ["a", "b"], "n": 2}, 4),
            ("openai.completions", {"prompt": [1, 2, 3]}, 1),
            ("openai.completions", {"prompt": [[1], [2, 3]]}, 2),
            ("openai.embeddings", {"input": ["a", "b"]}, 0),
        ],
    )
    def test_how_many_answers_are_asked_for(
        self, dialect: str, fields: dict[str, Any], choices: int
    ) -> None:
        least: dict[str, dict[str, Any]] = {
            "openai.chat": {"messages": [{"role": "user", "content": "x"}]},
            "openai.completions": {"prompt": "x"},
            "openai.embeddings": {"input": "x"},
        }
        body = json.dumps({"model": "m", **least[dialect], **fields}).encode()
        assert DIALECTS[dialect].envelope(body).choices == choices

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
        (Blocked("x"), "invalid_request_error"),
        (Unauthenticated("x"), "authentication_error"),
        (Forbidden("x"), "permission_error"),
        (NotFound("x"), "not_found_error"),
        (TooLarge("x"), "request_too_large"),
        (RateLimited("x"), "rate_limit_error"),
        (Overloaded("x"), "overloaded_error"),
        (ProviderTimeout("x"), "timeout_error"),
        (ProviderError("x"), "api_error"),
        *(
            (ProviderError("x", status=status), kind)
            for status, kind in (
                (400, "invalid_request_error"),
                (401, "authentication_error"),
                (403, "permission_error"),
                (404, "not_found_error"),
                (413, "request_too_large"),
                (422, "invalid_request_error"),
                (429, "rate_limit_error"),
                (500, "api_error"),
                (529, "overloaded_error"),
            )
        ),
    ],
)
def test_an_error_of_messages_has_the_kind_that_clients_know(
    error: TrimtabError, kind: str
) -> None:
    body = DIALECTS[MESSAGES].error(error)
    said = {"type": kind, "code": error.code, "message": "x"}
    assert json.loads(body) == {"type": "error", "error": said}
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
