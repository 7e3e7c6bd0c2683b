"""Runs of plans on the server: begun, watched, taken over, cancelled, resumed, replayed.

A run belongs to the process that executes it, which says every few seconds that it is at it. Of one
whose owner is silent, or is an earlier process of this server, whoever claims it first goes on from
its recorded steps.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trimtab.errors import Conflict, NotFound, StoreError
from trimtab.kit import ids
from trimtab.kit.clock import NS_PER_S
from trimtab.plans.asking import Ask
from trimtab.plans.declared import filled
from trimtab.plans.execution import BEAT_S, Execution, compiled_of
from trimtab.plans.keeping import Keeping, redacted_at, require_whole
from trimtab.ports import Clock, PlanStore, Recorder
from trimtab.records import Plan, PlanRun, Principal, Span

_log = logging.getLogger("trimtab.plans")

SILENT_S = 30.0
"""After how long without a word another process takes a run over."""

MOST_TAKEOVERS = 10
"""How often a run is taken over from a process that died, before it counts as the reason."""


class Plans:
    """Executes runs in the background.

    Args:
        ask: who asks models for a run. Raises a TrimtabError where nobody may any more.
        server: names this server, in all its lives.
        redact: what hides parts of what is recorded of runs.
    """

    def __init__(
        self,
        *,
        store: PlanStore,
        recorder: Recorder,
        ask: Callable[[PlanRun], Ask],
        clock: Clock,
        server: str,
        redact: Callable[[Span], Span],
    ) -> None:
        self._store = store
        self._clock = clock
        self._server = server
        self._execution = Execution(
            store=store, recorder=recorder, ask=ask, clock=clock, redact=redact
        )
        self._keeping = Keeping(store, clock, redact)
        # None: claimed, and about to be executed.
        self._running: dict[str, asyncio.Task[None] | None] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._watching: asyncio.Task[None] | None = None
        self._stopping = False

    async def watch(self) -> None:
        """Go on with the runs that nobody executes, now and from now on."""
        await self._look()
        self._watching = asyncio.create_task(self._look_often(), name="plans")

    async def stop(self) -> None:
        """Leave what is running to whoever serves next; nothing that was recorded is lost."""
        self._stopping = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        running = [task for task in self._running.values() if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # -- what can be done with runs ------------------------------------------------------------

    async def start(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        by: Principal,
        *,
        environment: str | None = None,
    ) -> PlanRun:
        """Begin a run; its record shows how it goes.

        Args:
            environment: of its calls, where releases answer by environment.
        Raises:
            InvalidRequest: the inputs are not those of the plan.
        """
        run_id = ids.uuid7(self._clock.now_ns())
        run = self._new(run_id, plan, filled(plan, inputs), by)
        return await self._begin(msgspec.structs.replace(run, environment=environment))

    async def replay(
        self, project: str, plan_run_id: str, by: Principal, *, first: str | None = None
    ) -> PlanRun:
        """Run again from the record of a run that is over.

        Args:
            first: a step that is asked anew, with all that need it; without one nobody is asked.
        Raises:
            NotFound: there is no such run.
            InvalidRequest: the plan has no such step.
            Conflict: the run is not over, or parts of its record are hidden.
        """
        source = await asyncio.to_thread(self._store.run, project, plan_run_id)
        require_whole(source)
        if source.status not in ("done", "failed"):
            raise Conflict(
                f"the run {plan_run_id} is {source.status}, and only what is over can be replayed",
                fix="wait for its end, or resume it",
            )
        compiled = await asyncio.to_thread(compiled_of, self._store, source)
        if first is not None:
            compiled.redone(first)
        run_id = ids.uuid7(self._clock.now_ns())
        fields = {
            "replay_of": source.plan_run_id,
            "replay_from": first,
            "environment": source.environment,
        }
        run = self._new(run_id, compiled.plan, source.inputs, by)
        return await self._begin(msgspec.structs.replace(run, **fields))

    async def resume(self, project: str, plan_run_id: str, by: Principal) -> PlanRun:
        """Go on with a run that failed or was cancelled; who resumes it pays from now on.

        Raises NotFound; Conflict where it is running or done.
        """

        def change(run: PlanRun) -> PlanRun:
            if run.status not in ("failed", "interrupted"):
                raise Conflict(
                    f"the run {plan_run_id} is {run.status}",
                    fix="resume a run that failed or was cancelled",
                )
            require_whole(run)
            fields = {"status": "running", "error": None, "ended_ns": None, "takeovers": 0}
            return msgspec.structs.replace(
                run, redact_ns=None, **fields, author=by.id, key=by.key, **self._ownership()
            )

        return await self._claimed(project, plan_run_id, change)

    async def cancel(self, project: str, plan_run_id: str, by: Principal) -> PlanRun:
        """End a run as interrupted, whichever process executes it; a call under way is cut off.

        Raises NotFound; Conflict where it is over.
        """

        def change(run: PlanRun) -> PlanRun:
            if run.status != "running":
                raise Conflict(f"the run {plan_run_id} is {run.status} already")
            return self._interrupted(run, f"cancelled by {by.id}")

        run = await asyncio.to_thread(self._store.amend, project, plan_run_id, change)
        if (task := self._running.get(plan_run_id)) is not None:
            task.cancel()
        await self._execution.over(run)
        self._tell(plan_run_id)
        return run

    async def news(self, plan_run_id: str, *, limit_s: float) -> None:
        """Return when there may be something new of a run, `limit_s` later at the latest."""
        event = self._news.setdefault(plan_run_id, asyncio.Event())
        try:
            async with asyncio.timeout(limit_s):
                await event.wait()
        except TimeoutError:
            if plan_run_id not in self._running:
                self._news.pop(plan_run_id, None)

    def _tell(self, plan_run_id: str) -> None:
        """Wake those who wait for news; later ones wait anew."""
        event = self._news.pop(plan_run_id, None)
        if event is not None:
            event.set()

    # -- beginning -----------------------------------------------------------------------------

    def _new(self, run_id: str, plan: Plan, inputs: Mapping[str, Any], by: Principal) -> PlanRun:
        return PlanRun(
            plan_run_id=run_id,
            project=plan.project,
            plan=plan.ref,
            plan_digest=plan.digest,
            inputs=dict(inputs),
            trace_id=ids.trace_id(),
            author=by.id,
            key=by.key,
            started_ns=self._clock.now_ns(),
            **self._ownership(),
        )

    async def _begin(self, run: PlanRun) -> PlanRun:
        self._running[run.plan_run_id] = None
        try:
            await asyncio.to_thread(self._store.put_run, run)
        except BaseException:
            del self._running[run.plan_run_id]
            raise
        self._execute(run)
        return run

    async def _claimed(
        self, project: str, plan_run_id: str, change: Callable[[PlanRun], PlanRun]
    ) -> PlanRun:
        """A run as `change` makes it, executed from now on if it is running. Raises as `amend`."""
        self._running.setdefault(plan_run_id, None)
        try:
            run = await asyncio.to_thread(self._store.amend, project, plan_run_id, change)
            if run.status == "running":
                self._execute(run)
            return run
        finally:
            if self._running.get(plan_run_id, self) is None:
                del self._running[plan_run_id]

    def _ownership(self) -> dict[str, Any]:
        """Of one execution by one life of this server: no other has the same."""
        return {"owner": f"{self._server}:{ids.span_id()}", "heard_ns": self._clock.now_ns()}

    def _interrupted(self, run: PlanRun, error: str) -> PlanRun:
        now_ns = self._clock.now_ns()
        fields = {"error": error, "owner": None, "ended_ns": now_ns}
        redact_ns = redacted_at("interrupted", now_ns)
        return msgspec.structs.replace(run, status="interrupted", redact_ns=redact_ns, **fields)

    def _execute(self, run: PlanRun) -> None:
        run_id = run.plan_run_id
        if self._stopping:
            self._running.pop(run_id, None)
            return  # it is on record, and whoever serves next takes it
        task = asyncio.create_task(
            self._execution.supervised(run, lambda: self._tell(run_id)), name=f"plan run {run_id}"
        )
        self._running[run_id] = task

        def over(_: asyncio.Task[None]) -> None:
            if self._running.get(run_id) is task:
                del self._running[run_id]

        task.add_done_callback(over)

    # -- taking over ---------------------------------------------------------------------------

    async def _look_often(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self._look()

    async def _look(self) -> None:
        try:
            for run in await asyncio.to_thread(self._store.running):
                if run.plan_run_id not in self._running and self._is_free(run):
                    await self._take_over(run)
            await self._keeping.sweep()
        except StoreError as error:
            _log.warning("nobody looks after runs of plans for now: %s", error)

    def _is_free(self, run: PlanRun) -> bool:
        """Whether nobody executes a run: it was left, its server began a new life, or is silent."""
        if run.owner is None or run.owner.partition(":")[0] == self._server:
            return True
        heard_ns = run.started_ns if run.heard_ns is None else run.heard_ns
        return self._clock.now_ns() - heard_ns > SILENT_S * NS_PER_S

    async def _take_over(self, seen: PlanRun) -> None:
        def change(run: PlanRun) -> PlanRun:
            if run.status != "running" or not self._is_free(run):
                raise Conflict(f"the run {run.plan_run_id} has somebody who executes it")
            died = run.takeovers + (run.owner is not None)
            if died > MOST_TAKEOVERS:
                error = f"whoever executes it dies: {run.takeovers} times so far"
                return self._interrupted(run, error)
            return msgspec.structs.replace(run, takeovers=died, **self._ownership())

        with contextlib.suppress(Conflict, NotFound):
            run = await self._claimed(seen.project, seen.plan_run_id, change)
            _log.info("run %s of plan %s is taken over", run.plan_run_id, run.plan)
            if run.status != "running":
                await self._execution.over(run)
