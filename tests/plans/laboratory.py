"""Runs of plans without a server: the engine over a real store, and a model in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from trimtab.kit import ids
from trimtab.kit.clock import SystemClock
from trimtab.plans.asking import Ask, On, Said
from trimtab.plans.declared import declared
from trimtab.plans.execute import Plans
from trimtab.ports import MetadataStore
from trimtab.records import Plan, PlanRun, Principal, Span, StepRecord

CLOCK = SystemClock()
ANN = Principal(id="ann", project="default")


class Memory:
    """A recorder of spans, for tests that are about other things."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    async def record(self, spans: Sequence[Span]) -> None:
        self.spans += spans


class Model:
    """Answers a text with itself in brackets; a call costs `cost_usd`, and `most` is its bound."""

    def __init__(self, *, cost_usd: str = "0.01", most: str = "0.02", delay_s: float = 0.0) -> None:
        self.asked: list[str] = []
        self.requests: list[Mapping[str, Any]] = []
        self.cost, self.most, self.delay_s = Decimal(cost_usd), Decimal(most), delay_s
        self.spent = self.worst = Decimal(0)
        self.at_once = self.most_at_once = 0

    async def __call__(self, request: Mapping[str, Any], on: On) -> Said:
        text = request["messages"][0]["content"]
        self.asked.append(text)
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.worst = max(self.worst, self.spent + self.at_once * self.most)
        await asyncio.sleep(self.delay_s)
        self.at_once -= 1
        self.spent += self.cost
        return Said(text=f"[{text}]", model="m", cost_usd=self.cost)

    def most_usd(self, request: Mapping[str, Any]) -> Decimal:
        return self.most


def plans(
    store: MetadataStore,
    ask: Callable[[PlanRun], Ask],
    server: str = "s1",
    redact: Callable[[Span], Span] = lambda span: span,
) -> Plans:
    return Plans(
        store=store.plans,
        recorder=Memory(),
        ask=ask,
        clock=CLOCK,
        server=server,
        redact=redact,
    )


def stored(store: MetadataStore, *steps: dict[str, Any], **fields: Any) -> Plan:
    body = {"name": ids.span_id(), "steps": list(steps), **fields}
    plan = declared(body, project="default", author="ann", clock=CLOCK)
    return store.plans.add(plan)


async def ended(store: MetadataStore, run_id: str) -> PlanRun:
    """A run when it is over."""
    for _ in range(6_000):
        run = await asyncio.to_thread(store.plans.run, "default", run_id)
        if run.status != "running":
            return run
        await asyncio.sleep(0.005)
    raise AssertionError("the run does not come to its end")


def begun(plan: Plan, steps: Sequence[StepRecord], store: MetadataStore) -> PlanRun:
    """A run that nobody executes any more, with these steps on record."""
    run = PlanRun(
        plan_run_id=ids.uuid7(),
        plan=plan.ref,
        plan_digest=plan.digest,
        trace_id=ids.trace_id(),
        started_ns=CLOCK.now_ns(),
        heard_ns=CLOCK.now_ns(),
    )
    store.plans.put_run(run)
    for step in steps:
        store.plans.record("default", run.plan_run_id, replace(step))
    return run
