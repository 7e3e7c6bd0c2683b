"""The load of the telemetry benchmark: traces of a retrieval agent, as OpenInference sends them.

    python bench/telemetry/load.py [--spans N]        what it weighs and how it compresses

A trace is eight spans, see turns.py. Request `i` of a `Load` is the same bytes in every process,
so every system gets the same load.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import otlp
from otlp import Span, Value
from turns import CHAIN, MODEL, Clock, Turn, documents_span, spans_of
from words import Words

TRACE_SPANS = 8
DOCUMENTS = 4000
SYSTEM_PROMPTS = 12
ERROR_TRACES = 0.048  # two of eight spans fail in such a trace: 1.2 % of spans
MODELS = (
    ("gpt-4o", "openai"),
    ("gpt-4o-mini", "openai"),
    ("gpt-4.1", "openai"),
    ("gpt-4.1-mini", "openai"),
    ("claude-sonnet-4-5", "anthropic"),
    ("claude-haiku-4-5", "anthropic"),
    ("gemini-2.5-flash", "google"),
)
RESOURCE: dict[str, Value] = {
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.2",
    "service.name": "support-agent",
    "service.version": "2026.11.3",
    "deployment.environment.name": "production",
    "openinference.project.name": "default",
}


@dataclass(frozen=True)
class Load:
    """`spans` spans whose start times lie in the `hours` before `end_ns`, in order of arrival."""

    spans: int
    end_ns: int = field(default_factory=time.time_ns)
    hours: float = 23.5
    per_request: int = 512
    seed: int = 1
    users: int = 50_000

    @property
    def requests(self) -> int:
        return -(-self.spans // self.per_request)

    @cached_property
    def words(self) -> Words:
        return Words()

    @cached_property
    def documents(self) -> list[str]:
        rng = random.Random(2)
        return [self.words.text(rng, 32 + int(rng.random() * 25)) for _ in range(DOCUMENTS)]

    @cached_property
    def systems(self) -> list[str]:
        rng = random.Random(3)
        return [
            "You are a support agent. " + self.words.text(rng, 90) for _ in range(SYSTEM_PROMPTS)
        ]

    def trace_id(self, index: int) -> bytes:
        return hashlib.blake2b(f"{self.seed}:{index}".encode(), digest_size=16).digest()

    def request(self, index: int) -> bytes:
        """The bytes of request `index`, uncompressed."""
        rng = random.Random(f"{self.seed}:{index}")
        traces = self.per_request // TRACE_SPANS
        chain: list[Span] = []
        model: list[Span] = []
        for offset in range(traces):
            of_chain, of_model = spans_of(self.turn(rng, index * traces + offset))
            chain += of_chain
            model += of_model
        return otlp.request(RESOURCE, {CHAIN: chain, MODEL: model})

    def turn(self, rng: random.Random, index: int) -> Turn:
        width_ns = self.hours * 3.6e12
        start_ns = self.end_ns - int(width_ns * (1 - index * TRACE_SPANS / self.spans) * 0.999)
        user = int(self.users * rng.random() ** 2)
        picked = [int(DOCUMENTS * rng.random() ** 2) for _ in range(4)]
        failing = rng.choice(("answer", "lookup_order")) if rng.random() < ERROR_TRACES else ""
        return Turn(
            rng=rng,
            trace_id=self.trace_id(index),
            root_id=rng.randbytes(8),
            start_ns=start_ns + rng.randrange(1_000_000),
            common={
                "session.id": f"session-{user}-{start_ns // 3_600_000_000_000}",
                "user.id": f"user-{user}",
                "metadata": json.dumps({"plan": rng.choice(("free", "team")), "region": "eu-1"}),
                "tag.tags": ["support", rng.choice(("web", "app", "mail"))],
            },
            question=self.words.text(rng, 12 + int(rng.random() * 12)),
            answer=self.words.text(rng, 35 + int(rng.random() * 40)),
            documents=[(number, self.documents[number]) for number in picked],
            system=self.systems[int(SYSTEM_PROMPTS * rng.random() ** 2)],
            model=rng.choice(MODELS),
            failing=failing,
        )

    def one_trace(self, spans: int) -> Iterator[bytes]:
        """Requests that hold one trace of `spans` spans: an agent that takes very many turns."""
        rng = random.Random(f"{self.seed}:one trace")
        trace_id, root_id = self.trace_id(-1), rng.randbytes(8)
        start_ns = time.time_ns() - 1_800_000_000_000
        root = Span(
            trace_id=trace_id,
            span_id=root_id,
            name="long-agent",
            start_ns=start_ns,
            end_ns=start_ns + 1_700_000_000_000,
            attributes={
                "openinference.span.kind": "AGENT",
                "input.value": "Work through the list.",
            },
        )
        waiting: list[Span] = [root]
        for index in range(spans):
            if len(waiting) >= self.per_request or index == spans - 1:
                yield otlp.request(RESOURCE, {CHAIN: waiting})
                waiting = []
            turn = self.turn(rng, index)
            step = documents_span(turn, Clock(start_ns + index * 30_000_000, rng), "search_docs")
            waiting.append(replaced(step, trace_id=trace_id, parent_id=root_id))


def replaced(span: Span, *, trace_id: bytes, parent_id: bytes) -> Span:
    values = {name: getattr(span, name) for name in Span.__slots__}
    return Span(**{**values, "trace_id": trace_id, "parent_id": parent_id})


def main() -> None:
    import gzip

    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--spans", type=int, default=20_480)
    load = Load(parser.parse_args().spans)
    load.request(0)
    started = time.process_time()
    bodies = [load.request(index) for index in range(load.requests)]
    took = time.process_time() - started
    size = sum(map(len, bodies))
    print(f"bytes per span        {size / load.spans:8.0f}")
    print(
        f"gzip, per request     {size / sum(len(gzip.compress(body, 6)) for body in bodies):8.1f}x"
    )
    print(f"to generate, per span {took / load.spans * 1e6:8.0f} µs")


if __name__ == "__main__":
    main()
