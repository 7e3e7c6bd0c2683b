"""The model provider of the story: answers chat completions and embeddings as OpenAI would.

One answer and one usage for everybody: 120 tokens in, 20 of them cached; 30 out, 10 of them
reasoning. A request that offers tools is answered with a call of each, until they have answered.
"""

from __future__ import annotations

import json
from typing import Any

from tests.compat.emitters import story
from tests.upstream import Answer, Request, error_json, respond

CALLS = {story.TOOL: story.ARGUMENTS, story.FAILING: story.CARD}


def answer(request: Request) -> Answer:
    """The handler of an `Upstream`."""
    if request.target.endswith("/embeddings"):
        return respond(body=json.dumps(_embedding()).encode(), reason="OK")
    if not request.target.endswith("/chat/completions"):
        return error_json(404, f"Unknown request URL: {request.method} {request.target}")
    body = request.json
    calls_tools = "tools" in body and all(m["role"] != "tool" for m in body["messages"])
    message = _tool_calls() if calls_tools else {"content": story.ANSWER}
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "refusal": None, **message},
                "logprobs": None,
                "finish_reason": "tool_calls" if calls_tools else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": story.INPUT_TOKENS,
            "completion_tokens": story.OUTPUT_TOKENS,
            "total_tokens": story.INPUT_TOKENS + story.OUTPUT_TOKENS,
            "prompt_tokens_details": {"cached_tokens": story.CACHED_TOKENS, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": story.REASONING_TOKENS,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }
    return respond(body=json.dumps(completion).encode(), reason="OK")


def _tool_calls() -> dict[str, Any]:
    calls = [
        {
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for index, (name, arguments) in enumerate(CALLS.items())
    ]
    return {"content": None, "tool_calls": calls}


def _embedding() -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25, -0.125]}],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }
