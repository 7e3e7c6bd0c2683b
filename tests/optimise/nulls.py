"""Searches in which no candidate is better than the present prompt: what is promoted is an error.

Everything is the optimiser's own but the answers: whether one passes is drawn for each prompt and
row, with the same chance for every prompt. No model is asked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.optimise.simulator import PROMPT, chance

from trimtab.kit.clock import SystemClock
from trimtab.optimiser.acceptance import accept
from trimtab.optimiser.budget import Budget
from trimtab.optimiser.candidate import Candidate
from trimtab.optimiser.caps import Caps
from trimtab.optimiser.ground import Ground
from trimtab.optimiser.instructions import Reflection
from trimtab.optimiser.job import Goal
from trimtab.optimiser.metric import Metric, Metrics
from trimtab.optimiser.prepare import draft
from trimtab.optimiser.search import Search
from trimtab.ports import ChatReply
from trimtab.records import AppliedScorer, Example, Result, Score, Target

SCORER = AppliedScorer(name="right", digest="d", scale=(0.0, 1.0))


class Null(NamedTuple):
    """What came of one search without anything to find."""

    chosen: bool
    gain_on_dev: float
    promoted: bool


class Coins:
    """Draws whether an answer passes; implements `trial.Trying`."""

    def __init__(self, run: int, rates: Mapping[str, float]) -> None:
        self._run = run
        self._rates = rates
        self.answered = 0

    async def on(self, candidate: Candidate, rows: Sequence[Example]) -> list[Result]:
        return [self._result(candidate, row) for row in rows]

    def known(self, candidate: Candidate, rows: Sequence[Example]) -> int:
        return 0

    def _result(self, candidate: Candidate, row: Example) -> Result:
        drawn = chance(self._run, candidate.digest, row.example_id)
        passed = drawn < self._rates[row.example_id]
        score = Score(
            score_id="s",
            target=Target(kind="example", id=row.example_id),
            name=SCORER.name,
            passed=passed,
            time_ns=0,
            digest=SCORER.digest,
        )
        return Result(example_id=row.example_id, output=str(passed), scores=(score,))


class Writer:
    """Writes instructions that change nothing; implements `ports.Chat`."""

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        own = request["messages"][-1]["content"]
        texts = [
            f"Sort it. {chance(own, n)} {'x' * 20 * n} {{{{ shop }}}} {chance(n, own)}"
            for n in range(3)
        ]
        return ChatReply(text=json.dumps({"instructions": texts}))


async def null_run(run: int, *, train: int = 60, dev: int = 60, test: int = 60) -> Null:
    """One search with seed `run`, and what the gate said of what it chose."""
    rows = [
        Example(
            example_id=f"{run}-{n}",
            input={"question": f"question {n} of {run}", "shop": "Acme"},
            expected=str(n % 5),
        )
        for n in range(train + dev + test)
    ]
    rates = {row.example_id: 0.2 + 0.7 * chance(run, "rate", row.example_id) for row in rows}
    metrics = Metrics(first=Metric(goal=Goal(metric="right"), scale=(0.0, 1.0)))
    baseline = Candidate(prompt=draft(PROMPT), kind="baseline", words="present")
    ground = Ground(
        baseline=baseline,
        train=rows[:train],
        dev=rows[train : train + dev],
        metrics=metrics,
        seed=run,
    )
    trying = Coins(run, rates)
    budget = Budget(Caps(calls=10**6), SystemClock())
    search = Search(
        ground, trying, budget, reflection=Reflection(Writer(), "writer", metrics), rounds=6
    )
    found = await search.go("auto")
    if found.winner.digest == baseline.digest:
        return Null(False, 0.0, False)
    held = rows[train + dev :]
    before, after = await trying.on(baseline, held), await trying.on(found.winner, held)
    said = accept(baseline, found.winner, held, before, after, metrics, (SCORER,))
    seen = await trying.on(baseline, ground.dev), await trying.on(found.winner, ground.dev)
    return Null(True, metrics.first.gain(*seen), said.outcome == "pass")


def null_runs(count: int, **sizes: int) -> list[Null]:
    """Several of them."""

    async def all_of_them() -> list[Null]:
        return [await null_run(run, **sizes) for run in range(count)]

    return asyncio.run(all_of_them())
