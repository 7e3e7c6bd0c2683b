"""Experiments over real stores, with tasks and scorers that are easy to foresee."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from tests.stations.wiring import in_loop

from trimtab.errors import NotFound
from trimtab.experiments.decision import Measured
from trimtab.experiments.execute import Experiments, new_run
from trimtab.experiments.gate import GateRule
from trimtab.experiments.suite import SuiteGate
from trimtab.experiments.verdict import judged
from trimtab.kit.clock import SystemClock
from trimtab.ports import Response, ScoreQuery, Scorer, TelemetryStore
from trimtab.records import Dataset, Example, Release, Run, Score
from trimtab.scorers.definition import scorer
from trimtab.stores.metadata.sql import SQLMetadata


@scorer
def right(output: str, expected: str) -> bool:
    return output == expected


@scorer
def length(output: str) -> float:
    return float(len(output))


@scorer
def tone(output: str) -> str:
    return "calm"


def rows(count: int, **fields: Any) -> list[Example]:
    return [
        Example(example_id=f"e{n}", input=f"q{n}", expected=f"q{n}", **fields) for n in range(count)
    ]


async def echo(example: Example) -> Response:
    return Response(output=example.input, cost_usd=Decimal("0.001"))


def failing_on(*ids: str, error: Exception | None = None) -> Any:
    """A task that fails on some examples: with an error it raises, or one it returns."""

    async def task(example: Example) -> Response:
        if example.example_id not in ids:
            return await echo(example)
        if error is not None:
            raise error
        return Response(output=None, error="HTTP 500")

    return task


class Laboratory:
    """Experiments over real stores."""

    def __init__(self, metadata: SQLMetadata, telemetry: TelemetryStore) -> None:
        self.metadata = metadata
        self.telemetry = telemetry

    def experiments(self, **stores: Any) -> Experiments:
        given = {"runs": self.metadata.runs, "telemetry": self.telemetry, "clock": SystemClock()}
        return Experiments(**given | stores)

    def new(
        self,
        examples: Sequence[Example],
        run_id: str = "run-1",
        scorers: Sequence[Scorer] = (right,),
        **fields: Any,
    ) -> Run:
        release = Release(
            release_id="r", route="docs", version=1, targets=(), digest="rd", created_ns=1
        )
        dataset = Dataset(name="d", version=1, size=len(examples), digest="dd", created_ns=1)
        run = new_run(
            run_id,
            name="n",
            release=release,
            dataset=dataset,
            split=None,
            examples=examples,
            scorers=scorers,
            clock=SystemClock(),
        )
        return msgspec.structs.replace(run, **fields)

    def execute(
        self,
        examples: Sequence[Example],
        task: Any = echo,
        scorers: Sequence[Scorer] = (right,),
        run_id: str = "run-1",
        **settings: Any,
    ) -> Run:
        run = self.new(examples, run_id, scorers)
        return in_loop(lambda: self.experiments().execute(run, task, examples, scorers, **settings))

    def stored(self, run_id: str = "run-1") -> Run:
        return self.metadata.runs.get("default", run_id)

    def scores(self, run_id: str = "run-1") -> list[Score]:
        return self.telemetry.scores(ScoreQuery(run=run_id, limit=10_000))

    def measured(self, run: Run) -> Measured:
        """A run with its results, which are those of the run that was executed under its id."""
        try:
            return Measured(run, list(self.metadata.runs.results("default", run.run_id)))
        except NotFound:
            return Measured(run, [])

    def judge(self, candidate: Run, baseline: Run, examples: Any, *rules: GateRule) -> Run:
        gate = SuiteGate(rules=rules)
        return judged(self.measured(candidate), self.measured(baseline), examples, gate=gate)
