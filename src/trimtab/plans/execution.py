"""The execution of one run: its record read, the engine run, its end written, its owner heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.errors import Conflict, InvalidRequest, NotFound, StoreError, TrimtabError
from trimtab.plans.asking import Ask
from trimtab.plans.compiled import CompiledPlan
from trimtab.plans.engine import Engine, Known, StepFailed
from trimtab.plans.journal import Journal
from trimtab.plans.ledger import Ledger
from trimtab.plans.spans import Trace
from trimtab.ports import Clock, PlanStore, Recorder
from trimtab.records import PlanRun, Span, StepRecord

_log = logging.getLogger("trimtab.plans")

BEAT_S = 5.0
"""How often a process says that it executes a run, and looks for those that nobody does."""


class Execution:
    """Executes runs; see `Plans` for its arguments."""

    def __init__(
        self,
        *,
        store: PlanStore,
        recorder: Recorder,
        ask: Callable[[PlanRun], Ask],
        clock: Clock,
        redact: Callable[[Span], Span],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._ask = ask
        self._clock = clock
        self._redact = redact

    async def supervised(self, run: PlanRun, told: Callable[[], None]) -> None:
        """Execute a run to its end, or until it is cancelled or somebody else's.

        A run that fails says so on its record; one that is cut off is left to whoever takes it.

        Args:
            told: called when there is something new to read.
        """
        journal = Journal(self._store, run, clock=self._clock, told=told)
        work = asyncio.create_task(self._worked(run, journal))
        beating = asyncio.create_task(self._beating(journal, work))
        try:
            await asyncio.wait({work})
        finally:
            beating.cancel()
            work.cancel()
            await asyncio.gather(beating, work, return_exceptions=True)
            await self._left(journal)
            told()

    async def over(self, run: PlanRun) -> None:
        """Put the trace of a run on record as ended that was ended from outside."""
        try:
            await Trace(run, self._recorder, redact=self._redact).end(run)
        except StoreError as error:
            _log.warning("the end of run %s is not on its trace: %s", run.plan_run_id, error)

    async def _left(self, journal: Journal) -> None:
        """Give a run that is not over to whoever takes it next."""
        try:
            await asyncio.shield(journal.release())
        except (Conflict, NotFound):
            return
        except StoreError as error:
            _log.warning("a run cannot be given back, and is taken over later: %s", error)

    async def _beating(self, journal: Journal, work: asyncio.Task[None]) -> None:
        """Say that the run goes on; stop working on it when it is somebody else's."""
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await journal.beat()
            except (Conflict, NotFound) as error:
                _log.warning("a run is left: %s", error)
                work.cancel()
                return
            except StoreError as error:
                _log.warning("nobody can be told that a run goes on: %s", error)

    async def _worked(self, run: PlanRun, journal: Journal) -> None:
        ended: dict[str, Any] = {"status": "failed"}
        ledger: Ledger | None = None
        trace = Trace(run, self._recorder, redact=self._redact)
        try:
            compiled = await asyncio.to_thread(compiled_of, self._store, run)
            known = await asyncio.to_thread(self._known, run, compiled)
            run = counted(run, known.recorded.values())
            ledger = Ledger(compiled.plan.budget, run, journal.save, self._clock)
            await trace.begin()
            engine = Engine(
                compiled,
                run,
                ask=self._ask(run),
                ledger=ledger,
                journal=journal,
                trace=trace,
                clock=self._clock,
                known=known,
            )
            ended = {"output": await engine.go(), "status": "done"}
        except StoreError as error:
            _log.warning("run %s waits for the store: %s", run.plan_run_id, error)
            return
        except (StepFailed, TrimtabError) as error:
            ended["error"] = str(error)
        except Exception as error:
            _log.exception("run %s of plan %s broke", run.plan_run_id, run.plan)
            ended["error"] = f"the server failed: {type(error).__name__}; its log has the details"
        try:
            over = await journal.end(None if ledger is None else ledger.spending, **ended)
            await self.over(over)
        except Conflict:
            return  # it was cancelled, or is somebody else's
        except StoreError as error:
            _log.warning("the end of run %s is not on record: %s", run.plan_run_id, error)

    def _known(self, run: PlanRun, compiled: CompiledPlan) -> Known:
        """What is recorded of a run, and what it takes of the run that it replays."""
        own = self._store.steps(run.project, run.plan_run_id)
        recorded = {(one.step, one.item): one for one in own}
        if run.replay_of is None:
            return Known(recorded=recorded)
        first = run.replay_from
        redone = frozenset[str]() if first is None else compiled.redone(first)
        source = self._store.steps(run.project, run.replay_of)
        kept = {(one.step, one.item): one for one in source if one.step not in redone}
        return Known(recorded=recorded, kept=kept)


def compiled_of(store: PlanStore, run: PlanRun) -> CompiledPlan:
    """The version that a run is of. Raises Conflict where it is another by now."""
    plan = store.get(run.project, run.plan)
    if plan.digest != run.plan_digest:
        raise Conflict(
            f"{run.plan} is not what it was when the run began",
            fix="restore it, or start a new run",
        )
    try:
        return CompiledPlan(plan)
    except InvalidRequest as error:
        raise Conflict(f"{run.plan} cannot be run: {error}", fix="correct the plan") from None


def counted(run: PlanRun, steps: Iterable[StepRecord]) -> PlanRun:
    """A run with what its steps took, where its own record knows less.

    What they cost beyond what it knows was set aside for them, and no longer is.
    """
    taken = list(steps)
    known = run.cost_usd or Decimal(0)
    costs = [step.cost_usd for step in taken]
    more = max(Decimal(0), sum((cost for cost in costs if cost is not None), -known))
    held = max(Decimal(0), (run.held_usd or Decimal(0)) - more)
    unknown = (run.cost_usd is None and run.calls > 0) or None in costs
    return msgspec.structs.replace(
        run,
        calls=max(run.calls, sum(step.calls for step in taken)),
        cost_usd=None if unknown and run.held_usd is None else known + more,
        held_usd=held,
    )
