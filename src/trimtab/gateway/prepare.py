"""What a release or a prompt does to a request: it opens its messages, and adds what it brings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from trimtab.dialects.llm.prompt_fields import brought, spoken
from trimtab.dialects.llm.votes import MEMBER
from trimtab.dialects.passages import without_markup, write_passages
from trimtab.gateway.ask import Ask
from trimtab.gateway.resolution import Deployment, Resolution
from trimtab.gateway.trace import CallTrace
from trimtab.ports import Clock, Template
from trimtab.records import Message, Passage, text_of

Screen = Callable[[list[Passage]], Awaitable[list[Passage]]]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What changes in a request, and what the model is told in all, for the record.

    `lost` is what of the prompt could not be said in the request's dialect.
    """

    changes: dict[str, Any]
    sent: list[Any]
    lost: tuple[str, ...] = ()


async def prepared(
    ask: Ask,
    asked: list[Any],
    resolution: Resolution,
    trace: CallTrace,
    clock: Clock,
    *,
    screen: Screen | None = None,
) -> Prepared:
    """The request as a release or a prompt has it; as it came where there is none.

    The retriever's search becomes a span of the trace; `screen` sees what it found before anybody.
    """
    changes: dict[str, Any] = {"trimtab": None} if ask.envelope.trimtab else {}
    if not resolution.is_chain:
        return Prepared(changes=changes, sent=asked)
    said = resolution.parameters
    if MEMBER in said:  # which is for the gateway, and was read
        said = {name: value for name, value in said.items() if name != MEMBER}
    parameters = spoken(ask.dialect, said)
    changes |= parameters.changes
    template = resolution.template
    if template is None:
        return Prepared(changes=changes, sent=asked, lost=parameters.lost)
    question = _question(asked)
    passages: list[Passage] = []
    if resolution.deployment is not None:
        passages = await _found(resolution.deployment, question, trace, clock, screen)
    opening = await _opening(ask, question, passages, template)
    more = brought(ask.dialect, ask.envelope, template.prompt)
    changes = {**more.changes, **changes, **ask.dialect.opened(ask.envelope, opening)}
    return Prepared(
        changes=changes,
        sent=[*map(_on_wire, opening), *asked],
        lost=(*parameters.lost, *more.lost),
    )


async def _found(
    deployment: Deployment,
    question: str,
    trace: CallTrace,
    clock: Clock,
    screen: Screen | None,
) -> list[Passage]:
    started_ns = clock.now_ns()
    passages = await _search(deployment, question)
    if screen is not None:
        passages = await screen(passages)
    if deployment.retriever is not None:
        trace.retrieved(question, passages, started_ns)
    return passages


async def _opening(
    ask: Ask, question: str, passages: list[Passage], template: Template
) -> list[Message]:
    # A question that a template quotes before its passages must not bring passages of its own.
    told = {name: _plain(value) for name, value in ask.variables.items()}
    own = {"passages": write_passages(passages)}
    if question or "question" not in told:
        own["question"] = without_markup(question)
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
    """A variable as a template may quote it: no text in it can pretend to be passages."""
    if isinstance(value, str):
        return without_markup(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {without_markup(name): _plain(item) for name, item in value.items()}
    return value


def _on_wire(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    for field in ("name", "tool_calls", "tool_call_id"):
        if value := getattr(message, field):
            wire[field] = value
    return wire
