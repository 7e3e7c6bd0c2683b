"""How far examples in a prompt help the simulator: none, random ones, those like the question."""

from __future__ import annotations

from statistics import fmean

from tests.optimise.simulator import MODEL, PROMPT, rows
from tests.upstream import Upstream

from trimtab.evals.chat import chat_at
from trimtab.evals.outage import Outage
from trimtab.kit.clock import SystemClock
from trimtab.optimiser import demos
from trimtab.optimiser.asking import BudgetedChat
from trimtab.optimiser.budget import Budget
from trimtab.optimiser.candidate import Candidate
from trimtab.optimiser.caps import Caps
from trimtab.optimiser.job import Goal
from trimtab.optimiser.metric import Metric
from trimtab.optimiser.prepare import draft
from trimtab.optimiser.splits import splits_of
from trimtab.optimiser.trial import Setting, Trials
from trimtab.records import Example, PromptBundle
from trimtab.scorers.registry import resolve

SETS = 5


async def examples_compared(upstream: Upstream, k: int = 8) -> dict[str, float]:
    """Shares of right answers on rows that no example comes from, by how `k` examples are chosen.

    Those of random examples are the mean over several sets.
    """
    splits = splits_of([Example(**row) for row in rows(2)])
    asked = [*splits.dev, *splits.test]
    baseline = Candidate(prompt=draft(PROMPT), kind="baseline", words="none")
    chat = chat_at(upstream.base_url, None, Outage())
    budget = Budget(Caps(calls=100_000), SystemClock())
    setting = Setting(model=MODEL, bundle=PromptBundle(prompt=baseline.prompt))
    trials = Trials(BudgetedChat(chat, budget), resolve(["exact"]), budget, setting)
    metric = Metric(goal=Goal(metric="exact"), scale=(0.0, 1.0))
    found: dict[str, list[float]] = {"none": [], "random": [], "nearest": []}
    try:
        found["none"].append(metric.mean(await trials.on(baseline, asked)) or 0.0)
        for seed in range(SETS):
            made = demos.candidates_of(baseline.prompt, splits.train, [], metric, seed)
            for one in made:
                shots = one.prompt.shots
                kind = "nearest" if one.kind == "nearest" else "random"
                if shots is not None and shots.k == k:
                    found[kind].append(metric.mean(await trials.on(one, asked)) or 0.0)
    finally:
        await chat.aclose()
    return {kind: fmean(values) for kind, values in found.items()}
