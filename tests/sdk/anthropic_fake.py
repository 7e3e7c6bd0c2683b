"""Anthropic's Messages API on loopback, as far as the client's wiring needs it."""

from __future__ import annotations

import json
from typing import Any

from tests.upstream import Answer, Request, error_json, event_stream, respond

USAGE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 90,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "output_tokens": 7,
}


def messages(request: Request) -> Answer:
    """What an `Upstream` answers to `POST /v1/messages`."""
    body = request.json
    if body["model"] == "absent":
        return error_json(404, "model: absent")
    if body.get("stream"):
        return event_stream(*(_event(event) for event in _events(body)))
    return respond(200, json.dumps({**_message(body), "content": _content()}).encode())


def _message(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": f"{body['model']}-20260101",
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": USAGE,
    }


def _content() -> list[dict[str, Any]]:
    return [
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": "ports"}},
    ]


def _events(body: dict[str, Any]) -> list[dict[str, Any]]:
    start = {**_message(body), "content": [], "stop_reason": None}
    start["usage"] = {**USAGE, "output_tokens": 1}
    text, tool = _content()
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {**text, "text": ""}},
        _delta(0, {"type": "text_delta", "text": "Let me "}),
        _delta(0, {"type": "text_delta", "text": "look."}),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {**tool, "input": {}}},
        _delta(1, {"type": "input_json_delta", "partial_json": '{"q": '}),
        _delta(1, {"type": "input_json_delta", "partial_json": '"ports"}'}),
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 7},
        },
        {"type": "message_stop"},
    ]


def _delta(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _event(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
