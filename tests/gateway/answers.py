"""Answers of providers byte by byte, whole and streamed; a model of `upstream` for each.

Those of `tests.dialects.llm_answers`, and more that are about bytes: comments and other line ends,
data in several lines, fields that nobody knows, numbers that no float holds.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from tests.dialects.llm_answers import ANSWERS as COMMON

CHAT, MESSAGES, RESPONSES = "openai.chat", "anthropic.messages", "openai.responses"
LONG = "Zürich 🇨🇭 — 日本語のテキスト 👩‍👩‍👧‍👦 \u2028 end. " * 400
EXACT = b'"x_exact": 123456789012345678901234567890, "x_huge": 1e400, "x_price": 0.10'
SIGNATURE = "RXFRQ0NrWUlCaGdDS2tE" * 40 + "=="


class Bytes(NamedTuple):
    """One answer in both forms."""

    dialect: str
    whole: bytes
    stream: bytes


def _dump(value: Any) -> bytes:
    """JSON spaced as no encoder of ours would space it, so that rewriting it would show."""
    return json.dumps(value, ensure_ascii=False, separators=(" ,", " : ")).encode()


def _event(value: Any, *, end: bytes = b"\n", name: str | None = None) -> bytes:
    head = b"event: " + name.encode() + end if name else b""
    return head + b"data: " + _dump(value) + end + end


_HEAD = {"id": "chatcmpl-9", "created": 1_700_000_000, "model": "gpt-x-2026"}
_USAGE = {"prompt_tokens": 1200, "completion_tokens": 340, "total_tokens": 1540}
_DONE = b"data: [DONE]\n\n"


def _completion(message: dict[str, Any], finish: str = "stop", **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    head = {**_HEAD, "object": "chat.completion"}
    return {**head, "choices": [choice], "usage": _USAGE, **fields}


def _chunks(*deltas: dict[str, Any], finish: str = "stop", **fields: Any) -> list[dict[str, Any]]:
    head = {**_HEAD, "object": "chat.completion.chunk", **fields}
    said = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in ({"role": "assistant", "content": ""}, *deltas)
    ]
    last = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    return [*said, last, {**head, "choices": [], "usage": _USAGE}]


def _stream(chunks: list[dict[str, Any]], *, end: bytes = b"\n") -> bytes:
    return b"".join(_event(chunk, end=end) for chunk in chunks) + b"data: [DONE]" + end + end


def _lines(value: Any) -> bytes:
    """One event whose data stands in several lines, as the standard allows."""
    text = json.dumps(value, ensure_ascii=False, indent=1).encode()
    return b"".join(b"data:" + line + b"\n" for line in text.splitlines()) + b"\n"


_WORDS = re.findall(r".{1,97}", LONG, re.DOTALL)
_KNOWN = {"content": "Hello", "x_annotations": [{"url": "https://example.com/ü"}]}
_UNKNOWN_CHUNKS = _chunks({"content": "Hel", "x_mood": "fine"}, {"content": "lo"}, x_tier="gold")
_CITY = '{"city":"Zürich","degrees":7}'

_CHAT = {
    "plain": (
        _dump(_completion({"content": "Hello"})),
        _stream(_chunks({"content": "Hel"}, {"content": "lo"})),
    ),
    "keep alive": (
        _dump(_completion({"content": "Hello"})),
        b": connected\n\n"
        + b": keep-alive\r\n\r\n".join(
            _event(chunk, end=b"\r\n") for chunk in _chunks({"content": "Hel"}, {"content": "lo"})
        )
        + b": last\n\n"
        + _DONE,
    ),
    "several lines": (
        _dump(_completion({"content": "Hello"})),
        b"".join(map(_lines, _chunks({"content": "Hel"}, {"content": "lo"}))) + _DONE,
    ),
    "long unicode": (
        _dump(_completion({"content": LONG})),
        _stream(_chunks(*({"content": piece} for piece in _WORDS))),
    ),
    "unknown fields": (
        _dump(_completion(_KNOWN, x_tier="gold"))[:-1] + b" , " + EXACT + b"}",
        _stream(_UNKNOWN_CHUNKS).replace(b'"gold"', b'"gold", ' + EXACT),
    ),
    "structured": (
        _dump(_completion({"content": _CITY})),
        _stream(_chunks({"content": _CITY[:9]}, {"content": _CITY[9:]})),
    ),
    "declined": (
        _dump(_completion({"content": None, "refusal": "No."})),
        _stream(_chunks({"refusal": "N"}, {"refusal": "o."})),
    ),
}

_THINKING = {
    "id": "msg_9",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "Zwei \u2028 Fragen…", "signature": SIGNATURE},
        {"type": "redacted_thinking", "data": SIGNATURE[::-1]},
        {"type": "text", "text": "Hello"},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1200, "cache_read_input_tokens": 800, "output_tokens": 340},
}


def _thinking_stream() -> bytes:
    start = {**_THINKING, "content": [], "stop_reason": None}
    start["usage"] = {"input_tokens": 1200, "cache_read_input_tokens": 800, "output_tokens": 1}
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                {"type": "thinking_delta", "thinking": "Zwei \u2028 "},
                {"type": "thinking_delta", "thinking": "Fragen…"},
                {"type": "signature_delta", "signature": SIGNATURE},
            ],
        ),
        ({"type": "redacted_thinking", "data": SIGNATURE[::-1]}, []),
        (
            {"type": "text", "text": ""},
            [{"type": "text_delta", "text": "Hel"}, {"type": "text_delta", "text": "lo"}],
        ),
    ]
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": _THINKING["usage"]})
    events.append({"type": "message_stop"})
    return b"".join(_event(event, name=event["type"]) for event in events)


_RESPONSE: dict[str, Any] = {
    "id": "resp_9",
    "object": "response",
    "created_at": 1_700_000_000,
    "model": "gpt-x-2026",
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "x_tier": "gold",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 1200,
        "input_tokens_details": {"cached_tokens": 800},
        "output_tokens": 340,
        "output_tokens_details": {"reasoning_tokens": 40},
        "total_tokens": 1540,
    },
}


def _response_stream() -> bytes:
    begun = {**_RESPONSE, "status": "in_progress", "output": [], "usage": None}
    item = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant"}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": []}
    part = {**empty, "text": "Hello"}
    whole_item = _RESPONSE["output"][0]
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "content": []},
        },
        {"type": "response.content_part.added", **where, "part": empty},
        {"type": "response.output_text.delta", **where, "delta": "Hel", "logprobs": []},
        {"type": "response.output_text.delta", **where, "delta": "lo", "logprobs": []},
        {"type": "response.output_text.done", **where, "text": "Hello", "logprobs": []},
        {"type": "response.content_part.done", **where, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": whole_item},
        {"type": "response.completed", "response": _RESPONSE},
    ]
    return b"".join(
        _event({**event, "sequence_number": place}, name=event["type"])
        for place, event in enumerate(events)
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


ANSWERS: dict[str, Bytes] = {
    **{
        _slug(name): Bytes(one.dialect, _dump(one.whole), one.streamed)
        for name, one in COMMON.items()
        if one.dialect in (CHAT, MESSAGES)
    },
    **{_slug(name): Bytes(CHAT, *both) for name, both in _CHAT.items()},
    "thinking": Bytes(MESSAGES, _dump(_THINKING), _thinking_stream()),
    "response": Bytes(RESPONSES, _dump(_RESPONSE), _response_stream()),
}
"""By the name of the model."""
