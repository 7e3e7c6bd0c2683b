"""One trace of very many or few spans, as OTLP requests: an agent that takes turn after turn."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import otlp
from load import RESOURCE, Load
from otlp import Span
from turns import CHAIN, Clock, choose_tool, documents_span, tool

TURN = 10  # a chain and the nine steps below it
REQUEST = 500
STEP_NS = 30_000_000
STEPS = (choose_tool, tool, lambda turn, clock: documents_span(turn, clock, "retrieve"))


@dataclass(frozen=True)
class Tree:
    """Its spans are named `step 1` and so on, below one that has the trace's own name."""

    name: str
    spans: int

    @property
    def trace_id(self) -> str:
        return random.Random(self.name).randbytes(16).hex()

    def span_id(self, n: int) -> bytes:
        return random.Random(f"{self.name}:{n}").randbytes(8)

    def requests(self) -> Iterator[bytes]:
        start_ns = time.time_ns() - self.spans * STEP_NS
        load, rng = Load(self.spans), random.Random(self.name)
        for first in range(0, self.spans, REQUEST):
            numbers = range(first, min(first + REQUEST, self.spans))
            spans = [self.span(load, rng, n, start_ns) for n in numbers]
            yield otlp.request(RESOURCE, {CHAIN: spans})

    def span(self, load: Load, rng: random.Random, n: int, start_ns: int) -> Span:
        turn = replace(load.turn(rng, n), trace_id=bytes.fromhex(self.trace_id), failing="")
        made = STEPS[n % len(STEPS)](turn, Clock(start_ns + n * STEP_NS, rng))
        places = {"span_id": self.span_id(n), "parent_id": self.parent_of(n)}
        if not n:
            end_ns = start_ns + self.spans * STEP_NS
            return replace(made, **places, name=self.name, end_ns=end_ns)
        lasts = TURN if n % TURN == 1 else 1
        end_ns = made.start_ns + lasts * STEP_NS
        return replace(made, **places, name=f"step {n}", end_ns=end_ns)

    def parent_of(self, n: int) -> bytes:
        """The root is above every turn, and a turn's first span above its others."""
        if not n:
            return b""
        return self.span_id(0 if n % TURN == 1 else (n - 1) // TURN * TURN + 1)
