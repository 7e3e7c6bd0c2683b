"""Repeats that fail: they count as what they are, and cannot be hidden by the ones that did not."""

from __future__ import annotations

import pytest

from trimtab.experiments.decision import Measured, decide, uncompared
from trimtab.experiments.repeats import headlines, scale_in, vectors_of
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import SuiteGate
from trimtab.records import AppliedScorer, Example, Result, Run, Score, Target

SCORERS = (AppliedScorer(name="exact", scale=(0.0, 1.0)),)


def row(number: int) -> Example:
    return Example(example_id=f"e{number}", input=f"{number}?")


def judged(number: int, repeat: int, *, there: bool, run: str = "run") -> Result:
    score = Score(
        score_id=f"{run}-{number}-{repeat}",
        target=Target(kind="example", id=f"e{number}"),
        name="exact",
        status="scored" if there else "unscored",
        passed=True if there else None,
        source="code",
        time_ns=1,
    )
    error = None if there else "the provider is down"
    return Result(
        example_id=f"e{number}", repeat=repeat, output="A", error=error, scores=(score,), time_ns=1
    )


def measured(there: int, of: int, cases: int = 20, run: str = "run") -> Measured:
    """A run of which the first repeats of each case are there."""
    results = [
        judged(number, repeat, there=repeat < there, run=run)
        for number in range(cases)
        for repeat in range(of)
    ]
    record = Run(
        run_id=run,
        name=run,
        dataset="d",
        dataset_digest="x",
        scorers=SCORERS,
        repeats=of,
        started_ns=1,
    )
    return Measured(record, results)


@pytest.mark.parametrize(
    ("there", "of", "cases", "coverage"),
    [(1, 10, 0, 0.0), (4, 10, 0, 0.0), (5, 10, 20, 0.5), (10, 10, 20, 1.0), (1, 1, 20, 1.0)],
)
def test_coverage_counts_judgements(there: int, of: int, cases: int, coverage: float) -> None:
    run, rows = measured(there, of), [row(number) for number in range(20)]
    found = headlines(run.results, rows, SCORERS)["exact"]
    assert (found.n, found.total) == (cases, 20)
    assert found.coverage == pytest.approx(coverage)


@pytest.mark.parametrize(("there", "outcome"), [(1, "inconclusive"), (9, "inconclusive")])
def test_a_gate_sees_the_calls_that_failed(there: int, outcome: str) -> None:
    rows = [row(number) for number in range(200)]
    gate = SuiteGate(rules=[GateRule(metric="exact", floor=0.9, margin=0.05)])
    run = measured(there, 10, cases=200)
    verdict = decide(run, rows, gate)
    assert verdict is not None
    assert verdict.outcome == outcome
    base = measured(10, 10, cases=200, run="base")
    against = decide(run, rows, gate, baseline=base)
    assert against is not None
    assert against.outcome == outcome
    assert f"{200 * there} of 2000 judgements" in against.reasons[0] or there == 1
    whole = decide(measured(10, 10, cases=200), rows, gate, baseline=base)
    assert whole is not None
    assert whole.outcome == "pass"


def test_repeats_of_one_group_are_counted_by_themselves() -> None:
    run = measured(9, 10)
    vector = vectors_of(run.results, [f"e{number}" for number in range(20)])["exact"]
    assert vector.judgements() == (180, 200)
    assert vector.judgements(["e1", "e2"]) == (18, 20)


def test_a_scale_is_that_of_the_scorer_a_score_is_part_of() -> None:
    scorers = (AppliedScorer(name="rating", scale=(1.0, 5.0)), AppliedScorer(name="cost"))
    scales = [scale_in(name, scorers) for name in ("rating", "rating.style", "cost", "other")]
    assert scales == [(1.0, 5.0), (1.0, 5.0), None, None]


def test_a_margin_without_a_baseline_is_said_to_compare_nothing() -> None:
    gate = SuiteGate(rules=[GateRule(metric="a", margin=0.1), GateRule(metric="b", floor=0.1)])
    (said,) = uncompared(gate, baseline=False)
    assert said.startswith("a: nothing was compared")
    assert uncompared(gate, baseline=True) == []
