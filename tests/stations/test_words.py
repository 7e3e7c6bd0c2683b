"""The verdict in a sentence, and the cases that changed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.stations.measured import Numbers, examples, measured

from trimtab.cli.verdicts import verdict_text
from trimtab.experiments.decision import Measured, decide
from trimtab.experiments.examples import changes
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import CaseRule, SuiteGate
from trimtab.experiments.words import sentence
from trimtab.records import Run

ROWS = examples(160)
ALWAYS = [True] * 160
MOSTLY = [True] * 120 + [False] * 40
RARELY = [True] * 40 + [False] * 120


def said(base: Numbers, new: Numbers, *rules: GateRule, **fields: Any) -> tuple[str, Run]:
    baseline, candidate = measured("1", base), measured("2", new, **fields)
    verdict = decide(candidate, ROWS, SuiteGate(rules=rules), baseline=baseline)
    run = msgspec.structs.replace(candidate.run, verdict=verdict)
    return sentence(run, baseline.run), run


def test_a_proved_gain_is_said_with_its_interval_and_cases() -> None:
    text, run = said({"right": MOSTLY}, {"right": ALWAYS}, GateRule(metric="right"))
    assert text.startswith("docs@2 is proved better on right (+25.0 points [+")
    assert text.endswith(", 160 cases); nothing that gates got worse.")
    assert run.verdict is not None
    assert run.verdict.comparisons[0].proved == "better"


def test_a_proved_loss_names_both_and_what_got_better_beside_it() -> None:
    text, _ = said(
        {"right": ALWAYS, "polite": RARELY},
        {"right": RARELY, "polite": ALWAYS},
        GateRule(metric="right", margin=0.02),
        GateRule(metric="polite", margin=0.02),
    )
    assert text.startswith("docs@2 is proved worse than docs@1 on right (-75.0 points")
    assert "it is proved better on polite (+75.0 points" in text


def test_no_change_is_said_to_be_as_good_and_no_gain() -> None:
    text, _ = said({"right": ALWAYS}, {"right": ALWAYS}, GateRule(metric="right", margin=0.1))
    assert text.startswith("docs@2 is as good as docs@1 on right (+0.0 points")
    assert text.endswith("no gain is proved.")


def test_what_is_not_decided_says_why() -> None:
    thin: list[bool | None] = [True] * 100 + [None] * 60
    text, _ = said({"right": ALWAYS}, {"right": thin}, GateRule(metric="right", margin=0.1))
    assert text == (
        "Whether docs@2 can replace docs@1 is not decided on right: only 100 of 160 examples"
        " (62.5 %) were scored in both runs, 98 % are needed; 60 cases of the candidate have no"
        " score."
    )


def test_one_case_without_a_score_is_said_in_the_singular() -> None:
    gate = SuiteGate(rules=(GateRule(metric="right", margin=0.1),))
    baseline = measured("1", {"right": [True] * 40})
    candidate = measured("2", {"right": [True] * 39 + [None]})
    verdict = decide(candidate, examples(40), gate, baseline=baseline)
    assert verdict is not None
    assert "; 1 case of the candidate has no score" in verdict.reasons[0]


def test_of_several_that_are_not_decided_the_one_that_needs_most_cases_is_said() -> None:
    names = ("right", "polite", "short", "clear")
    text, run = said(
        dict.fromkeys(names, MOSTLY),
        {name: [*reversed(MOSTLY)] if name == "short" else MOSTLY for name in names},
        *(GateRule(metric=name, margin=0.001) for name in names),
    )
    assert text == (
        "Whether docs@2 can replace docs@1 is not decided on clear, polite, right and 1 more:"
        " for short, these 160 pairs could have shown 16.1 points (80 % power); no reasonable"
        " number of examples would show 0.1 points."
    )
    assert run.verdict is not None
    assert len(run.verdict.reasons) == 4, "the list keeps every reason whole"


def test_a_loss_that_is_certain_has_no_p_value_of_zero() -> None:
    _, run = said({"right": ALWAYS}, {"right": RARELY}, GateRule(metric="right"))
    assert run.verdict is not None
    assert run.verdict.reasons[0].endswith("proved worse (p<0.0001)")
    assert " <0.0001 " in verdict_text(run)


def test_a_run_that_did_not_end_says_how_far_it_got() -> None:
    run = measured("2", {"right": ALWAYS}).run
    stopped = msgspec.structs.replace(run, status="interrupted", done=7, error="stopped by hand")
    assert sentence(stopped) == "docs@2 is interrupted after 7 of 160 answers: stopped by hand."


def test_a_run_that_nothing_gates_says_so() -> None:
    run = measured("2", {"right": ALWAYS}).run
    assert sentence(run) == "docs@2 came to its end with 160 answers; nothing gates it."


@pytest.mark.parametrize(
    ("passes", "at_least", "outcome", "word"),
    [(3, 2, "pass", "passes"), (2, 2, "pass", "passes"), (1, 2, "fail", "fails")],
)
def test_cases_must_pass_k_of_n_repeats(
    passes: int, at_least: int, outcome: str, word: str
) -> None:
    tries = [{"right": [repeat < passes] * 5} for repeat in range(3)]
    run = measured("2", tries[0], repeats=tries[1:])
    gate = SuiteGate(cases=[CaseRule(metric="right", at_least=at_least)])
    verdict = decide(run, examples(5), gate)
    assert verdict is not None
    assert verdict.outcome == outcome
    assert verdict.outcomes == (outcome,)
    assert f"docs@2 {word}: right: " in sentence(msgspec.structs.replace(run.run, verdict=verdict))


def test_each_reason_has_an_outcome_of_its_own() -> None:
    _, run = said(
        {"right": ALWAYS, "polite": ALWAYS},
        {"right": ALWAYS, "polite": RARELY},
        GateRule(metric="right", margin=0.1),
        GateRule(metric="polite", margin=0.1),
        GateRule(metric="nobody"),
    )
    assert run.verdict is not None
    assert run.verdict.outcomes == ("pass", "fail", "inconclusive")
    assert run.verdict.outcome == "fail"


class TestChanges:
    BEFORE: Numbers = {
        "right": [True, False, True, None, True, True],
        "speed": [1.0, 1.0, 1.0, 1.0, 1.0, 2.0],
    }
    AFTER: Numbers = {
        "right": [False, True, None, True, True, True],
        "speed": [2.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    }

    def found(self, before: Measured, after: Measured, *gating: str) -> list[tuple[str, str]]:
        rows = examples(6)
        scorers = after.run.scorers
        found = changes(after.results, before.results, rows, scorers=scorers, gating=gating)
        return [(change.example_id, change.kind) for change in found]

    def test_losses_come_first_and_what_passes_or_fails_decides(self) -> None:
        before, after = measured("1", self.BEFORE), measured("2", self.AFTER)
        assert self.found(before, after) == [
            ("e000", "regression"),
            ("e002", "lost"),
            ("e001", "improvement"),
            ("e003", "found"),
        ]

    def test_metrics_that_gate_decide_before_all_others(self) -> None:
        before, after = measured("1", self.BEFORE), measured("2", self.AFTER)
        assert self.found(before, after, "speed") == [
            ("e005", "regression"),
            ("e000", "improvement"),
        ]

    def test_another_answer_with_the_same_scores_is_a_change_too(self) -> None:
        same = {"right": [True] * 6}
        before = measured("1", same)
        after = measured("2", same, outputs=["other", *(f"answer {n}" for n in range(1, 6))])
        assert self.found(before, after) == [("e000", "answer")]

    def test_both_answers_and_both_scores_are_there(self) -> None:
        before = measured("1", {"right": [True]}, outputs=["7711"])
        after = measured("2", {"right": [False]}, outputs=["80"])
        (change,) = changes(after.results, before.results, examples(1))
        assert (change.before, change.after, change.is_regression) == ("7711", "80", True)
        (shift,) = change.shifts
        assert (shift.metric, shift.before, shift.after, shift.better) == ("right", 1.0, 0.0, False)

    def test_repeats_are_averaged(self) -> None:
        before = measured("1", {"right": [True]}, repeats=[{"right": [True]}])
        after = measured("2", {"right": [True]}, repeats=[{"right": [False]}])
        (change,) = changes(after.results, before.results, examples(1))
        assert (change.kind, change.shifts[0].after) == ("regression", 0.5)
