"""Which way is better is told by the scores: passing more is, whatever a scorer measures."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.stations.measured import Numbers, examples, measured

import trimtab
from trimtab.experiments.decision import Measured, decide
from trimtab.experiments.examples import changes
from trimtab.experiments.ladder import standing
from trimtab.experiments.repeats import direction, vectors_of
from trimtab.experiments.rules import GateRule
from trimtab.experiments.slices import sliced
from trimtab.experiments.suite import Slice, SuiteGate
from trimtab.records import AppliedScorer

ROWS = examples(80, tags=("all",))
LESS = (AppliedScorer(name="length", higher_is_better=False),)
MOSTLY = [n % 20 != 0 for n in range(80)]
HALF = [n % 2 != 0 for n in range(80)]


def run(name: str, values: Sequence[bool | float], repeats: Sequence[Numbers] = ()) -> Measured:
    return measured(name, {"length": values}, scorers=LESS, repeats=repeats)


GOOD, BAD = run("good", MOSTLY), run("bad", HALF)
AS_GOOD = run("as good", MOSTLY)


def test_a_halved_pass_rate_of_a_scorer_of_which_less_is_better_is_proved_worse() -> None:
    worse = decide(BAD, ROWS, SuiteGate(), baseline=GOOD)
    better = decide(GOOD, ROWS, SuiteGate(), baseline=BAD)
    assert worse is not None
    assert better is not None
    assert (worse.outcome, worse.comparisons[0].proved, worse.improved) == ("fail", "worse", False)
    assert (better.outcome, better.comparisons[0].proved, better.improved) == (
        "pass",
        "better",
        True,
    )


@pytest.mark.parametrize(("candidate", "outcome"), [(AS_GOOD, "pass"), (BAD, "fail")])
@pytest.mark.parametrize("against", [None, GOOD])
def test_a_floor_of_what_passes_is_a_floor(
    candidate: Measured, outcome: str, against: Measured | None
) -> None:
    gate = SuiteGate(rules=[GateRule(metric="length", floor=0.75, margin=0.1)])
    found = decide(candidate, ROWS, gate, baseline=against)
    assert found is not None
    assert found.outcome == outcome
    assert "ceiling" not in found.reasons[0]


def test_a_case_that_passes_no_more_got_worse() -> None:
    found = changes(BAD.results, GOOD.results, ROWS, scorers=LESS)
    lost = [change for change in found if change.kind == "regression"]
    gained = [change for change in found if change.kind == "improvement"]
    assert len(lost) == sum(a and not b for a, b in zip(MOSTLY, HALF, strict=True))
    assert len(gained) == sum(b and not a for a, b in zip(MOSTLY, HALF, strict=True))


def test_groups_and_the_ladder_know_it_too() -> None:
    (found,) = sliced([Slice(by="tag")], BAD.results, ROWS, scorers=LESS, baseline=GOOD.results)
    assert found.higher_is_better
    assert [rung.run_id for rung in standing([BAD, GOOD], ROWS).rungs] == ["good", "bad"]


def test_repeats_that_do_not_agree_are_shares_of_what_passed() -> None:
    mixed = run("mixed", MOSTLY, repeats=[{"length": HALF}])
    found = decide(mixed, ROWS, SuiteGate(rules=[GateRule(metric="length")]), baseline=GOOD)
    assert found is not None
    assert (found.outcome, found.comparisons[0].proved) == ("fail", "worse")


@pytest.mark.parametrize(
    ("metric", "values", "more"),
    [
        ("length", [True, False], True),
        ("length", [12.0, 7.0], False),
        ("length", [True, 7.0], False),
        ("length", [1.0, 0.0], False),
        ("length.pass@2", [], True),
    ],
)
def test_the_direction_of_a_metric(metric: str, values: Sequence[bool | float], more: bool) -> None:
    vectors = []
    if values:
        found = measured("one", {metric: values})
        vectors = [vectors_of(found.results, ["e000", "e001"])[metric]]
    assert direction(metric, {"length": False}, *vectors) is more


def doubled(input: str) -> str:
    return input * 2


def test_an_evaluation_of_a_bounded_length_that_grew_fails() -> None:
    rows = [{"example_id": f"e{n}", "input": "word " * (n % 6 + 1)} for n in range(60)]
    scorers = [{"length": {"most": 6}}]
    before = trimtab.evaluate(str.strip, rows, scorers=scorers, name="brief")
    after = trimtab.evaluate(doubled, rows, scorers=scorers, baseline=before)
    assert before.metrics["length"].value == 1.0
    assert (after.metrics["length"].value or 0.0) < 0.6
    assert after.verdict is not None
    assert (after.verdict.outcome, after.exit_code) == ("fail", 1)
