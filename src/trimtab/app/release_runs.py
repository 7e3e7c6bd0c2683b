"""Experiments of releases against datasets, run by a server through its own gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from trimtab.app.front import Front
from trimtab.experiments.execute import Experiments, new_run
from trimtab.experiments.suite import DEFAULT_SCORERS
from trimtab.gateway.ask import Caller
from trimtab.gateway.task import ReleaseTask
from trimtab.kit import ids
from trimtab.records import Principal, Run
from trimtab.scorers.registry import resolve


class ReleaseRuns:
    """Starts runs of releases."""

    def __init__(self, front: Front, experiments: Experiments) -> None:
        self._front = front
        self._experiments = experiments

    async def start(
        self,
        principal: Principal,
        *,
        release: str,
        dataset: str,
        scorers: Sequence[str] = (),
        name: str = "",
        split: str | None = None,
        concurrency: int = 4,
    ) -> Run:
        """Start an experiment in the background and return its record.

        Raises:
            NotFound: the release or the dataset does not exist.
            Conflict: there is nothing to run.
            ScorerError: a scorer does not exist.
        """
        project = principal.project
        judges = resolve(scorers or DEFAULT_SCORERS)
        found = await asyncio.to_thread(self._front.metadata.releases.get, project, release)
        datasets = self._front.metadata.datasets
        version = await asyncio.to_thread(datasets.get, project, dataset)
        rows = await asyncio.to_thread(datasets.examples, project, version.ref)
        examples = [row for row in rows if split is None or row.split == split]
        run = new_run(
            ids.uuid7(self._front.clock.now_ns()),
            name=name or f"{found.ref} on {version.ref}",
            release=found,
            dataset=version,
            split=split,
            examples=examples,
            scorers=judges,
            clock=self._front.clock,
        )
        caller = Caller(principal=principal.id, project=project, run=run.run_id)
        task = ReleaseTask(self._front.gateway, model=found.ref, caller=caller)
        await asyncio.to_thread(self._front.metadata.runs.put, run)
        self._experiments.start(run, task, examples, judges, concurrency=concurrency)
        return run
