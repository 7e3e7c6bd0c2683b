"""What a release does to a request: passages are found, the prompt is put before the messages."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from trimtab.dialects.passages import without_markup, write_passages
from trimtab.gateway.ask import Ask
from trimtab.gateway.snapshot import Deployment
from trimtab.gateway.trace import CallTrace
from trimtab.ports import Clock, Template
from trimtab.records import Message, Passage, text_of


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What changes in a request, and what the model is told in all, for the record."""

    changes: dict[str, Any]
    sent: list[Any]


async def prepared(
    ask: Ask, asked: list[Any], deployment: Deployment | None, trace: CallTrace, clock: Clock
) -> Prepared:
    """The request as a release has it; as it came where there is none.

    The retriever's search becomes a span of the trace.
    """
    changes: dict[str, Any] = {"trimtab": None} if ask.envelope.trimtab else {}
    if deployment is None:
        return Prepared(changes=changes, sent=asked)
    changes |= deployment.parameters
    if deployment.template is None:
        return Prepared(changes=changes, sent=asked)
    opening = await _opening(ask, asked, deployment, deployment.template, trace, clock)
    changes |= ask.dialect.opened(ask.envelope, opening)
    return Prepared(changes=changes, sent=[*map(_on_wire, opening), *asked])


async def _opening(
    ask: Ask,
    asked: list[Any],
    deployment: Deployment,
    template: Template,
    trace: CallTrace,
    clock: Clock,
) -> list[Message]:
    question = _question(asked)
    started_ns = clock.now_ns()
    passages = await _search(deployment, question)
    if deployment.retriever is not None:
        trace.retrieved(question, passages, started_ns)
    # A question that a template quotes before its passages must not bring passages of its own.
    told = {name: _plain(value) for name, value in ask.variables.items()}
    own = {"passages": write_passages(passages), "question": without_markup(question)}
    # A template with loops can take a while, and nobody else should wait for it.
    return await asyncio.to_thread(template.render, {**told, **own})


async def _search(deployment: Deployment, question: str) -> list[Passage]:
    settings = deployment.release.retrieval
    if deployment.retriever is None or settings is None:
        return []
    return await asyncio.to_thread(deployment.retriever.search, question, k=settings.k)


def _question(asked: list[Any]) -> str:
    """The text of the last message of a user."""
    for message in reversed(asked):
        if isinstance(message, dict) and message.get("role") == "user":
            return text_of(message.get("content"))
    return ""


def _plain(value: Any) -> Any:
    """A variable as a template may quote it: texts cannot pretend to be passages."""
    return without_markup(value) if isinstance(value, str) else value


def _on_wire(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    for field in ("name", "tool_calls", "tool_call_id"):
        if value := getattr(message, field):
            wire[field] = value
    return wire
