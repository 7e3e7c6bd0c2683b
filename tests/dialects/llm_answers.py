"""Answers of each dialect as providers send them, streamed and whole, and readers of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.answer import Fold
from trimtab.dialects.llm.parts import Part, Reasoning
from trimtab.kit import sse

CHAT, MESSAGES = "openai.chat", "anthropic.messages"


class Answer(NamedTuple):
    dialect: str
    whole: dict[str, Any]
    streamed: bytes


def parts_of(dialect: str, stream: bytes, *, step: int | None = None) -> list[Part]:
    """What a stream says that arrives in pieces of so many bytes, and ends."""
    reader, decoder = DIALECTS[dialect].reader(), sse.Decoder()
    step = step or max(1, len(stream))
    pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*(part for event in events for part in reader.event(event)), *reader.end()]


def whole_parts(dialect: str, body: bytes) -> list[Part]:
    return list(DIALECTS[dialect].reader().body(body))


def said(parts: Iterable[Part]) -> dict[str, Any]:
    """What a record says of an answer, and what must go back to the provider."""
    parts = list(parts)
    fold = Fold()
    fold.take(parts)
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    return {
        "message": fold.message,
        "usage": fold.usage,
        "reason": fold.finished and (fold.finished.reason, fold.finished.stop_sequence),
        "id": fold.id,
        "model": fold.model,
        "seals": [part.signature for part in thoughts if part.signature],
        "redacted": [part.redacted for part in thoughts if part.redacted],
        "complete": fold.complete,
        "error": fold.error,
    }


# -- chat completions --------------------------------------------------------------------------

_USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
_CALLS = [("call_a", "weather", '{"city":"Zürich"}'), ("call_b", "time", '{"zone":"CET"}')]


def _chunk(delta: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    finish = fields.pop("finish", None)
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "gpt-x"}
    return {**head, "choices": choices, **fields}


def _sse(chunks: Iterable[dict[str, Any]], *, done: bool = True) -> bytes:
    events = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return "".join([*events, "data: [DONE]\n\n" if done else ""]).encode()


def _completion(message: dict[str, Any], finish: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "gpt-x"}
    return {**head, "choices": [choice], "usage": _USAGE}


def _wire_call(place: int, **fields: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": place, **fields}]}


def _head(place: int) -> dict[str, Any]:
    key, name, _ = _CALLS[place]
    return _wire_call(place, id=key, type="function", function={"name": name, "arguments": ""})


def _rest(place: int, start: int, end: int | None = None) -> dict[str, Any]:
    return _wire_call(place, function={"arguments": _CALLS[place][2][start:end]})


_HELLO = [_chunk({"role": "assistant", "content": ""}), _chunk({"content": "Grüezi "})]
_TEXT = _completion({"content": "Grüezi 🙂"}, "stop")
_TOOLS = _completion(
    {
        "content": None,
        "reasoning_content": "Two questions.",
        "tool_calls": [
            {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}
            for key, name, arguments in _CALLS
        ],
    },
    "tool_calls",
)
_THOUGHT = [_chunk({"role": "assistant"}), _chunk({"reasoning_content": "Two questions."})]
_AZURE = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}


def _chat(whole: dict[str, Any], chunks: list[dict[str, Any]], **how: Any) -> Answer:
    return Answer(CHAT, whole, _sse(chunks, **how))


_LAST = _chunk({"content": "🙂"}, finish="stop")
_SEQUENTIAL = [_head(0), _rest(0, 0, 5), _rest(0, 5), _head(1), _rest(1, 0)]
_INTERLEAVED = [_head(0), _head(1), _rest(0, 0, 3), _rest(1, 0, 9), _rest(0, 3), _rest(1, 9)]
_FINISH = [_chunk({}, finish="tool_calls"), _chunk(None, usage=_USAGE)]

CHAT_ANSWERS = {
    "usage in a chunk of its own": _chat(_TEXT, [*_HELLO, _LAST, _chunk(None, usage=_USAGE)]),
    "usage with the last choice": _chat(_TEXT, [*_HELLO, {**_LAST, "usage": _USAGE}]),
    "usage growing in every chunk": _chat(
        _TEXT,
        [
            {**chunk, "usage": {**_USAGE, "completion_tokens": tokens, "total_tokens": 0}}
            for tokens, chunk in zip((0, 6, 12), [*_HELLO, _LAST], strict=True)
        ],
    ),
    "Azure's empty first chunk": _chat(_TEXT, [_AZURE, *_HELLO, _LAST, _chunk(None, usage=_USAGE)]),
    "no terminator": _chat(_TEXT, [*_HELLO, _LAST, _chunk(None, usage=_USAGE)], done=False),
    "calls one after another": _chat(_TOOLS, [*_THOUGHT, *map(_chunk, _SEQUENTIAL), *_FINISH]),
    "calls in turns": _chat(_TOOLS, [*_THOUGHT, *map(_chunk, _INTERLEAVED), *_FINISH]),
    "calls that end with stop": _chat(
        _TOOLS,
        [
            *_THOUGHT,
            *map(_chunk, _SEQUENTIAL),
            _chunk({}, finish="stop"),
            _chunk(None, usage=_USAGE),
        ],
    ),
    "calls that all have one index": _chat(
        _TOOLS,
        [
            *_THOUGHT,
            *(
                _chunk(_wire_call(0, id=key, function={"name": name, "arguments": arguments}))
                for key, name, arguments in _CALLS
            ),
            *_FINISH,
        ],
    ),
}

# -- messages ----------------------------------------------------------------------------------

_START_USAGE = {
    "input_tokens": 30,
    "cache_creation_input_tokens": 70,
    "cache_read_input_tokens": 11,
    "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 20},
    "output_tokens": 1,
    "service_tier": "standard",
}


def _message(content: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x"}
    usage = {**_START_USAGE, "output_tokens": 25}
    return {**head, "content": content, "stop_sequence": None, "usage": usage, **fields}


def _blocks(
    *blocks: tuple[dict[str, Any], list[dict[str, Any]]],
    stop: dict[str, Any],
    usage: dict[str, Any] | None = None,
) -> bytes:
    message = _message([], stop_reason=None) | {"usage": _START_USAGE}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "ping"})
        events += [
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        ]
        events.append({"type": "content_block_stop", "index": index})
    last = {"stop_sequence": None, **stop}
    usage = usage or {"output_tokens": 25}
    events.append({"type": "message_delta", "delta": last, "usage": usage})
    events.append({"type": "message_stop"})
    lines = [
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
        for event in events
    ]
    return "".join(lines).encode()


def _deltas(kind: str, name: str, *pieces: str) -> list[dict[str, Any]]:
    return [{"type": kind, name: piece} for piece in pieces]


_TEXT_BLOCK = (
    {"type": "text", "text": ""},
    _deltas("text_delta", "text", "Grüezi ", "🙂"),
)
_THINKING_BLOCK = (
    {"type": "thinking", "thinking": "", "signature": ""},
    [
        *_deltas("thinking_delta", "thinking", "Two ", "questions."),
        {"type": "signature_delta", "signature": "c2VhbA=="},
    ],
)
_REDACTED = {"type": "redacted_thinking", "data": "b3BhcXVl"}
_TOOL_BLOCKS = [
    (
        {"type": "tool_use", "id": "toolu_a", "name": "weather", "input": {}},
        _deltas("input_json_delta", "partial_json", "", '{"city":"Z', 'ürich"}'),
    ),
    ({"type": "tool_use", "id": "toolu_b", "name": "now", "input": {}}, []),
]
_SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
_FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
_GROWN = {**_START_USAGE, "input_tokens": 90, "cache_creation_input_tokens": 100}

MESSAGES_ANSWERS = {
    "text": Answer(
        MESSAGES,
        _message([{"type": "text", "text": "Grüezi 🙂"}], stop_reason="end_turn"),
        _blocks(_TEXT_BLOCK, stop={"stop_reason": "end_turn"}),
    ),
    "a stop sequence": Answer(
        MESSAGES,
        _message(
            [{"type": "text", "text": "Grüezi 🙂"}],
            stop_reason="stop_sequence",
            stop_sequence="END",
        ),
        _blocks(_TEXT_BLOCK, stop={"stop_reason": "stop_sequence", "stop_sequence": "END"}),
    ),
    "a refusal": Answer(
        MESSAGES, _message([], stop_reason="refusal"), _blocks(stop={"stop_reason": "refusal"})
    ),
    "thinking, text and calls": Answer(
        MESSAGES,
        _message(
            [
                {"type": "thinking", "thinking": "Two questions.", "signature": "c2VhbA=="},
                _REDACTED,
                {"type": "text", "text": "Grüezi 🙂"},
                {
                    "type": "tool_use",
                    "id": "toolu_a",
                    "name": "weather",
                    "input": {"city": "Zürich"},
                },
                {"type": "tool_use", "id": "toolu_b", "name": "now", "input": {}},
            ],
            stop_reason="tool_use",
        ),
        _blocks(
            _THINKING_BLOCK,
            (_REDACTED, []),
            _TEXT_BLOCK,
            *_TOOL_BLOCKS,
            stop={"stop_reason": "tool_use"},
        ),
    ),
    "the provider's own tool": Answer(
        MESSAGES,
        _message(
            [
                {**_SEARCH, "input": {"query": "x"}},
                _FOUND,
                {"type": "text", "text": "Grüezi 🙂"},
            ],
            stop_reason="pause_turn",
        )
        | {"usage": {**_GROWN, "output_tokens": 25}},
        _blocks(
            (_SEARCH, _deltas("input_json_delta", "partial_json", '{"query":', '"x"}')),
            (_FOUND, []),
            _TEXT_BLOCK,
            stop={"stop_reason": "pause_turn"},
            usage={
                "input_tokens": 90,
                "cache_creation_input_tokens": 100,
                "output_tokens": 25,
            },
        ),
    ),
}

ANSWERS = {f"chat: {name}": answer for name, answer in CHAT_ANSWERS.items()} | {
    f"messages: {name}": answer for name, answer in MESSAGES_ANSWERS.items()
}
