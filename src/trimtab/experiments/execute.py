"""Running an experiment: every example through the task, every answer through the scorers.

Scores are durable as they come, so a crash keeps what was paid for; the run's own record says how
far it got.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.errors import Conflict, NotFound, StoreError, TrimtabError
from trimtab.experiments.compare import summarise
from trimtab.experiments.vectors import vectors
from trimtab.ports import Clock, Response, RunStore, Scorer, Task, TelemetryStore
from trimtab.records import AppliedScorer, Dataset, Estimate, Example, Release, Run, Score
from trimtab.records.run import RunStatus
from trimtab.scorers.subjects import of_example

_log = logging.getLogger("trimtab.experiments")
_PROGRESS_EVERY = 20


class Experiments:
    """Runs experiments in the background of a server, or awaited by a caller."""

    def __init__(self, *, runs: RunStore, telemetry: TelemetryStore, clock: Clock) -> None:
        self._runs = runs
        self._telemetry = telemetry
        self._clock = clock
        self._running: dict[asyncio.Task[None], Run] = {}
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
    ) -> None:
        """Execute in the background; the run's record shows how it goes."""
        supervised = self._supervised(run, task, examples, scorers, concurrency)
        running = asyncio.create_task(supervised, name=f"run {run.run_id}")
        self._running[running] = run
        running.add_done_callback(self._running.pop)

    def recover(self) -> None:
        """Runs that a crash left running end as interrupted; their scores so far are kept."""
        for run in self._runs.running():
            self._runs.put(_ended(run, "interrupted", self._clock, "the server was killed"))

    async def stop(self) -> None:
        """Cancel what is running; those runs end as interrupted."""
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
            concurrency: examples in flight at once.
        Raises:
            StoreError: scores or the run's record could not be made durable.
        """
        await self._in_turn(self._runs.put, run)
        gate = asyncio.Semaphore(concurrency)
        scores: list[Score] = []
        costs: list[Decimal | None] = []
        failures: list[str] = []

        async def one(example: Example) -> None:
            async with gate:
                response, judged = await self._example(run, task, example, scorers)
            scores.extend(judged)
            costs.append(response.cost_usd)
            failures.extend([response.error] if response.error else [])
            if len(costs) % _PROGRESS_EVERY == 0:
                progress = msgspec.structs.replace(run, done=len(costs))
                await self._in_turn(self._runs.put, progress)

        await _all(one(example) for example in examples)
        if len(failures) == len(examples):
            failed = _ended(run, "failed", self._clock, f"every call failed: {failures[0]}")
            failed = msgspec.structs.replace(failed, done=len(examples))
            await self._in_turn(self._runs.put, failed)
            return failed
        finished = msgspec.structs.replace(
            _ended(run, "done", self._clock),
            done=len(examples),
            metrics=_metrics(scores, examples, scorers),
            cost_usd=None if None in costs else sum((c for c in costs if c), Decimal(0)),
        )
        await self._in_turn(self._runs.put, finished)
        return finished

    async def _example(
        self, run: Run, task: Task, example: Example, scorers: Sequence[Scorer]
    ) -> tuple[Response, list[Score]]:
        try:
            response = await task(example)
        except Exception as error:
            # A task is anybody's code: one example that it fails on does not end the run.
            if not isinstance(error, TrimtabError):
                _log.exception("the task of run %s failed on %s", run.run_id, example.example_id)
            response = Response(output=None, error=str(error) or repr(error))
        subject = of_example(example, response, project=run.project, run=run.run_id)
        judged = [score for scorer in scorers for score in await scorer.score(subject)]
        if response.error:
            judged = [_blamed(score, response.error) for score in judged]
        await asyncio.wrap_future(self._telemetry.append(scores=judged))
        return response, judged


def new_run(
    run_id: str,
    *,
    name: str,
    release: Release,
    dataset: Dataset,
    split: str | None,
    examples: Sequence[Example],
    scorers: Sequence[Scorer],
    clock: Clock,
) -> Run:
    """The record of a run that is about to start.

    Args:
        examples: the rows of the dataset, or of one split of it, that it will be made over.
    Raises:
        Conflict: there are no rows.
    """
    if not examples:
        part = f"no rows of split {split!r}" if split else "no rows"
        raise Conflict(f"dataset {dataset.ref} has {part}", fix="add examples to it")
    return Run(
        run_id=run_id,
        project=release.project,
        name=name,
        release=release.ref,
        release_digest=release.digest,
        dataset=dataset.ref,
        dataset_digest=dataset.digest,
        split=split,
        scorers=applied(scorers),
        started_ns=clock.now_ns(),
        total=len(examples),
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
        )
        for scorer in scorers
    )


async def _all(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all jobs; the first that fails stops the others, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _blamed(score: Score, error: str) -> Score:
    """A score that could not be given because the task failed says so."""
    if score.status == "scored":
        return score
    return msgspec.structs.replace(score, reason=f"the task failed: {error}")


def _ended(run: Run, status: RunStatus, clock: Clock, error: str | None = None) -> Run:
    return msgspec.structs.replace(run, status=status, error=error, ended_ns=clock.now_ns())


def _metrics(
    scores: Sequence[Score], examples: Sequence[Example], scorers: Sequence[Scorer]
) -> dict[str, Estimate]:
    """Headline of each metric over all examples of the run."""
    higher = {scorer.name: scorer.higher_is_better for scorer in scorers}
    clusters = {example.example_id: example.cluster or example.example_id for example in examples}
    return {
        name: summarise(
            name,
            vector.values,
            binary=vector.binary,
            higher_is_better=higher.get(name.partition(".")[0], True),
            clusters=clusters,
        )
        for name, vector in vectors(scores, list(clusters)).items()
    }
