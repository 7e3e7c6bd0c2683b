"""Where caller and provider speak one dialect, what passes is the bytes that came."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from tests.gateway.answers import ANSWERS, CHAT, MESSAGES, RESPONSES
from tests.gateway.gateway import Room, question
from tests.gateway.upstream import KEY, stream_of, whole_of

PROVIDERS = {CHAT: "oa", RESPONSES: "oa", MESSAGES: "an"}
_FIELDS = dict[str, msgspec.Raw]
USAGE = {"stream_options": {"include_usage": True}}


def named(model: str) -> str:
    return f"{PROVIDERS[ANSWERS[model].dialect]}/{model}"


@pytest.mark.parametrize("model", ANSWERS)
class TestAnswers:
    def test_a_whole_answer_passes_byte_for_byte(self, shared: Room, model: str) -> None:
        dialect = ANSWERS[model].dialect
        reply = shared.ask(dialect, question(named(model), dialect))
        assert (reply.status, reply.body) == (200, whole_of(model))
        assert reply.headers["content-type"] == "application/json"

    def test_a_stream_passes_byte_for_byte(self, shared: Room, model: str) -> None:
        dialect = ANSWERS[model].dialect
        asking = USAGE if dialect == CHAT else {}
        reply = shared.ask(dialect, question(named(model), dialect, stream=True, **asking))
        assert (reply.status, reply.body) == (200, stream_of(model))
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["cache-control"] == "no-cache"
        assert reply.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in reply.headers
        assert shared.call(reply)["status"] == "ok"


# -- what a caller did not ask for -------------------------------------------------------------


CHATS = [name for name, one in ANSWERS.items() if one.dialect == CHAT]


@pytest.mark.parametrize("model", CHATS)
def test_only_the_event_of_usage_is_taken_from_who_did_not_ask_for_it(
    shared: Room, model: str
) -> None:
    reply = shared.ask(CHAT, question(named(model), stream=True))
    events = re.findall(rb".*?(?:\r\n\r\n|\n\n)", stream_of(model), re.DOTALL)
    assert reply.body == b"".join(event for event in events if not is_usage(event))
    assert shared.call(reply)["usage"]["estimated"] is False, "it was asked for all the same"


def is_usage(event: bytes) -> bool:
    """Whether an event has usage and an empty list of choices, which old clients trip over."""
    data = b"".join(line.removeprefix(b"data:") for line in event.splitlines())
    try:
        said = json.loads(data)
    except ValueError:
        return False
    return bool(said.get("usage")) and said["choices"] == []


def test_a_null_stays_where_it_was(shared: Room) -> None:
    reply = shared.ask(CHAT, question("oa/plain", stream=True))
    assert reply.body.count(b'"finish_reason" : null') == 3


# -- requests ----------------------------------------------------------------------------------

RAW = {
    "messages": b'[ {"role":"user", "content":"Gr\xc3\xbcezi \\u2028 \\ud83d\\ude42", "x":1.0} ]',
    "temperature": b"0.70",
    "seed": b"123456789012345678901234567890",
    "x_huge": b"1e400",
    "x_small": b"-0.0",
    "metadata": b'{ "b" : 1,"a":[ ] , "b2":null }',
}
THOUGHTS = {
    "max_tokens": b"1000",
    "messages": b'[{"role":"user","content":"?"},\n {"role":"assistant","content":['
    b'{"type":"thinking","thinking":"Zwei\\u2028 \xe2\x80\xa6","signature":"AA\\/+b=="},'
    b' {"type" : "redacted_thinking", "data":"bb\\u003d"}]},{"role":"user","content":"!"}]',
    "thinking": b'{"type":"enabled",  "budget_tokens":1024}',
    "x_exact": b"100000000000000000000000000001",
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("dialect", "model", "raw"), [(CHAT, "oa/plain", RAW), (MESSAGES, "an/thinking", THOUGHTS)]
)
def test_the_fields_of_a_request_reach_the_provider_byte_for_byte(
    shared: Room, dialect: str, model: str, raw: dict[str, bytes], stream: bool
) -> None:
    mark = f'"mark-{dialect}-{stream}"'.encode()
    fields = {"model": b'"%b"' % model.encode(), "user": mark, **raw}
    if stream:
        fields["stream"] = b"true"
    body = b"{" + b" ,".join(b'"%b":%b' % (k.encode(), v) for k, v in fields.items()) + b"}"
    assert shared.ask(dialect, body).status == 200
    (request,) = shared.sent(mark.decode())
    sent = {
        name: bytes(value)
        for name, value in msgspec.json.decode(request.body, type=_FIELDS).items()
    }
    expected = {**fields, "model": b'"%b"' % model.partition("/")[2].encode()}
    if stream and dialect == CHAT:
        assert sent.pop("stream_options") == b'{"include_usage":true}'
    assert sent == expected


def test_what_the_caller_says_about_itself_and_its_key_do_not_reach_the_provider(
    shared: Room,
) -> None:
    body = question("an/thinking", MESSAGES, metadata={"mark": "mark-headers"})
    shared.ask(
        MESSAGES,
        body,
        x_trimtab_user="u-7",
        x_custom="one",
        cookie="session=1",
        anthropic_beta="context-1m",
        anthropic_version="2023-01-01",
    )
    (request,) = shared.sent("mark-headers")
    assert request.headers["x-api-key"] == KEY
    assert request.headers["anthropic-beta"] == "context-1m"
    assert request.headers["anthropic-version"] == "2023-01-01"
    assert not {"authorization", "x-trimtab-user", "x-custom", "cookie"} & request.headers.keys()


def test_the_providers_credential_is_nowhere_in_an_answer(shared: Room) -> None:
    reply = shared.ask(CHAT, question("oa/plain"))
    assert KEY not in str(reply.headers) + reply.body.decode()
    assert "set-cookie" not in reply.headers
