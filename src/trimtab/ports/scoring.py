"""Scoring: what is judged, who judges it, and what an experiment runs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from trimtab.records import (
    Example,
    Message,
    Passage,
    Score,
    Span,
    Target,
    TokenLogprob,
    ToolCall,
    Usage,
)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer may look at. A scorer names the fields it wants as its arguments.

    None means absent: a scorer that needs it is `unscored`, not called. `context` is the texts of
    what was retrieved; `passages` is the same with ids, where they are known. `messages` is the
    conversation up to and with the answer. `samples` are further answers to the same input, and
    `baseline` the answer that this one is compared with. `model` is the one that answered.
    """

    target: Target
    project: str = "default"
    input: Any = None
    output: Any = None
    expected: Any = None
    context: tuple[str, ...] | None = None
    passages: tuple[Passage, ...] | None = None
    messages: tuple[Message, ...] | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    samples: tuple[Any, ...] | None = None
    baseline: Any = None
    metadata: Mapping[str, Any] | None = None
    latency_ms: float | None = None
    cost_usd: Decimal | None = None
    usage: Usage | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    model: str | None = None
    spans: tuple[Span, ...] | None = None
    span: Span | None = None
    example: Example | None = None
    run: str | None = None


@runtime_checkable
class Scorer(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def tier(self) -> Literal["code", "model", "judge"]: ...

    @property
    def higher_is_better(self) -> bool: ...

    async def score(self, subject: Subject) -> list[Score]:
        """Judge a subject. Never raises for a bad subject: that is a status of the score."""
        ...


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a task answered to one example, with the span that recorded it if there is one."""

    output: Any
    context: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    tool_calls: tuple[ToolCall, ...] | None = None
    model: str | None = None
    usage: Usage | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    latency_ms: float | None = None
    first_token_ms: float | None = None
    cost_usd: Decimal | None = None
    cached: bool = False
    spans: tuple[Span, ...] = ()
    trace_id: str | None = None
    span_id: str | None = None
    error: str | None = None


class Task(Protocol):
    """Anything an experiment can run: a release behind the gateway, or any callable."""

    async def __call__(self, example: Example) -> Response: ...
