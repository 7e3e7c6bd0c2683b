"""Runs of a release on the server: the engine over the stores.

Scores and answers are durable as they come, so a crash keeps what was paid for; the run's own
record says how far it got.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from trimtab.errors import Conflict, NotFound, StoreError
from trimtab.experiments.costs import total_cost
from trimtab.experiments.engine import Bounds, Engine
from trimtab.experiments.repeats import headlines
from trimtab.experiments.silence import BEAT_S, give_up, heard
from trimtab.experiments.tasks import answering
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock, RunStore, Scorer, Task, TelemetryStore
from trimtab.records import AppliedScorer, Dataset, Example, Release, Result, Run
from trimtab.records.run import RunStatus
from trimtab.scorers.judgement import bounds

_log = logging.getLogger("trimtab.experiments")
_PROGRESS_EVERY = 20
_APPEND_EVERY = 200
_APPEND_NS = NS_PER_S // 2


class Experiments:
    """Runs experiments in the background of a server, or awaited by a caller."""

    def __init__(self, *, runs: RunStore, telemetry: TelemetryStore, clock: Clock) -> None:
        self._runs = runs
        self._telemetry = telemetry
        self._clock = clock
        self._running: dict[asyncio.Task[None], Run] = {}
        self._watching: asyncio.Task[None] | None = None
        # One thread writes the records of runs, so that they land in the order they were written.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="experiments")

    def start(
        self,
        run: Run,
        task: Task,
        examples: Sequence[Example],
        scorers: Sequence[Scorer],
        *,
        concurrency: int = 4,
    ) -> asyncio.Task[None]:
        """Execute in the background; the run's record shows how it goes."""
        supervised = self._supervised(run, task, examples, scorers, concurrency)
        running = asyncio.create_task(supervised, name=f"run {run.run_id}")
        self._running[running] = run
        running.add_done_callback(self._running.pop)
        return running

    async def watch(self) -> None:
        """Say from now on that the runs of this server go on, and end those of which nothing is
        heard, whoever executed them."""
        await self._look()
        self._watching = asyncio.create_task(self._look_often(), name="runs")

    async def _look_often(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self._look()

    async def _look(self) -> None:
        try:
            for run in list(self._running.values()):
                await self._in_turn(self._beat, run)
            for run in await asyncio.to_thread(give_up, self._runs, self._clock):
                _log.warning("run %s is ended: %s", run.run_id, run.error)
        except StoreError as error:
            _log.warning("nobody looks after runs for now: %s", error)

    def _beat(self, run: Run) -> None:
        with contextlib.suppress(NotFound):
            heard(self._runs, self._runs.get(run.project, run.run_id), self._clock)

    async def stop(self) -> None:
        """Cancel what is running; those runs end as interrupted."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        running = dict(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for run in running.values():
            await self._in_turn(self._mark, run, "interrupted", "the server stopped")

    async def _supervised(
        self,
        run: Run,
        task: Task,
        examples: Sequence[Example],
        scorers: Sequence[Scorer],
        concurrency: int,
    ) -> None:
        """A run that fails says so on its record."""
        try:
            await self.execute(run, task, examples, scorers, concurrency=concurrency)
        except Exception as error:
            _log.exception("run %s failed", run.run_id)
            await self._in_turn(self._mark, run, "failed", str(error) or repr(error))

    def _mark(self, run: Run, status: RunStatus, error: str) -> None:
        """End a run before its time, unless it came to its end just now."""
        try:
            with contextlib.suppress(NotFound):
                run = self._runs.get(run.project, run.run_id)
            if run.status == "running":
                self._runs.put(_ended(run, status, self._clock, error))
        except StoreError as fault:
            _log.error("run %s cannot be marked %s: %s", run.run_id, status, fault)

    async def _in_turn(self, work: Callable[..., None], *arguments: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, work, *arguments)

    async def execute(
        self,
        run: Run,
        task: Task,
        examples: Sequence[Example],
        scorers: Sequence[Scorer],
        *,
        concurrency: int = 4,
    ) -> Run:
        """Run every example and summarise; returns the finished run, which is also stored.

        Args:
            concurrency: examples in flight at once, fewer while a provider has too many.
        Raises:
            StoreError: results or the run's record could not be made durable.
        """
        await self._in_turn(self._runs.put, run)
        sink = _Stored(run, self._runs, self._telemetry, self._clock, self._in_turn)
        engine = Engine(
            answering(task),
            scorers,
            sink,
            run=run.run_id,
            project=run.project,
            bounds=Bounds(concurrency=concurrency, repeats=run.repeats),
            clock=self._clock,
        )
        try:
            await engine.go(examples)
        finally:
            await asyncio.shield(sink.append())
        ended = concluded(run, sink.results, examples, self._clock)
        await self._in_turn(self._runs.put, ended)
        return ended


class _Stored:
    """The sink of a run on the server: scores to the telemetry at once, results in batches."""

    waits = True

    def __init__(
        self,
        run: Run,
        runs: RunStore,
        telemetry: TelemetryStore,
        clock: Clock,
        in_turn: Callable[..., Awaitable[None]],
    ) -> None:
        self.results: list[Result] = []
        self._run = run
        self._runs = runs
        self._telemetry = telemetry
        self._clock = clock
        self._in_turn = in_turn
        self._batch: list[Result] = []
        self._appended_ns = clock.monotonic_ns()
        self._settled = 0

    def answered(self, result: Result) -> None:
        """Nothing is resumed on a server: an answer is kept with its scores."""

    def finished(self, result: Result) -> None:
        self.results.append(result)
        self._batch.append(result)

    async def settled(self, result: Result) -> None:
        if result.scores:
            await asyncio.wrap_future(self._telemetry.append(scores=result.scores))
        self._settled += 1
        late = self._clock.monotonic_ns() - self._appended_ns >= _APPEND_NS
        if late or len(self._batch) >= _APPEND_EVERY:
            await self.append()
        if self._settled % _PROGRESS_EVERY == 0:
            now_ns = self._clock.now_ns()
            progress = msgspec.structs.replace(self._run, done=self._settled, heard_ns=now_ns)
            await self._in_turn(self._runs.put, progress)

    async def append(self) -> None:
        """Make what has gathered durable."""
        batch, self._batch = self._batch, []
        self._appended_ns = self._clock.monotonic_ns()
        if batch:
            run = self._run
            await self._in_turn(self._runs.append, run.project, run.run_id, batch)


def concluded(
    run: Run, results: Sequence[Result], examples: Sequence[Example], clock: Clock
) -> Run:
    """The record of a run all of whose cases have come to their end."""
    failures = [result.error for result in results if result.error is not None]
    if results and len(failures) == len(results):
        failed = _ended(run, "failed", clock, f"every call failed: {failures[0]}")
        return msgspec.structs.replace(failed, done=len(results))
    return msgspec.structs.replace(
        _ended(run, "done", clock),
        done=len(results),
        metrics=headlines(results, examples, run.scorers),
        cost_usd=total_cost(results),
    )


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What answers and is no release: in words, with its hash, and what tells it apart."""

    project: str
    task: str
    digest: str
    variant: dict[str, str] = {}
    release: str | None = None
    release_digest: str | None = None

    @classmethod
    def of(cls, release: Release) -> Described:
        return cls(
            project=release.project,
            task=f"release {release.ref}",
            digest=release.digest,
            release=release.ref,
            release_digest=release.digest,
        )


def new_run(
    run_id: str,
    *,
    name: str,
    release: Release | Described,
    dataset: Dataset,
    split: str | None,
    examples: Sequence[Example],
    scorers: Sequence[Scorer],
    clock: Clock,
) -> Run:
    """The record of a run that is about to start.

    Args:
        release: what answers; what is no release is described.
        examples: the rows of the dataset, or of one split of it, that it will be made over.
    Raises:
        Conflict: there are no rows.
    """
    if not examples:
        part = f"no rows of split {split!r}" if split else "no rows"
        raise Conflict(f"dataset {dataset.ref} has {part}", fix="add examples to it")
    what = release if isinstance(release, Described) else Described.of(release)
    return Run(
        run_id=run_id,
        project=what.project,
        name=name,
        release=what.release,
        release_digest=what.release_digest,
        dataset=dataset.ref,
        dataset_digest=dataset.digest,
        split=split,
        scorers=applied(scorers),
        task=what.task,
        task_digest=what.digest,
        variant=what.variant,
        started_ns=clock.now_ns(),
        total=len(examples),
        vouched=True,
        heard_ns=clock.now_ns(),
    )


def applied(scorers: Sequence[Scorer]) -> tuple[AppliedScorer, ...]:
    """Scorers as the record of a run names them."""
    return tuple(
        AppliedScorer(
            name=scorer.name,
            digest=scorer.digest,
            version=scorer.version,
            tier=scorer.tier,
            higher_is_better=scorer.higher_is_better,
            scale=_scale(scorer),
        )
        for scorer in scorers
    )


def _scale(scorer: Scorer) -> tuple[float, float | None] | None:
    """What bounds a scorer's values; JSON has no infinity, so a record has None for it."""
    found = bounds(getattr(scorer, "scale", None))
    return None if found is None else (found[0], found[1] if math.isfinite(found[1]) else None)


def _ended(run: Run, status: RunStatus, clock: Clock, error: str | None = None) -> Run:
    return msgspec.structs.replace(run, status=status, error=error, ended_ns=clock.now_ns())
