"""Scoring: what is judged, who judges it, and what an experiment runs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from trimtab.records import (
    Example,
    Passage,
    Score,
    Span,
    Target,
)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer may look at. A scorer names the fields it wants as its arguments.

    None means absent: a scorer that needs it is `unscored`, not called. `context` is the texts of
    what was retrieved; `passages` is the same with ids, where they are known.
    """

    target: Target
    project: str = "default"
    input: Any = None
    output: Any = None
    expected: Any = None
    context: tuple[str, ...] | None = None
    passages: tuple[Passage, ...] | None = None
    metadata: Mapping[str, Any] | None = None
    latency_ms: float | None = None
    cost_usd: Decimal | None = None
    span: Span | None = None
    example: Example | None = None
    run: str | None = None


@runtime_checkable
class Scorer(Protocol):
    name: str
    version: str
    digest: str
    tier: Literal["code", "model", "judge"]
    higher_is_better: bool

    async def score(self, subject: Subject) -> list[Score]:
        """Judge a subject. Never raises for a bad subject: that is a status of the score."""
        ...


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a task answered to one example, with the span that recorded it if there is one."""

    output: Any
    context: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    latency_ms: float | None = None
    cost_usd: Decimal | None = None
    trace_id: str | None = None
    span_id: str | None = None
    error: str | None = None


class Task(Protocol):
    """Anything an experiment can run: a release behind the gateway, or any callable."""

    async def __call__(self, example: Example) -> Response: ...
