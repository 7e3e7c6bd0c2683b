"""The engine: one run of a plan, from whatever is recorded of it to its end.

Each step begins when what it needs is done, and its record is durable before anything that needs it
begins; steps that do not need each other go on at once. What is recorded is not asked again. When a
step fails, those under way are finished and recorded, and no other begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from trimtab.errors import Conflict, InvalidRequest
from trimtab.plans.asking import Ask, On
from trimtab.plans.compiled import CompiledPlan, CompiledStep
from trimtab.plans.journal import Journal
from trimtab.plans.ledger import Ledger
from trimtab.plans.requests import PROMPT, inputs_of, request_of, require_same
from trimtab.plans.spans import Trace
from trimtab.plans.turn import Answer, Asking, Stopped
from trimtab.plans.values import INDEX, INPUTS, ITEM, STEPS
from trimtab.ports import Clock
from trimtab.records import PlanRun, StepRecord

T = TypeVar("T")
Key = tuple[str, int | None]
Scope = Mapping[str, Any]
_MOST_ERROR_CHARS = 2_000


class StepFailed(Exception):
    """A step came to its end without an output, on record by now."""

    def __init__(self, record: StepRecord) -> None:
        item = "" if record.item is None else f"[{record.item}]"
        super().__init__(f"step {record.step}{item}: {record.error}")
        self.record = record


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record: of the run itself, and what it takes of the run that it replays."""

    recorded: Mapping[Key, StepRecord] = {}
    kept: Mapping[Key, StepRecord] = {}


class Engine:
    """One run.

    Args:
        at_once: how many questions are asked at a time.
    """

    def __init__(
        self,
        plan: CompiledPlan,
        run: PlanRun,
        *,
        ask: Ask,
        ledger: Ledger,
        journal: Journal,
        trace: Trace,
        clock: Clock,
        known: Known,
        at_once: int = 8,
    ) -> None:
        self._plan = plan
        self._run = run
        self._asking = Asking(ask, ledger, at_once=at_once, stopped=lambda: bool(self._failures))
        self._journal = journal
        self._trace = trace
        self._clock = clock
        self._known = known
        # A replay of everything asks nobody, whatever the record lacks.
        self._exact = run.replay_of is not None and run.replay_from is None
        self._states: dict[str, dict[str, Any]] = {}
        self._failures: list[Exception] = []
        self._lacking: list[str] = []

    async def go(self) -> Any:
        """Do every step that is not done; return the output of the run.

        Raises:
            StepFailed: a step failed.
            InvalidRequest: the output cannot be made of the steps.
            Conflict: a record is not of this plan and these inputs, or the run is somebody else's.
            StoreError: something could not be made durable.
        """
        doing: dict[str, asyncio.Task[None]] = {}
        for name in self._plan.order:
            needed = [doing[one] for one in sorted(self._plan.needs[name])]
            doing[name] = asyncio.create_task(self._after(needed, self._plan.steps[name]))
        try:
            await asyncio.gather(*doing.values(), return_exceptions=True)
        except asyncio.CancelledError:
            for task in doing.values():
                task.cancel()
            await asyncio.gather(*doing.values(), return_exceptions=True)
            raise
        if self._failures:
            raise min(self._failures, key=self._place)
        if self._lacking:
            raise Conflict(
                f"the record has no step {self._lacking[0]}",
                fix="resume the run, or start a new one",
            )
        return await asyncio.to_thread(self._plan.result, self._scope(self._plan.result_needs))

    def _place(self, failure: Exception) -> tuple[int, int]:
        """Which failure says why the run failed: always the same one, whichever came first."""
        if not isinstance(failure, StepFailed):
            return (-1, 0)
        record = failure.record
        return (self._plan.order.index(record.step), -1 if record.item is None else record.item)

    async def _after(self, needed: list[asyncio.Task[None]], step: CompiledStep) -> None:
        for task in needed:
            await asyncio.shield(task)
        try:
            record = await self._step(step, self._scope(step.needs))
            self._states[step.name] = {"output": record.output, "status": record.status}
        except (Stopped, StepFailed):
            raise
        except Exception as error:
            self._failures.append(error)
            raise

    def _scope(self, needs: frozenset[str]) -> dict[str, Any]:
        """What templates see: the inputs, and the steps that they name."""
        return {INPUTS: self._run.inputs, STEPS: {name: self._states[name] for name in needs}}

    # -- one step ------------------------------------------------------------------------------

    async def _step(self, step: CompiledStep, scope: Scope) -> StepRecord:
        doing = _Doing(step, scope, None, self._clock.now_ns())
        if step.each is None:
            return await self._one(doing)
        once = step.when is not None and not step.when.names.item
        if once and not await self._holds(doing):
            return await self._ended(doing, None, skipped=True)
        items = await self._rendered(doing, step.each.items)
        outputs = [record.output for record in await self._items(step, scope, items)]
        return await self._ended(doing, {"items": len(items)}, Answer(output=outputs))

    async def _items(self, step: CompiledStep, scope: Scope, items: list[Any]) -> list[StepRecord]:
        """Every item, some at once; all that were begun are over when this raises."""
        now_ns = self._clock.now_ns()
        found = await asyncio.gather(
            *(
                self._one(_Doing(step, {**scope, ITEM: item, INDEX: index}, index, now_ns))
                for index, item in enumerate(items)
            ),
            return_exceptions=True,
        )
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, Stopped):
                raise one
        records = [one for one in found if isinstance(one, StepRecord)]
        if len(records) < len(items):
            raise Stopped
        return records

    async def _one(self, doing: _Doing) -> StepRecord:
        """A step, or one item of it: what is recorded of it, or what comes of doing it now."""
        step = doing.step
        own = step.when is not None and (step.each is None or step.when.names.item)
        if own and not await self._holds(doing):
            return await self._ended(doing, None, skipped=True)
        if step.step.ask is None:
            values = await self._rendered(doing, lambda scope: inputs_of(step, scope))
            return await self._ended(doing, values, Answer(output=values))
        request = await self._rendered(doing, lambda scope: request_of(step, scope))
        recorded = await self._recorded_as(doing, request, skipped=False)
        if recorded is not None:
            return recorded
        self._require_begin(doing)
        on = On(
            trace_id=self._trace.trace_id,
            span_id=self._trace.span_id(step.name, doing.item),
            prompt=(step.step.ask or "").startswith(PROMPT),
            attributes=self._trace.about(step.name, doing.item),
        )
        answer = await self._asking.answer(step, request, on)
        return await self._record(doing, request, answer)

    async def _ended(
        self, doing: _Doing, request: Any, answer: Answer | None = None, *, skipped: bool = False
    ) -> StepRecord:
        """A step that asked nobody itself: as it is recorded, or recorded now."""
        recorded = await self._recorded_as(doing, request, skipped=skipped)
        if recorded is not None:
            return recorded
        self._require_begin(doing)
        return await self._record(doing, request, answer or Answer(), skipped=skipped)

    def _require_begin(self, doing: _Doing) -> None:
        """Raises Stopped where nothing new may begin."""
        if self._exact:
            self._lacking.append(doing.step.name)
        if self._exact or self._failures:
            raise Stopped

    async def _holds(self, doing: _Doing) -> bool:
        when = doing.step.when
        return when is None or await self._rendered(doing, when.holds)

    async def _rendered(self, doing: _Doing, render: Callable[[Scope], T]) -> T:
        """What templates come to, rendered aside: one with loops can take a while."""
        try:
            return await asyncio.to_thread(render, doing.scope)
        except InvalidRequest as error:
            await self._record(doing, None, Answer(error=error))
            raise

    # -- what is on record ---------------------------------------------------------------------

    async def _recorded_as(
        self, doing: _Doing, request: Any, *, skipped: bool
    ) -> StepRecord | None:
        """What is recorded of a step, if anything, which must be of this request.

        What failed is done anew, unless all is replayed as it was.
        """
        key = doing.key
        own = self._known.recorded.get(key)
        if own is not None and own.status != "failed":
            require_same(own, request, skipped=skipped, plan=self._plan.plan.ref)
            return own
        kept = self._known.kept.get(key)
        if kept is None or (kept.status == "failed" and not self._exact):
            return None
        require_same(kept, request, skipped=skipped, plan=self._plan.plan.ref)
        # It becomes a step of this run, which paid nothing for it.
        free: dict[str, Any] = {"calls": 0, "cost_usd": Decimal(0)}
        return await self._written(msgspec.structs.replace(kept, **free))

    async def _record(
        self, doing: _Doing, request: Any, answer: Answer, *, skipped: bool = False
    ) -> StepRecord:
        """Make what came of a step durable. Raises StepFailed where it failed."""
        name, error = doing.step.name, answer.error
        record = StepRecord(
            step=name,
            item=doing.item,
            status="failed" if error is not None else "skipped" if skipped else "done",
            output=answer.output,
            request=request,
            pinned=answer.pinned,
            model=answer.model,
            error=None if error is None else str(error)[:_MOST_ERROR_CHARS],
            agreed=answer.agreed,
            attempts=max(1, answer.attempts),
            calls=answer.calls,
            cost_usd=answer.cost_usd,
            trace_id=self._trace.trace_id,
            span_id=self._trace.span_id(name, doing.item),
            started_ns=doing.started_ns,
            ended_ns=self._clock.now_ns(),
        )
        await self._trace.step(record)
        return await self._written(record)

    async def _written(self, record: StepRecord) -> StepRecord:
        await self._journal.record(record)
        if record.status == "failed":
            failure = StepFailed(record)
            self._failures.append(failure)
            raise failure
        return record


class _Doing(msgspec.Struct, frozen=True):
    """A step, or one item of it, that is being done."""

    step: CompiledStep
    scope: Scope
    item: int | None
    started_ns: int

    @property
    def key(self) -> Key:
        return self.step.name, self.item
