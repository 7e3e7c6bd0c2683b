"""Acceptance: the winner against the present prompt, once, on rows that nobody has looked at.

Both are tried on the same rows of the test split, and the house's gate decides: the first metric
must be proved better (one-sided at 5 %: a two-sided test and an interval at 90 %), the others must
be proved to lose no more than their margins. Whoever promotes needs all of them, so that their
tests need no correction (intersection-union test, Berger 1982).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from trimtab.experiments.decision import Measured, decide
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import SuiteGate
from trimtab.kit.hashing import digest
from trimtab.optimiser.candidate import Candidate
from trimtab.optimiser.metric import Metric, Metrics
from trimtab.optimiser.splits import ALPHA
from trimtab.records import AppliedScorer, Comparison, Example, Result, Run
from trimtab.records.run import Outcome


class Accepted(NamedTuple):
    """What the gate says of a winner; it is promoted only on `pass`."""

    outcome: Outcome
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...]


def accept(
    baseline: Candidate,
    winner: Candidate,
    rows: Sequence[Example],
    before: Sequence[Result],
    after: Sequence[Result],
    metrics: Metrics,
    scorers: tuple[AppliedScorer, ...],
) -> Accepted:
    """Whether a winner is proved better than the baseline.

    Args:
        rows: the test split; clusters come from them.
        before, after: results of both on all of its rows.
    """
    over = digest([row.example_id for row in rows])
    runs = [
        Measured(_run(one, over, results, scorers), results)
        for one, results in ((baseline, before), (winner, after))
    ]
    said: list[tuple[Outcome, str]] = []
    comparisons: list[Comparison] = []
    for metric in metrics.all:
        gate = _gate(metric, must_improve=metric is metrics.first)
        verdict = decide(runs[1], rows, gate, baseline=runs[0])
        if verdict is None:
            continue
        said.append((verdict.outcome, verdict.reasons[0]))
        comparisons += [one for one in verdict.comparisons if one.metric == metric.name]
    outcomes = [outcome for outcome, _ in said]
    overall: Outcome = "inconclusive"
    if "fail" in outcomes:
        overall = "fail"
    elif outcomes and all(outcome == "pass" for outcome in outcomes):
        overall = "pass"
    return Accepted(overall, tuple(reason for _, reason in said), tuple(comparisons))


def _gate(metric: Metric, *, must_improve: bool) -> SuiteGate:
    margin = 0.0 if must_improve else metric.goal.margin
    rule = GateRule(
        metric=metric.name, margin=margin, must_improve=must_improve, direction=_direction(metric)
    )
    return SuiteGate(rules=(rule,), alpha=2 * ALPHA, confidence=1 - 2 * ALPHA)


def _direction(metric: Metric) -> Literal["higher", "lower"]:
    return "higher" if metric.higher_is_better else "lower"


def _run(
    one: Candidate, over: str, results: Sequence[Result], scorers: tuple[AppliedScorer, ...]
) -> Run:
    return Run(
        run_id=f"optimise-{one.kind}-{one.digest[:12]}",
        name=one.words,
        dataset="test",
        dataset_digest=over,
        split="test",
        scorers=scorers,
        status="done",
        started_ns=0,
        done=len(results),
        total=len(results),
    )
