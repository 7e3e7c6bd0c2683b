"""Intervals end where what they measure does: no negative time, no share above 1."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.stations.measured import examples, measured

from trimtab.experiments.bounded import Scale
from trimtab.experiments.compare import summarise
from trimtab.experiments.debiasing import as_sure_as_its_judges, compared_as_sure, debiased
from trimtab.experiments.decision import decide
from trimtab.experiments.execute import applied
from trimtab.experiments.repeats import headlines
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import SuiteGate
from trimtab.records import AppliedScorer, Comparison, Estimate, Result, Score, Target
from trimtab.scorers.registry import resolve

FROM_ZERO: Scale = (0.0, math.inf)


@pytest.mark.parametrize("name", ["latency", "cost", "tokens", "length", "perplexity", "ter"])
def test_what_cannot_be_negative_has_no_negative_bound(name: str) -> None:
    values = [*np.random.default_rng(1).lognormal(0, 0.3, 18), 90.0, 140.0]
    run = measured("new", {name: values}, scorers=applied(resolve([name])))
    found = headlines(run.results, examples(20), run.run.scorers)[name]
    assert found.low == 0.0
    assert (found.high or 0.0) > (found.value or 0.0) > 0


def test_a_time_that_is_nearly_always_the_same_has_no_interval() -> None:
    values = {str(n): 5.0 for n in range(40)}
    found = summarise("latency", values, binary=False, higher_is_better=False, scale=FROM_ZERO)
    assert (found.value, found.low, found.high) == (5.0, None, None)


def test_a_difference_of_times_may_be_negative_and_is_not_bounded() -> None:
    slow, fast = (
        [base + (n * step) % 7 for n in range(40)] for base, step in ((100.0, 1), (20.0, 3))
    )
    scorers = applied(resolve(["latency"]))
    old, new = (
        measured(name, {"latency": values}, scorers=scorers)
        for name, values in (("old", slow), ("new", fast))
    )
    gate = SuiteGate(rules=[GateRule(metric="latency", margin=10.0)])
    found = decide(new, examples(40), gate, baseline=old)
    assert found is not None
    (compared,) = found.comparisons
    assert found.outcome == "pass"
    assert -81 < (compared.difference.value or 0) < -79


@pytest.mark.parametrize("n", [20, 50, 100, 300])
@pytest.mark.parametrize("spread", [0.5, 0.8])
def test_intervals_of_times_hold_the_truth_as_often_as_others(n: int, spread: float) -> None:
    rng = np.random.default_rng(n)
    truth, held, draws = math.exp(spread**2 / 2), 0, 600
    for _ in range(draws):
        values = {str(k): float(v) for k, v in enumerate(rng.lognormal(0, spread, n))}
        found = summarise("latency", values, binary=False, higher_is_better=False, scale=FROM_ZERO)
        assert found.low is not None
        assert found.high is not None
        assert found.low >= 0
        held += found.low <= truth <= found.high
    assert 0.93 - 0.02 <= held / draws <= 0.97 + 0.02  # the goal, and chance at so many draws


def panel(votes: np.ndarray) -> list[Result]:
    """Answers as several judges see them; shape (cases, judges)."""
    return [
        Result(
            example_id=f"e{n}",
            scores=(
                Score(
                    score_id=f"e{n}",
                    target=Target(kind="example", id=f"e{n}"),
                    name="grade",
                    value=float(each.mean()),
                    source="judge",
                    time_ns=1,
                    metadata={"votes": {f"m{k}": float(vote) for k, vote in enumerate(each)}},
                ),
            ),
        )
        for n, each in enumerate(votes)
    ]


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=12, total=12)


def test_a_panel_is_as_unsure_as_its_judges_only_within_the_scale() -> None:
    rng = np.random.default_rng(4)
    unsure = np.where(rng.random((12, 3)) < 0.25, 1.0, 5.0)
    unsure[:, 1:] = 5.0
    headline = estimate(4.7, 4.6, 4.8)
    found = as_sure_as_its_judges(headline, panel(unsure), "grade", scale=(1.0, 5.0))
    assert found.high == 5.0
    assert (found.low or 0) < 4.6
    poor = panel(6.0 - unsure)
    compared = compared_as_sure(
        Comparison(
            metric="grade",
            baseline=estimate(1.3, 1.2, 1.4),
            candidate=headline,
            difference=estimate(3.4, 3.3, 3.5),
        ),
        poor,
        panel(unsure),
        scale=(1.0, 5.0),
    )
    assert compared.difference.high == 4.0
    assert compared.baseline.low == 1.0


def test_labels_that_correct_a_judge_take_no_mean_off_their_scale() -> None:
    judged = {str(n): float(v) for n, v in enumerate(np.random.default_rng(6).uniform(1, 5, 400))}
    labels = {str(n): 4.2 if n == 7 else 5.0 for n in range(40)}
    free = debiased(judged, labels)
    held = debiased(judged, labels, scale=(1.0, 5.0))
    assert free is not None
    assert held is not None
    assert (free.high or 0) > 5.0
    assert held.high == 5.0
    assert held.low == free.low


def test_a_scale_without_an_end_is_one_on_record_too() -> None:
    (found,) = applied(resolve(["latency"]))
    assert found.scale == (0.0, None)
    assert AppliedScorer(name="x", scale=(0.0, None)) == AppliedScorer(name="x", scale=(0.0, None))
