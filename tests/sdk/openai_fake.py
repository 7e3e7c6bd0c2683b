"""The parts of OpenAI's API that the upstream of the tests does not have: responses, embeddings."""

from __future__ import annotations

import json
from typing import Any

from tests.upstream import Answer, Request, chat_completion, chat_stream, event_stream, respond

TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"q": "ports"}'},
}


def openai_api(request: Request) -> Answer:
    body = request.json
    if request.target == "/v1/responses":
        return _response(body)
    if request.target == "/v1/embeddings":
        return _embeddings(body)
    if body.get("tools"):
        return _calling(body)
    if body.get("response_format"):
        return _structured(body)
    return chat_stream(body) if body.get("stream") else chat_completion(body)


def _calling(body: dict[str, Any]) -> Answer:
    if body.get("stream"):
        function = TOOL_CALL["function"]
        assert isinstance(function, dict)
        first = {**TOOL_CALL, "index": 0, "function": {**function, "arguments": '{"q": '}}
        second = {"index": 0, "function": {"arguments": '"ports"}'}}
        deltas = [{"role": "assistant"}, {"tool_calls": [first]}, {"tool_calls": [second]}]
        chunks = [_chunk(body, delta, None) for delta in deltas]
        return event_stream(*chunks, _chunk(body, {}, "tool_calls"), b"data: [DONE]\n\n")
    message = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}
    return _completion(body, message, "tool_calls")


def _structured(body: dict[str, Any]) -> Answer:
    return _completion(body, {"role": "assistant", "content": '{"port": 7711}'}, "stop")


def _completion(body: dict[str, Any], message: dict[str, Any], reason: str) -> Answer:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    return _json({**_ids(body, "chat.completion"), "choices": [choice], "usage": usage})


def _chunk(body: dict[str, Any], delta: dict[str, Any], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {**_ids(body, "chat.completion.chunk"), "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _ids(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": f"{body['model']}-0101"}


def _response(body: dict[str, Any]) -> Answer:
    text = {"type": "output_text", "text": "On 7711.", "annotations": []}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": body["model"],
        "status": "completed",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 11,
            "output_tokens": 3,
            "total_tokens": 14,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens_details": {"reasoning_tokens": 1},
        },
    }
    if not body.get("stream"):
        return _json(whole)
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    started = {**whole, "status": "in_progress", "output": [], "usage": None}
    empty = {**message, "status": "in_progress", "content": []}
    part = {**text, "text": ""}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        {"type": "response.content_part.added", **place, "part": part},
        {"type": "response.output_text.delta", **place, "delta": "On ", "logprobs": []},
        {"type": "response.output_text.delta", **place, "delta": "7711.", "logprobs": []},
        {"type": "response.completed", "response": whole},
    ]
    numbered = [{**event, "sequence_number": n} for n, event in enumerate(events)]
    return event_stream(
        *(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in numbered)
    )


def _embeddings(body: dict[str, Any]) -> Answer:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    return _json({"object": "list", "model": body["model"], "data": data, "usage": usage})


def _json(body: dict[str, Any]) -> Answer:
    return respond(200, json.dumps(body).encode())
