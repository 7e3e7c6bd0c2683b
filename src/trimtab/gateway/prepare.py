"""What a release does to a request: passages are found, the prompt is put before the messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.dialects.openai_chat import ChatRequest
from trimtab.dialects.passages import without_markup, write_passages
from trimtab.gateway.snapshot import Deployment
from trimtab.gateway.trace import CallTrace
from trimtab.kit import jsonx
from trimtab.ports import Clock
from trimtab.records import Message, Passage


def asked(request: ChatRequest) -> list[Any]:
    """The caller's messages exactly as they came."""
    messages: list[Any] = jsonx.decode(bytes(request.fields["messages"]))
    return messages


async def opening(
    request: ChatRequest, deployment: Deployment, trace: CallTrace, clock: Clock
) -> list[Any]:
    """The messages a release puts before the caller's.

    The retriever's search becomes a span of the trace.
    """
    if deployment.template is None:
        return []
    question = _question(request)
    started_ns = clock.now_ns()
    passages = await _search(deployment, question)
    if deployment.retriever is not None:
        trace.retrieved(question, passages, started_ns)
    # A question that a template quotes before its passages must not bring passages of its own.
    variables = {"passages": write_passages(passages), "question": without_markup(question)}
    # A template with loops can take a while, and nobody else should wait for it.
    rendered = await asyncio.to_thread(deployment.template.render, variables)
    return [_on_wire(message) for message in rendered]


def opened(opening: Sequence[Any], request: ChatRequest) -> list[Any]:
    """All messages for the model; those of the caller stay byte for byte as they came."""
    return [*opening, *jsonx.decode(bytes(request.fields["messages"]), list[msgspec.Raw])]


def with_usage(request: ChatRequest) -> dict[str, Any]:
    """The caller's stream options, with the usage that the record needs asked for."""
    given = request.fields.get("stream_options")
    options = jsonx.decode(bytes(given)) if given is not None else None
    return {**(options or {}), "include_usage": True}


async def _search(deployment: Deployment, question: str) -> list[Passage]:
    settings = deployment.release.retrieval
    if deployment.retriever is None or settings is None:
        return []
    return await asyncio.to_thread(deployment.retriever.search, question, k=settings.k)


def _question(request: ChatRequest) -> str:
    texts = [message.text for message in request.messages if message.role == "user"]
    return texts[-1] if texts else ""


def _on_wire(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    for field in ("name", "tool_calls", "tool_call_id"):
        if value := getattr(message, field):
            wire[field] = value
    return wire
