"""Which way is better is told by the scores: passing more is, whatever a scorer measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.stations.measured import Numbers, examples, measured
from tests.stations.wiring import in_loop

import trimtab
from trimtab.experiments.decision import Measured, decide
from trimtab.experiments.examples import changes
from trimtab.experiments.ladder import standing
from trimtab.experiments.repeats import direction, vectors_of
from trimtab.experiments.rules import GateRule
from trimtab.experiments.slices import sliced
from trimtab.experiments.suite import CaseRule, Slice, SuiteGate
from trimtab.ports import Subject
from trimtab.records import AppliedScorer, Result, Target
from trimtab.scorers.definition import FunctionScorer
from trimtab.scorers.judges.panel import Panel
from trimtab.scorers.judges.repeated import Repeated

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


@trimtab.scorer(higher_is_better=False)
def rude(output: str) -> bool:
    return "damn" in output


@trimtab.scorer(higher_is_better=False)
def tone(output: str) -> dict[str, bool]:
    return {"rude": "damn" in output}


def polite(input: str) -> str:
    return "Of course."


def swearing(input: str, example_id: str = "", repeat: int = 0) -> str:
    return "damn" if (int(example_id[1:]) + repeat) % 4 else "Of course."


def saying(answer: bool) -> FunctionScorer[..., bool]:
    @trimtab.scorer(name="rude", higher_is_better=False)
    def judged(output: str) -> bool:
        return answer

    return judged


def subject() -> Subject:
    return Subject(target=Target(kind="example", id="e0"), output="x")


class TestWhatShouldNotBe:
    """A bool of which less is better passes where it is False, wherever that is read."""

    ROWS = tuple({"example_id": f"e{n}", "input": f"{n}?"} for n in range(80))

    @pytest.mark.parametrize("repeat", [1, 2])
    @pytest.mark.parametrize(("own", "metric"), [(rude, "rude"), (tone, "tone.rude")])
    def test_more_of_it_is_worse(self, own: Any, metric: str, repeat: int) -> None:
        settings: Any = {"scorers": [own], "name": "t", "repeat": repeat}
        good = trimtab.evaluate(polite, list(self.ROWS), **settings)
        bad = trimtab.evaluate(swearing, list(self.ROWS), baseline=good, **settings)
        better = trimtab.evaluate(polite, list(self.ROWS), baseline=bad, **settings)
        assert bad.metrics[metric].value == 0.75
        assert bad.verdict is not None
        assert better.verdict is not None
        assert (bad.verdict.outcome, bad.verdict.improved) == ("fail", False)
        assert (better.verdict.outcome, better.verdict.improved) == ("pass", True)
        assert bad.metrics[metric].low is not None

    @pytest.mark.parametrize(("task", "outcome"), [(polite, "pass"), (swearing, "fail")])
    def test_a_floor_is_a_ceiling_and_cases_pass_without_it(self, task: Any, outcome: str) -> None:
        for gate in (
            SuiteGate(rules=[GateRule(metric="rude", floor=0.1)]),
            SuiteGate(cases=[CaseRule(metric="rude")]),
        ):
            suite = trimtab.Suite(
                name="t", data=list(self.ROWS), task=task, scorers=[rude], gate=gate
            )
            found = trimtab.evaluate(suite)
            assert found.verdict is not None
            assert found.verdict.outcome == outcome

    @pytest.mark.parametrize(
        ("said", "value", "passed"),
        [((True, True, True), 1.0, False), ((False, False, False), 0.0, True)],
    )
    def test_several_judges_say_it_as_one_does(
        self, said: Sequence[bool], value: float, passed: bool
    ) -> None:
        judges = [saying(each) for each in said]
        models = ("a", "b", "c")
        for scorer in (Repeated.of(judges), Panel.of(judges, models)):
            (found,) = in_loop(lambda scorer=scorer: scorer.score(subject()))
            assert (found.value, found.passed) == (value, passed)

    def test_a_share_of_verdicts_still_passes_or_fails(self) -> None:
        (found,) = in_loop(lambda: Repeated.of([saying(True), saying(False)]).score(subject()))
        assert (found.value, found.passed) == (0.5, None)
        result = Result(example_id="e0", output="x", scores=(found,))
        vector = vectors_of([result], ["e0"])["rude"]
        assert (vector.verdicts, vector.binary) == (True, False)

    def test_an_assertion_of_it_fails(self) -> None:
        assert rude.check(output="Of course.")[0].passed
        with pytest.raises(AssertionError, match="rude failed"):
            rude.check(output="damn")


@pytest.mark.parametrize(("lacking", "outcome"), [("base", "inconclusive"), ("new", "pass")])
def test_cases_that_are_missing_go_by_the_direction_of_the_rule(lacking: str, outcome: str) -> None:
    rows = examples(300)
    runs = {}
    for name, value in (("base", True), ("new", False)):
        count = {"base": 10, "new": 3}[name] if name == lacking else 0
        runs[name] = measured(name, {"made_up": [None] * count + [value] * (300 - count)})
    rule = GateRule(metric="made_up", margin=0.02, direction="lower")
    found = decide(runs["new"], rows, SuiteGate(rules=[rule]), baseline=runs["base"])
    assert found is not None
    assert found.outcome == outcome
    turned = decide(runs["base"], rows, SuiteGate(rules=[rule]), baseline=runs["new"])
    assert turned is not None
    assert turned.outcome == ("fail" if lacking == "new" else "inconclusive")


def doubled(input: str) -> str:
    return input * 2


def test_an_evaluation_of_a_bounded_length_that_grew_fails() -> None:
    rows = [
        {"example_id": f"e{n}", "input": "word " * (n % 6 + 1), "metadata": {"n": n}}
        for n in range(60)
    ]
    scorers = [{"length": {"most": 6}}]
    before = trimtab.evaluate(str.strip, rows, scorers=scorers, name="brief")
    after = trimtab.evaluate(doubled, rows, scorers=scorers, baseline=before)
    assert before.metrics["length"].value == 1.0
    assert (after.metrics["length"].value or 0.0) < 0.6
    assert after.verdict is not None
    assert (after.verdict.outcome, after.exit_code) == ("fail", 1)
