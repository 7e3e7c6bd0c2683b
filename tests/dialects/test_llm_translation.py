"""Answers translated between the dialects of OpenAI and Anthropic, read by their real clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects.llm_answers import (
    ANSWERS,
    CHAT,
    CHAT_ANSWERS,
    MESSAGES,
    MESSAGES_ANSWERS,
    Answer,
    parts_of,
    said,
    whole_parts,
)
from tests.dialects.test_llm_answers import answers

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.parts import Part
from trimtab.gateway.relay import Piece, Relay
from trimtab.kit import sse

OTHER = {CHAT: MESSAGES, MESSAGES: CHAT}
ASKED = Envelope(model="asked-for", wants_usage=True)
NOTHING_LIKE_IT = {"server_tool_use", "web_search_tool_result"}


def relay(source: str, asked: Envelope = ASKED) -> Relay:
    """What stands between a provider and a caller of the other dialect."""
    writer = DIALECTS[OTHER[source]].writer(asked, id="own-id", created_s=7)
    return Relay(DIALECTS[source].reader(), writer, hides_usage=not asked.wants_usage)


def streamed(answer: Answer) -> bytes:
    """The answer's stream in the other dialect."""
    between = relay(answer.dialect)
    return joined(between.feed(answer.streamed)) + joined(between.end())


def joined(pieces: Iterable[Piece]) -> bytes:
    return b"".join(piece.data for piece in pieces)


def whole(answer: Answer) -> bytes:
    return relay(answer.dialect).whole(json.dumps(answer.whole).encode())


def meaning(read: dict[str, Any]) -> dict[str, Any]:
    """What both dialects can say of an answer: not where its text and its refusal part."""
    usage = read["usage"]
    return {
        **{key: read[key] for key in ("message", "id", "model", "seals", "redacted", "complete")},
        "reason": {"pause": "stop", "refusal": "content_filter"}.get(*[read["reason"][0]] * 2),
        "input": usage.total_input,
        "cached": usage.cache_read,
        "written": usage.cache_write_5m + usage.cache_write_1h,
        "output": (usage.output, usage.reasoning),
    }


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
class TestEveryAnswer:
    def test_a_translated_stream_means_the_same(self, answer: Answer) -> None:
        before = meaning(said(parts_of(answer.dialect, answer.streamed)))
        assert meaning(said(parts_of(OTHER[answer.dialect], streamed(answer)))) == before

    def test_a_translated_body_means_the_same(self, answer: Answer) -> None:
        before = meaning(said(parts_of(answer.dialect, answer.streamed)))
        assert meaning(said(whole_parts(OTHER[answer.dialect], whole(answer)))) == before

    def test_it_is_written_piece_by_piece_as_it_comes(self, answer: Answer) -> None:
        between = relay(answer.dialect)
        pieces = [piece for byte in answer.streamed for piece in between.feed(bytes([byte]))]
        pieces += between.end()
        assert joined(pieces) == streamed(answer)
        kept = [part for piece in pieces for part in piece.parts]
        assert kept == parts_of(answer.dialect, answer.streamed)
        assert not set(between.lost) - NOTHING_LIKE_IT - {"pause"}


@given(st.data())
@settings(deadline=None)
def test_any_chat_answer_is_a_well_formed_stream_of_messages(data: st.DataObject) -> None:
    check_order(written(MESSAGES, data.draw(answers(CHAT))))


@pytest.mark.parametrize("answer", CHAT_ANSWERS.values(), ids=CHAT_ANSWERS)
def test_a_translated_answer_is_a_well_formed_stream_of_messages(answer: Answer) -> None:
    check_order([json.loads(event.data or "") for event in sse.Decoder().feed(streamed(answer))])


def written(dialect: str, parts: list[Part]) -> list[dict[str, Any]]:
    writer = DIALECTS[dialect].writer(ASKED, id="own-id", created_s=7)
    stream = b"".join([writer.stream(part) for part in parts])
    return [json.loads(event.data or "") for event in sse.Decoder().feed(stream)]


ALLOWED = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "redacted_thinking": set[str](),
}


def check_order(events: list[dict[str, Any]]) -> None:
    """message_start, blocks one after another, one message_delta, message_stop."""
    kinds = [event["type"] for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_delta") == kinds.count("message_start") == 1
    block, deltas, following = None, [], 0
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert block is None
            assert event["index"] == following
            block, deltas = event["content_block"]["type"], []
        elif event["type"] == "content_block_delta":
            assert event["index"] == following
            deltas.append(event["delta"]["type"])
            assert deltas[-1] in ALLOWED[block or ""]
        else:
            assert event == {"type": "content_block_stop", "index": following}
            if block == "thinking":
                assert deltas[-1] == "signature_delta"
                assert deltas.count("signature_delta") == 1
            block, following = None, following + 1
    assert block is None


# -- real clients ------------------------------------------------------------------------------


class Serving(ThreadingHTTPServer):
    """Answers every request with one body, whatever it asks."""

    daemon_threads = True
    content: bytes
    media_type: str
    asked: dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    server: Serving

    def do_POST(self) -> None:
        self.server.asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", self.server.media_type)
        self.send_header("content-length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(content: bytes, media_type: str = "text/event-stream") -> Iterator[str]:
    with Serving(("127.0.0.1", 0), Handler) as server:
        server.content, server.media_type = content, media_type
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


ASK: Any = [{"role": "user", "content": "x"}]


def anthropic_message(content: bytes, *, stream: bool) -> dict[str, Any]:
    """What the real client makes of an answer."""
    kind = "text/event-stream" if stream else "application/json"
    with (
        serving(content, kind) as url,
        anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as client,
    ):
        if not stream:
            return client.messages.create(model="m", max_tokens=9, messages=ASK).to_dict()
        with client.messages.stream(model="m", max_tokens=9, messages=ASK) as streaming:
            return streaming.get_final_message().to_dict()


def openai_completion(content: bytes, *, stream: bool) -> dict[str, Any]:
    kind = "text/event-stream" if stream else "application/json"
    with (
        serving(content, kind) as url,
        openai.OpenAI(api_key="k", base_url=url, max_retries=0) as client,
    ):
        if not stream:
            return client.chat.completions.create(model="m", messages=ASK).to_dict()
        with client.chat.completions.stream(
            model="m", messages=ASK, stream_options={"include_usage": True}
        ) as streaming:
            return streaming.get_final_completion().to_dict()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("answer", CHAT_ANSWERS.values(), ids=CHAT_ANSWERS)
def test_anthropics_client_reads_a_chat_answer(answer: Answer, stream: bool) -> None:
    message = anthropic_message(streamed(answer) if stream else whole(answer), stream=stream)
    assert message["model"] == "gpt-x"
    assert message["usage"]["input_tokens"] == 12
    assert message["usage"]["cache_read_input_tokens"] == 8
    assert message["usage"]["output_tokens"] == 12
    if "calls" not in answer.whole["choices"][0]["finish_reason"]:
        assert message["stop_reason"] == "end_turn"
        assert [block["text"] for block in message["content"]] == ["Grüezi 🙂"]
        return
    assert message["stop_reason"] == "tool_use"
    thought, *calls = message["content"]
    assert (thought["type"], thought["thinking"]) == ("thinking", "Two questions.")
    assert [(call["id"], call["name"], call["input"]) for call in calls] == [
        ("call_a", "weather", {"city": "Zürich"}),
        ("call_b", "time", {"zone": "CET"}),
    ]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_openais_client_reads_an_answer_with_thinking_and_calls(stream: bool) -> None:
    answer = MESSAGES_ANSWERS["thinking, text and calls"]
    completion = openai_completion(streamed(answer) if stream else whole(answer), stream=stream)
    (choice,) = completion["choices"]
    message = choice["message"]
    assert choice["finish_reason"] == "tool_calls"
    assert message["content"] == "Grüezi 🙂"
    assert message["reasoning_content"] == "Two questions."
    assert [call["function"] | {"id": call["id"]} for call in message["tool_calls"]] == [
        {"id": "toolu_a", "name": "weather", "arguments": '{"city":"Zürich"}'}
        | ({"parsed_arguments": None} if stream else {}),
        {"id": "toolu_b", "name": "now", "arguments": "{}"}
        | ({"parsed_arguments": None} if stream else {}),
    ]
    seals = [block.get("signature") or block.get("data") for block in message["thinking_blocks"]]
    assert seals == ["c2VhbA==", "b3BhcXVl"]
    usage = completion["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (111, 25)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 11


@pytest.mark.parametrize(("name", "reason"), [("text", "stop"), ("a refusal", "content_filter")])
def test_openais_client_reads_why_an_answer_ended(name: str, reason: str) -> None:
    content = whole(MESSAGES_ANSWERS[name])
    assert openai_completion(content, stream=False)["choices"][0]["finish_reason"] == reason


def test_openais_client_without_usage_gets_no_chunk_without_choices() -> None:
    answer = MESSAGES_ANSWERS["text"]
    asked = Envelope(model="m", wants_usage=False)
    stream = joined(relay(MESSAGES, asked).feed(answer.streamed))
    assert stream.endswith(b"data: [DONE]\n\n")
    *chunks, _ = [event.data for event in sse.Decoder().feed(stream)]
    assert all(json.loads(chunk or "")["choices"] for chunk in chunks)
    assert all("finish_reason" in json.loads(chunk or "")["choices"][0] for chunk in chunks)


def test_an_error_in_the_middle_is_an_error_in_both_clients() -> None:
    failed = b'data: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n'
    chat = Answer(CHAT, {}, b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' + failed)
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        anthropic_message(streamed(chat), stream=True)
    start = MESSAGES_ANSWERS["text"].streamed.split(b"event: content_block_stop")[0]
    error = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    messages = Answer(MESSAGES, {}, start + b"event: error\ndata: " + error + b"\n\n")
    with pytest.raises(openai.APIError, match="Overloaded"):
        openai_completion(streamed(messages), stream=True)
