"""What a stream tells, as server-sent events: a name and a JSON object with the column's id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from trimtab.dialects.llm.parts import Part, Reasoning, Refusal, Text, ToolCall
from trimtab.kit import jsonx, sse
from trimtab.records import Usage

MOST_CHARS = 8_192
"""Of one delta; a longer one is told in several, so that what waits to be read is bounded."""

End = Literal["finished", "failed", "cancelled"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a column when it has ended.

    `first_token_ms` and `latency_ms` count from when it was asked; `tokens_per_s` are those of the
    answer from the first of it to its end. `cost_usd` is None where nobody knows what it cost:
    there is no price, or it was not told what was used.
    """

    trace_id: str
    span_id: str | None = None
    model: str | None = None
    release: str | None = None
    finish_reason: str | None = None
    first_token_ms: float | None = None
    latency_ms: float
    usage: Usage | None = None
    tokens_per_s: float | None = None
    cost_usd: Decimal | None = None
    cached: bool = False


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream came to; `unpriced` counts columns of which nobody knows what they cost."""

    finished: int = 0
    failed: int = 0
    cancelled: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0

    def with_one(self, end: End, cost_usd: Decimal | None) -> Total:
        changes: dict[str, Any] = {end: getattr(self, end) + 1}
        if cost_usd is None:
            changes["unpriced"] = self.unpriced + 1
        else:
            changes["cost_usd"] = self.cost_usd + cost_usd
        return msgspec.structs.replace(self, **changes)


def event(name: str, value: Any) -> bytes:
    return sse.encode(jsonx.encode(value), name=name)


def of_column(name: str, column: str, facts: Mapping[str, Any]) -> bytes:
    return event(name, {"column": column, **facts})


def deltas(part: Part) -> Iterator[dict[str, Any]]:
    """What a part of an answer adds, in pieces of bounded size; nothing for one that adds none."""
    if isinstance(part, Text | Refusal | Reasoning):
        kind = type(part).__name__.lower()
        for piece in _pieces(part.text):
            yield _chosen({kind: piece}, part.choice)
    elif isinstance(part, ToolCall):
        named = {name: value for name in ("id", "name") if (value := getattr(part, name))}
        for piece in _pieces(part.arguments) if part.arguments else ("",):
            call = {"index": part.index, **named, "arguments": piece}
            yield _chosen({"tool_call": call}, part.choice)
            named = {}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), MOST_CHARS):
        yield text[start : start + MOST_CHARS]


def _chosen(delta: dict[str, Any], choice: int) -> dict[str, Any]:
    return {**delta, "choice": choice} if choice else delta
