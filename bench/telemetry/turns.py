"""The spans of one turn of a retrieval agent, with the attributes that OpenInference gives them.

Guardrail, embedding, retriever (4 documents), reranker, a model call that picks a tool, the tool,
a model call that answers, and the agent above them. Model calls carry their messages twice, as the
real instrumentors do: `input.value` as JSON and flattened attributes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import otlp
from otlp import Span, Value

CHAIN = "openinference.instrumentation.langchain@0.1.60"
MODEL = "openinference.instrumentation.openai@0.1.66"
TOOL = {
    "type": "function",
    "function": {
        "name": "lookup_order",
        "description": "Look up an order by its number and return its state and items.",
        "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
    },
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one trace is about."""

    rng: random.Random
    trace_id: bytes
    root_id: bytes
    start_ns: int
    common: dict[str, Value]
    question: str
    answer: str
    documents: list[tuple[int, str]]
    system: str
    model: tuple[str, str]
    failing: str


class Clock:
    """Times of the spans of a trace: one after the other."""

    def __init__(self, start_ns: int, rng: random.Random) -> None:
        self.now_ns, self.rng = start_ns, rng

    def take(self, mean_ms: float) -> dict[str, int]:
        start_ns = self.now_ns
        self.now_ns += int(self.rng.lognormvariate(0.0, 0.6) * mean_ms * 1e6)
        return {"start_ns": start_ns, "end_ns": self.now_ns}


def spans_of(turn: Turn) -> tuple[list[Span], list[Span]]:
    """The spans of the chain's scope and of the model's, in the order in which they end."""
    clock = Clock(turn.start_ns + 400_000, turn.rng)
    guard = guardrail(turn, clock)
    embedded = embedding(turn, clock)
    found = documents_span(turn, clock, "retrieve")
    ranked = reranker(turn, clock)
    chosen = choose_tool(turn, clock)
    looked_up = tool(turn, clock)
    answered = answer(turn, clock)
    return [guard, found, ranked, looked_up, agent(turn, clock)], [embedded, chosen, answered]


def child(turn: Turn, name: str, times: dict[str, int], attributes: dict[str, Value]) -> Span:
    return Span(
        trace_id=turn.trace_id,
        span_id=turn.rng.randbytes(8),
        parent_id=turn.root_id,
        name=name,
        kind=otlp.INTERNAL,
        attributes={**attributes, **turn.common},
        error="upstream answered nothing within 30 s" if name == turn.failing else "",
        start_ns=times["start_ns"],
        end_ns=times["end_ns"],
    )


def agent(turn: Turn, clock: Clock) -> Span:
    return Span(
        trace_id=turn.trace_id,
        span_id=turn.root_id,
        name="support-agent",
        start_ns=turn.start_ns,
        end_ns=clock.now_ns + 300_000,
        attributes={
            "openinference.span.kind": "AGENT",
            "agent.name": "support-agent",
            "input.value": turn.question,
            "input.mime_type": "text/plain",
            "output.value": "" if turn.failing else turn.answer,
            "output.mime_type": "text/plain",
            **turn.common,
        },
        error="upstream answered nothing within 30 s" if turn.failing else "",
    )


def guardrail(turn: Turn, clock: Clock) -> Span:
    score = round(turn.rng.random() ** 4, 4)
    verdict = {"flagged": False, "score": score, "policy": "injection"}
    attributes: dict[str, Value] = {
        "openinference.span.kind": "GUARDRAIL",
        "input.value": turn.question,
        "input.mime_type": "text/plain",
        "output.value": json.dumps(verdict),
        "output.mime_type": "application/json",
    }
    return child(turn, "input-guard", clock.take(12), attributes)


def embedding(turn: Turn, clock: Clock) -> Span:
    body = {
        "input": [turn.question],
        "model": "text-embedding-3-small",
        "encoding_format": "base64",
    }
    attributes: dict[str, Value] = {
        "openinference.span.kind": "EMBEDDING",
        "llm.system": "openai",
        "llm.provider": "openai",
        "input.value": json.dumps(body),
        "input.mime_type": "application/json",
        "embedding.model_name": "text-embedding-3-small",
        "embedding.embeddings.0.embedding.text": turn.question,
        "llm.token_count.prompt": len(turn.question) // 4,
        "llm.token_count.total": len(turn.question) // 4,
    }
    return child(turn, "CreateEmbeddings", clock.take(70), attributes)


def documents_span(turn: Turn, clock: Clock, name: str) -> Span:
    attributes: dict[str, Value] = {
        "openinference.span.kind": "RETRIEVER",
        "input.value": turn.question,
        "input.mime_type": "text/plain",
    }
    for position, (number, text) in enumerate(turn.documents):
        of = f"retrieval.documents.{position}.document"
        attributes[f"{of}.id"] = f"doc-{number}"
        attributes[f"{of}.content"] = text
        attributes[f"{of}.score"] = turn.rng.random()
        attributes[f"{of}.metadata"] = json.dumps({"source": f"handbook/{number % 97}.md"})
    return child(turn, name, clock.take(40), attributes)


def reranker(turn: Turn, clock: Clock) -> Span:
    attributes: dict[str, Value] = {
        "openinference.span.kind": "RERANKER",
        "reranker.query": turn.question,
        "reranker.model_name": "rerank-v3.5",
        "reranker.top_k": 2,
    }
    for side, count in (("input", 4), ("output", 2)):
        for position, (number, text) in enumerate(turn.documents[:count]):
            of = f"reranker.{side}_documents.{position}.document"
            attributes[f"{of}.id"] = f"doc-{number}"
            attributes[f"{of}.content"] = text
            if side == "output":
                attributes[f"{of}.score"] = turn.rng.random()
    return child(turn, "rerank", clock.take(90), attributes)


def choose_tool(turn: Turn, clock: Clock) -> Span:
    call = {"name": "lookup_order", "arguments": arguments_of(turn)}
    reply = {"role": "assistant", "tool_calls": [{"id": call_id(turn), "function": call}]}
    attributes = model_call(turn, opening(turn), {**reply, "content": ""}, output_tokens=24)
    at = "llm.output_messages.0.message.tool_calls.0.tool_call"
    attributes[f"{at}.id"] = call_id(turn)
    attributes[f"{at}.function.name"] = call["name"]
    attributes[f"{at}.function.arguments"] = call["arguments"]
    attributes["llm.tools.0.tool.json_schema"] = json.dumps(TOOL)
    return child(turn, "ChatCompletion", clock.take(600), attributes)


def tool(turn: Turn, clock: Clock) -> Span:
    attributes: dict[str, Value] = {
        "openinference.span.kind": "TOOL",
        "tool.name": "lookup_order",
        "tool.description": "Look up an order by its number and return its state and items.",
        "tool.parameters": json.dumps(TOOL["function"]),
        "input.value": arguments_of(turn),
        "input.mime_type": "application/json",
        "output.value": result_of(turn),
        "output.mime_type": "application/json",
    }
    return child(turn, "lookup_order", clock.take(120), attributes)


def answer(turn: Turn, clock: Clock) -> Span:
    passages = "\n\n".join(f"[doc-{number}] {text}" for number, text in turn.documents[:2])
    messages = [
        {"role": "system", "content": f"{turn.system}\n\nContext:\n{passages}"},
        {"role": "user", "content": turn.question},
        {"role": "assistant", "content": "Looking up order " + order_of(turn)},
        {"role": "tool", "content": result_of(turn)},
    ]
    reply = {"role": "assistant", "content": turn.answer}
    attributes = model_call(turn, messages, reply, output_tokens=len(turn.answer) // 4)
    return child(turn, "answer", clock.take(1800), attributes)


def opening(turn: Turn) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": turn.system},
        {"role": "user", "content": turn.question},
    ]


def model_call(
    turn: Turn,
    messages: Sequence[Mapping[str, str]],
    reply: Mapping[str, object],
    *,
    output_tokens: int,
) -> dict[str, Value]:
    """What the OpenAI instrumentor records: the request and response bodies, then every message."""
    name, provider = turn.model
    prompt = sum(len(message["content"]) for message in messages) // 4
    usage = {"prompt_tokens": prompt, "completion_tokens": output_tokens}
    body = {"messages": messages, "model": name, "temperature": 0.2}
    response = {"id": f"chatcmpl-{call_id(turn)}", "model": name, "object": "chat.completion"}
    choices = [{"index": 0, "message": reply, "finish_reason": "stop"}]
    attributes: dict[str, Value] = {
        "openinference.span.kind": "LLM",
        "llm.system": provider,
        "llm.provider": provider,
        "input.value": json.dumps(body),
        "input.mime_type": "application/json",
        "output.value": json.dumps({**response, "choices": choices, "usage": usage}),
        "output.mime_type": "application/json",
        "llm.invocation_parameters": json.dumps({"model": name, "temperature": 0.2}),
        "llm.model_name": name,
        "llm.token_count.prompt": prompt,
        "llm.token_count.prompt_details.cache_read": prompt // 3,
        "llm.token_count.completion": output_tokens,
        "llm.token_count.total": prompt + output_tokens,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": str(reply["content"]),
    }
    for position, message in enumerate(messages):
        for key, value in message.items():
            attributes[f"llm.input_messages.{position}.message.{key}"] = value
    return attributes


def order_of(turn: Turn) -> str:
    return str(int.from_bytes(turn.trace_id[:3]))


def call_id(turn: Turn) -> str:
    return f"call_{turn.trace_id[:6].hex()}"


def arguments_of(turn: Turn) -> str:
    return json.dumps({"order": order_of(turn)})


def result_of(turn: Turn) -> str:
    cents = int.from_bytes(turn.trace_id[3:5])
    return json.dumps(
        {"order": order_of(turn), "state": "shipped", "total": cents / 100, "items": 3}
    )
