"""A run as a trace: a span for the run, one for each step, and those of the calls below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimtab.kit.hashing import digest
from trimtab.ports import Recorder
from trimtab.records import PlanRun, Span, StepRecord
from trimtab.records.span import SpanKind, SpanStatus

PLAN, RUN, STEP, ITEM = "trimtab.plan", "trimtab.plan_run", "trimtab.step", "trimtab.item"
_SERVICE = "trimtab.plans"


class Trace:
    """Writes the spans of one run. Its ids come of the run's, so that a run that goes on after a
    crash writes the same spans.

    Args:
        redact: what hides parts of what is recorded.
    """

    def __init__(self, run: PlanRun, recorder: Recorder, *, redact: Callable[[Span], Span]) -> None:
        self._run = run
        self._recorder = recorder
        self._redact = redact
        self.trace_id = run.trace_id or digest([run.plan_run_id])[:32]

    def span_id(self, step: str | None, item: int | None = None) -> str:
        """The id of a step's span; None is the run itself."""
        return digest([self._run.plan_run_id, step, item])[:16]

    def about(self, step: str | None, item: int | None = None) -> dict[str, Any]:
        """What the spans of a step, and of its calls, say of the plan."""
        said = {PLAN: self._run.plan, RUN: self._run.plan_run_id, STEP: step, ITEM: item}
        return {name: value for name, value in said.items() if value is not None}

    async def begin(self) -> None:
        """Put the run on record as one that is not over. Raises NotDurable."""
        run = self._run
        await self._write(self._root(end_ns=run.started_ns, revision=-1, open=True))

    async def end(self, run: PlanRun) -> None:
        """Put the run on record as it ended. Raises NotDurable."""
        ended_ns = run.ended_ns or run.started_ns
        status: SpanStatus = "ok" if run.status == "done" else "error"
        await self._write(
            self._root(
                end_ns=ended_ns,
                revision=ended_ns,
                status=status,
                error=run.error,
                output=run.output,
            )
        )

    async def step(self, record: StepRecord) -> None:
        """Put a step on record. Raises NotDurable."""
        parent = None if record.item is None else record.step
        name = record.step if record.item is None else f"{record.step}[{record.item}]"
        await self._write(
            self._span(
                record.step,
                record.item,
                name=name,
                parent_id=self.span_id(parent),
                start_ns=record.started_ns,
                end_ns=max(record.started_ns, record.ended_ns),
                revision=record.ended_ns,
                status="error" if record.status == "failed" else "ok",
                error=record.error,
                input=record.request,
                output=record.output,
                tags=("skipped",) if record.status == "skipped" else (),
            )
        )

    def _root(self, **fields: Any) -> Span:
        run = self._run
        return self._span(
            None, None, name=run.plan, start_ns=run.started_ns, input=run.inputs, **fields
        )

    def _span(self, step: str | None, item: int | None, **fields: Any) -> Span:
        kind: SpanKind = "chain"
        return Span(
            trace_id=self.trace_id,
            span_id=self.span_id(step, item),
            project=self._run.project,
            kind=kind,
            service=_SERVICE,
            attributes=self.about(step, item),
            **fields,
        )

    async def _write(self, span: Span) -> None:
        await self._recorder.record([self._redact(span)])
