"""The record of one run, as whoever executes it writes it: durable, and only while it is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from trimtab.errors import Conflict
from trimtab.plans.keeping import redacted_at
from trimtab.plans.ledger import Spending
from trimtab.ports import Clock, PlanStore
from trimtab.records import PlanRun, StepRecord


class Journal:
    """Writes a run for as long as it has the owner that it was taken with.

    Every method raises Conflict when the run is over or another process executes it, and StoreError
    when nothing can be written.

    Args:
        told: called when there is something new to read.
    """

    def __init__(
        self,
        store: PlanStore,
        run: PlanRun,
        *,
        clock: Clock,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._run = run
        self._owner = run.owner
        self._clock = clock
        self._told = told

    async def record(self, step: StepRecord) -> None:
        run = self._run
        await asyncio.to_thread(
            self._store.record, run.project, run.plan_run_id, step, owner=self._owner
        )
        self._told()

    async def save(self, spending: Spending) -> None:
        await self._amend(**_fields(spending))

    async def beat(self) -> None:
        """Say that the run goes on."""
        await self._amend()

    async def end(self, spending: Spending | None, **fields: Any) -> PlanRun:
        """Say how the run ended, and what it took where that is known."""
        spent = {} if spending is None else _fields(spending)
        now_ns = self._clock.now_ns()
        kept = {"ended_ns": now_ns, "redact_ns": redacted_at(fields["status"], now_ns)}
        ended = await self._amend(**spent, **fields, **kept)
        self._told()
        return ended

    async def release(self) -> None:
        """Leave the run to whoever takes it."""
        await self._amend(owner=None)

    async def _amend(self, **fields: Any) -> PlanRun:
        def change(run: PlanRun) -> PlanRun:
            if run.status != "running" or run.owner != self._owner:
                raise Conflict(
                    f"the run {run.plan_run_id} is {run.status}, executed by {run.owner}",
                    fix="leave it to whoever executes it",
                )
            return msgspec.structs.replace(run, **{"heard_ns": self._clock.now_ns(), **fields})

        run = self._run
        return await asyncio.to_thread(self._store.amend, run.project, run.plan_run_id, change)


def _fields(spending: Spending) -> dict[str, Any]:
    return {
        "calls": spending.calls,
        "cost_usd": spending.cost_usd,
        "held_usd": spending.held_usd or None,
    }
