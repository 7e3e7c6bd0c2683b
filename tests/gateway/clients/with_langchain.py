"""What LangChain's models of both APIs say through the gateway, as one line of JSON."""

import json
import os
import sys
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL, KEY = os.environ["URL"], os.environ["KEY"]


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"7 °C in {city}"


def openai(model: str) -> ChatOpenAI:
    return ChatOpenAI(
        model=model, base_url=f"{URL}/v1", api_key=KEY, max_retries=0, stream_usage=True
    )


def anthropic(model: str) -> ChatAnthropic:
    return ChatAnthropic(
        model=model, base_url=URL, api_key=KEY, max_retries=0, max_tokens=500, timeout=None
    )


def streamed(model: Any, **how: Any) -> AIMessageChunk:
    whole = None
    for piece in model.stream("Hello?", **how):
        whole = piece if whole is None else whole + piece
    assert isinstance(whole, AIMessageChunk)
    return whole


def told(message: Any) -> list[Any]:
    usage = message.usage_metadata or {}
    return [str(message.text), usage.get("input_tokens"), usage.get("output_tokens")]


def calls(message: Any) -> list[Any]:
    return [[call["name"], call["args"]] for call in message.tool_calls]


def failed(model: Any) -> str:
    try:
        model.invoke("Hello?")
    except Exception as error:
        return type(error).__name__
    return ""


def turn(model: Any, plain: Any) -> str:
    """The question, the call of a tool, its result, and the answer."""
    asked = HumanMessage("Hello?")
    call = model.bind_tools([weather]).invoke([asked])
    results = [ToolMessage("7 °C", tool_call_id=one["id"]) for one in call.tool_calls]
    return str(plain.bind_tools([weather]).invoke([asked, call, *results]).text)


found: dict[str, Any] = {}
for name, make in (("openai", openai), ("anthropic", anthropic)):
    for model in ("oa/plain", "an/thinking"):
        found[f"{name} {model} whole"] = told(make(model).invoke("Hello?"))
        found[f"{name} {model} streamed"] = told(streamed(make(model)))
    for model in ("oa/chat-calls-in-turns", "an/messages-thinking-text-and-calls"):
        found[f"{name} {model} calls"] = calls(make(model).invoke("Hello?"))
        found[f"{name} {model} streamed calls"] = calls(streamed(make(model)))
        found[f"{name} {model} turn"] = turn(make(model), make("oa/plain"))
    found[f"{name} limited"] = failed(make("oa-status-429"))
    found[f"{name} unknown"] = failed(make("oa/nobody"))
embeddings = OpenAIEmbeddings(
    model="oa/text-embedding", base_url=f"{URL}/v1", api_key=KEY, check_embedding_ctx_length=False
)
found["embedding"] = embeddings.embed_query("Hello")
sys.stdout.write(json.dumps(found))
