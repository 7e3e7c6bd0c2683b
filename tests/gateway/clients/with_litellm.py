"""What LiteLLM says as a client of the gateway, in both dialects, as one line of JSON."""

import json
import os
import sys
from typing import Any

import litellm

URL, KEY = os.environ["URL"], os.environ["KEY"]
HELLO = [{"role": "user", "content": "Hello?"}]
BASES = {"openai": f"{URL}/v1", "anthropic": URL}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def ask(dialect: str, model: str, **fields: Any) -> Any:
    return litellm.completion(
        model=f"{dialect}/{model}",
        api_base=BASES[dialect],
        api_key=KEY,
        messages=HELLO,
        num_retries=0,
        max_retries=0,
        **fields,
    )


def streamed(dialect: str, model: str, **fields: Any) -> Any:
    options = {"include_usage": True}
    chunks = list(ask(dialect, model, stream=True, stream_options=options, **fields))
    return litellm.stream_chunk_builder(chunks, messages=HELLO)


def told(answer: Any) -> list[Any]:
    choice, usage = answer.choices[0], answer.usage
    return [
        choice.message.content,
        choice.finish_reason,
        usage.prompt_tokens,
        usage.completion_tokens,
    ]


def calls(answer: Any) -> list[Any]:
    return [
        [call.function.name, json.loads(call.function.arguments or "{}")]
        for call in answer.choices[0].message.tool_calls
    ]


def failed(dialect: str, model: str) -> str:
    try:
        ask(dialect, model)
    except Exception as error:
        return type(error).__name__
    return ""


found: dict[str, Any] = {}
for dialect in BASES:
    for model in ("oa/plain", "an/messages-text"):
        found[f"{dialect} {model} whole"] = told(ask(dialect, model))
        found[f"{dialect} {model} streamed"] = told(streamed(dialect, model))
    for model in ("oa/chat-calls-one-after-another", "an/messages-thinking-text-and-calls"):
        found[f"{dialect} {model} calls"] = calls(ask(dialect, model, tools=[WEATHER]))
        found[f"{dialect} {model} streamed calls"] = calls(
            streamed(dialect, model, tools=[WEATHER])
        )
    found[f"{dialect} limited"] = failed(dialect, "oa-status-429")
    found[f"{dialect} unknown"] = failed(dialect, "oa/nobody")
answer = litellm.embedding(
    model="openai/oa/text-embedding", input=["Hello"], api_base=BASES["openai"], api_key=KEY
)
found["embedding"] = answer.data[0]["embedding"]
sys.stdout.write(json.dumps(found))
