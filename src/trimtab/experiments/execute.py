"""Running an experiment: every example through the task, every answer through the scorers.

Scores are durable as they come, so a crash keeps what was paid for; the run's own record says how
far it got.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trimtab.errors import Conflict, TrimtabError
from trimtab.experiments.compare import summarise
from trimtab.experiments.vectors import vectors
from trimtab.ports import Clock, Response, RunStore, Scorer, Task, TelemetryStore
from trimtab.records import Dataset, Estimate, Example, Release, Run, Score
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
        self._tasks: dict[str, asyncio.Task[Run]] = {}

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
        self._tasks[run.run_id] = asyncio.create_task(
            self._supervised(run, task, examples, scorers, concurrency)
        )

    def recover(self) -> None:
        """Runs that a crash left running end as interrupted; their scores so far are kept."""
        for run in self._runs.running():
            self._runs.put(_ended(run, "interrupted", self._clock, "the server was killed"))

    async def stop(self) -> None:
        """Cancel what is running; those runs end as interrupted."""
        running = list(self._tasks.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _supervised(
        self,
        run: Run,
        task: Task,
        examples: Sequence[Example],
        scorers: Sequence[Scorer],
        concurrency: int,
    ) -> Run:
        """A run always ends with a status that says how."""
        try:
            return await self.execute(run, task, examples, scorers, concurrency=concurrency)
        except asyncio.CancelledError:
            self._runs.put(_ended(run, "interrupted", self._clock, "the server stopped"))
            raise
        except Exception as error:
            _log.exception("run %s failed", run.run_id)
            failed = _ended(run, "failed", self._clock, str(error) or repr(error))
            await asyncio.to_thread(self._runs.put, failed)
            return failed
        finally:
            self._tasks.pop(run.run_id, None)

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
            StoreError: scores could not be made durable.
        """
        await asyncio.to_thread(self._runs.put, run)
        gate = asyncio.Semaphore(concurrency)
        scores: list[Score] = []
        costs: list[Decimal | None] = []

        async def one(example: Example) -> None:
            async with gate:
                response, judged = await self._example(run, task, example, scorers)
            scores.extend(judged)
            costs.append(response.cost_usd)
            if len(costs) % _PROGRESS_EVERY == 0:
                progress = msgspec.structs.replace(run, done=len(costs))
                await asyncio.to_thread(self._runs.put, progress)

        async with asyncio.TaskGroup() as group:
            for example in examples:
                group.create_task(one(example))
        finished = msgspec.structs.replace(
            _ended(run, "done", self._clock),
            done=len(examples),
            metrics=_metrics(scores, examples, scorers),
            cost_usd=None if None in costs else sum((c for c in costs if c), Decimal(0)),
        )
        await asyncio.to_thread(self._runs.put, finished)
        return finished

    async def _example(
        self, run: Run, task: Task, example: Example, scorers: Sequence[Scorer]
    ) -> tuple[Response, list[Score]]:
        try:
            response = await task(example)
        except TrimtabError as error:
            response = Response(output=None, error=str(error))
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
        scorers=tuple(scorer.name for scorer in scorers),
        started_ns=clock.now_ns(),
        total=len(examples),
    )


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
