"""What is kept of runs that are over: as it was while it is needed, and redacted from then on.

A run that is done can be replayed, and one that is not can be resumed, of its record as it was.
When that time is over, parts of the record are hidden as the default policy of its project says;
where nothing is, it can be replayed for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec

from trimtab.errors import Conflict, NotFound
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock, PlanStore
from trimtab.records import PlanRun, Span, StepRecord
from trimtab.records.plan import PlanStatus

DONE_S = 3_600.0
"""For how long a run that is done is kept as it was."""

LEFT_S = 7 * 86_400.0
"""For how long one is that failed or was cancelled."""


def redacted_at(status: PlanStatus, now_ns: int) -> int:
    """When the record of a run that is over by now is redacted."""
    kept_s = DONE_S if status == "done" else LEFT_S
    return now_ns + int(kept_s * NS_PER_S)


def require_whole(run: PlanRun) -> None:
    """Raises Conflict where parts of a run's record are hidden."""
    if run.hidden:
        raise Conflict(
            f"parts of the record of run {run.plan_run_id} were hidden by the policy of guards",
            fix="start a new run",
        )


class Keeping:
    """Redacts records when their time has come.

    Args:
        redact: what hides parts of spans; the same span where it hides nothing.
    """

    def __init__(self, store: PlanStore, clock: Clock, redact: Callable[[Span], Span]) -> None:
        self._store = store
        self._clock = clock
        self._redact = redact

    async def sweep(self) -> None:
        """Redact some of the records that are due. Raises StoreError."""
        for run in await asyncio.to_thread(self._store.due, self._clock.now_ns()):
            with contextlib.suppress(Conflict, NotFound):  # another server was first
                await asyncio.to_thread(self._settle, run)

    def _settle(self, run: PlanRun) -> None:
        steps = self._store.steps(run.project, run.plan_run_id)
        said = self._hidden(run, input=run.inputs, output=run.output, error=run.error)
        told = [
            self._hidden(run, input=one.request, output=one.output, error=one.error)
            for one in steps
        ]
        hidden = said is not None or any(one is not None for one in told)

        def change(found: PlanRun) -> PlanRun:
            if found.status == "running" or found.redact_ns != run.redact_ns:
                raise Conflict(f"the run {run.plan_run_id} goes on")
            fields: dict[str, Any] = {"redact_ns": None, "hidden": found.hidden or hidden}
            if said is not None:
                fields |= {"inputs": said.input or {}, "output": said.output, "error": said.error}
            return msgspec.structs.replace(found, **fields)

        after = [
            one if new is None else _step(one, new) for one, new in zip(steps, told, strict=True)
        ]
        self._store.amend(run.project, run.plan_run_id, change, steps=after if hidden else None)

    def _hidden(self, run: PlanRun, **fields: Any) -> Span | None:
        """What is left of some values; None where nothing of them is hidden."""
        span = Span(
            trace_id=run.trace_id or "",
            span_id="",
            project=run.project,
            kind="chain",
            name=run.plan,
            start_ns=run.started_ns,
            end_ns=run.started_ns,
            **fields,
        )
        redacted = self._redact(span)
        return None if redacted is span or redacted == span else redacted


def _step(record: StepRecord, said: Span) -> StepRecord:
    return msgspec.structs.replace(record, request=said.input, output=said.output, error=said.error)
