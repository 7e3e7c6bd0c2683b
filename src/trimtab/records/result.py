"""Result: what a task answered to one example of a run, and how that was judged."""

from __future__ import annotations

from decimal import Decimal

from trimtab.records.message import Passage, ToolCall
from trimtab.records.model import Usage
from trimtab.records.record import Json, Record
from trimtab.records.score import Score


class Result(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One attempt of a run at one example.

    Identity within a run is (example_id, repeat); of two the later counts. `error` says that the
    task failed; its scores are unscored then, and nothing of it is averaged as 0. `cached` says
    that the answer was replayed and cost nothing now; `cost_usd` is what it cost when it was made.
    """

    example_id: str
    repeat: int = 0
    output: Json = None
    error: str | None = None
    context: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    model: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    first_token_ms: float | None = None
    trace_id: str | None = None
    span_id: str | None = None
    cached: bool = False
    scores: tuple[Score, ...] = ()
    time_ns: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.example_id, self.repeat
