"""Nothing passes that was not earned: by repeats, abstentions, failures or what was exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from tests.stations.measured import examples, measured

from trimtab.experiments.decision import Measured, decide
from trimtab.experiments.examples import changes
from trimtab.experiments.ladder import standing
from trimtab.experiments.repeats import clusters_of
from trimtab.experiments.reports.plain_text import slice_text
from trimtab.experiments.rules import GateRule
from trimtab.experiments.slices import sliced
from trimtab.experiments.suite import CaseRule, Slice, SuiteGate
from trimtab.records import AppliedScorer, Example, Result, Run, Score, Target, Verdict

ROWS = examples(300, tags=("all",))
TRUE = [True] * 300


def verdict(candidate: Measured, baseline: Measured | None, *rules: GateRule) -> Verdict:
    found = decide(candidate, ROWS, SuiteGate(rules=rules), baseline=baseline)
    assert found is not None
    return found


def drawn(rate: float, seed: int) -> list[bool | float | str | None]:
    return [bool(passed) for passed in np.random.default_rng(seed).random(300) < rate]


def noisy(run_id: str, rate: float) -> Measured:
    """A run of three repeats that do not agree on what passes, beside a metric that always does."""
    first, *others = ({"good": TRUE, "noisy": drawn(rate, seed)} for seed in (1, 2, 3))
    return measured(run_id, first, repeats=others)


class TestRepeats:
    def test_a_metric_whose_repeats_disagree_in_both_runs_gates(self) -> None:
        found = verdict(noisy("new", 0.5), noisy("base", 0.9))
        assert [each.outcome for each in found.comparisons] == ["pass", "fail"]
        assert found.outcome == "fail"

    def test_it_counts_among_those_that_pass_or_fail_wherever_they_are_told_apart(self) -> None:
        base, new = noisy("base", 0.9), noisy("new", 0.5)
        both = [{name: run[name] for name in ("noisy", "size")} for run in _with_size(base, new)]
        small, large = (measured(n, one) for n, one in zip(("base", "new"), both, strict=True))
        found = sliced([Slice(by="tag")], noisy("new", 0.5).results, ROWS)
        assert [each.metric for each in found] == ["good", "noisy"]
        assert standing([small, large], ROWS).metric == "noisy"
        moved = changes(new.results, base.results, ROWS)
        assert {shift.metric for each in moved for shift in each.shifts if shift.decides} == {
            "noisy"
        }


def _with_size(*runs: Measured) -> list[dict[str, list[float | bool | str | None]]]:
    return [{"size": [float(n) for n in range(300)], "noisy": drawn(0.5, n)} for n in (1, 2)]


class TestAbstentions:
    @pytest.mark.parametrize("where", [("new",), ("base",), ("new", "base")])
    def test_one_abstention_does_not_switch_a_metric_off(self, where: Sequence[str]) -> None:
        runs = []
        for name, passed in (("base", True), ("new", False)):
            cites = ["abstained" if n == 0 and name in where else passed for n in range(300)]
            runs.append(measured(name, {"correct": TRUE, "cites": cites}))
        found = verdict(runs[1], runs[0])
        assert found.outcome == "fail"
        assert "cites" in " ".join(found.reasons)

    @pytest.mark.parametrize(
        ("before", "after", "outcome"), [(40, 40, "pass"), (0, 40, "inconclusive")]
    )
    def test_cases_on_which_both_abstain_are_left_out_and_others_are_lacking(
        self, before: int, after: int, outcome: str
    ) -> None:
        base, new = (
            measured(name, {"cites": ["abstained"] * count + [True] * (300 - count)})
            for name, count in (("base", before), ("new", after))
        )
        assert verdict(new, base).outcome == outcome

    def test_repeats_that_all_abstain_are_an_abstention(self) -> None:
        numbers = {"cites": ["abstained"] * 40 + [True] * 260}
        base, new = (measured(name, numbers, repeats=[numbers]) for name in ("base", "new"))
        found = verdict(new, base)
        assert (found.outcome, found.comparisons[0].difference.n) == ("pass", 260)


def failing(run_id: str, count: int, metric: str = "exact", *, spare: bool = False) -> Measured:
    """A run whose task failed on some cases, or only its scorer."""
    numbers = {metric: [None] * count + TRUE[count:]}
    errors = {} if spare else {f"e{n:03}": "RuntimeError: crash" for n in range(count)}
    return measured(run_id, numbers, errors=errors)


class TestFailures:
    @pytest.mark.parametrize(
        ("count", "margin", "outcome"),
        [(6, 0.02, "inconclusive"), (6, 0.06, "pass"), (1, 0.02, "pass"), (1, 0.0, "inconclusive")],
    )
    def test_what_the_candidate_failed_to_answer_is_taken_as_the_worst(
        self, count: int, margin: float, outcome: str
    ) -> None:
        rule = GateRule(metric="exact", margin=margin)
        found = verdict(failing("new", count), failing("base", 0), rule)
        assert found.outcome == outcome
        assert margin == 0 or f"{count} case" in found.reasons[0]

    def test_a_scorer_that_failed_says_nothing_of_the_candidate(self) -> None:
        rule = GateRule(metric="exact", margin=0.02)
        assert verdict(failing("new", 6, spare=True), failing("base", 0), rule).outcome == "pass"

    def test_on_a_scale_the_worst_is_its_worse_end(self) -> None:
        scorers = (AppliedScorer(name="rating", scale=(1.0, 5.0)),)
        errors = {f"e{n:03}": "crash" for n in range(6)}
        grades = [4.0 + n % 2 for n in range(300)]
        base = measured("base", {"rating": grades}, scorers=scorers)
        numbers = {"rating": [None] * 6 + grades[6:]}
        new = measured("new", numbers, scorers=scorers, errors=errors)
        spared = measured("new", numbers, scorers=scorers)
        rule = GateRule(metric="rating", margin=0.08)
        assert verdict(spared, base, rule).outcome == "pass"
        assert verdict(new, base, rule).outcome == "inconclusive"

    @pytest.mark.parametrize("baseline", [None, failing("base", 0)])
    def test_a_floor_is_met_with_the_failures_as_the_worst(self, baseline: Measured | None) -> None:
        rule = GateRule(metric="exact", floor=0.98, margin=0.1)
        assert verdict(failing("new", 6, spare=True), baseline, rule).outcome == "pass"
        found = verdict(failing("new", 6), baseline, rule)
        assert found.outcome == "inconclusive"
        assert "6 cases" in found.reasons[0]

    def test_failed_repeats_count_with_the_share_that_they_have(self) -> None:
        whole = {"exact": TRUE}
        base = measured("base", whole, repeats=[whole, whole])
        results = [
            msgspec.structs.replace(
                each, error="crash", scores=measured("x", {"exact": [None]}).results[0].scores
            )
            if each.repeat == 2 and each.example_id < "e018"
            else each
            for each in base.results
        ]
        new = Measured(msgspec.structs.replace(base.run, run_id="new"), results)
        rule = GateRule(metric="exact", margin=0.02)
        found = verdict(new, base, rule)
        assert found.outcome == "inconclusive"
        assert "18 cases" in found.reasons[0]


GROUPED = [
    msgspec.structs.replace(row, metadata={"sex": "fm"[n % 2]}) for n, row in enumerate(ROWS)
]


def odd_failing(run_id: str, count: int, *, spare: bool = False) -> Measured:
    """A run whose task failed on cases of one group: the first so many of those with odd numbers,
    of which it passes all others; of the other group it passes nine in ten."""
    passed: list[float | bool | str | None] = [n % 2 == 1 or n % 20 != 0 for n in range(300)]
    errors = {}
    for n in range(1, 2 * count, 2):
        passed[n] = None
        errors[f"e{n:03}"] = "crash"
    return measured(run_id, {"exact": passed}, errors={} if spare else errors)


class TestGroupsThatFailed:
    """A group is not better for what the candidate failed to answer of it."""

    def test_it_does_not_look_better_than_the_rest(self) -> None:
        spared, failed = (
            sliced([Slice(by="metadata.sex")], odd_failing("new", 75, spare=spare).results, GROUPED)
            for spare in (True, False)
        )
        (other,) = (each for each in spared[0].groups if each.key == "m")
        (group,) = (each for each in failed[0].groups if each.key == "m")
        assert (other.estimate.value, other.at_worst) == (1.0, None)
        assert group.estimate == other.estimate
        assert group.at_worst is not None
        assert (group.at_worst.value, group.at_worst.n) == (0.5, 150)
        assert (other.p_value or 0) < 0.05
        (rest,) = (each for each in failed[0].groups if each.key == "f")
        assert (rest.estimate.value or 0) > (group.at_worst.value or 0)
        assert (group.p_value or 1) < 0.001

    def test_it_does_not_look_better_than_in_the_baseline(self) -> None:
        base = measured("base", {"exact": [n % 10 != 1 for n in range(300)]})
        new = odd_failing("new", 60)
        (found,) = sliced([Slice(by="metadata.sex")], new.results, GROUPED, baseline=base.results)
        (group,) = (each for each in found.groups if each.key == "m")
        assert group.comparison is not None
        assert (group.comparison.difference.value or 0) > 0
        assert group.comparison.failures is not None
        assert (group.comparison.failures.difference.value or 0) < 0
        assert group.comparison.unscored == (0, 60)
        assert (group.p_value or 1) < 0.01

    def test_a_group_is_not_small_for_what_was_not_answered(self) -> None:
        (found,) = sliced(
            [Slice(by="metadata.sex", min_cases=100)], odd_failing("new", 75).results, GROUPED
        )
        assert [group.small for group in found.groups] == [False, False]

    @pytest.mark.parametrize(("spare", "outcome"), [(True, "pass"), (False, "inconclusive")])
    def test_a_gap_passes_only_with_the_failures_as_the_worst(
        self, *, spare: bool, outcome: str
    ) -> None:
        rows = GROUPED * 4
        rows = [msgspec.structs.replace(row, example_id=f"e{n:03}") for n, row in enumerate(rows)]
        passed: list[float | bool | str | None] = [True] * 1200
        lost = {f"e{n:03}": "crash" for n in range(1, 24, 2)}
        new = measured(
            "new",
            {"exact": [None if f"e{n:03}" in lost else passed[n] for n in range(1200)]},
            errors={} if spare else lost,
        )
        asked = Slice(by="metadata.sex", metric="exact", max_gap=0.02)
        found = decide(new, rows, SuiteGate(), slices=[asked])
        assert found is not None
        assert found.outcome == outcome, found.reasons
        assert spare or "with the 12 cases that the task failed to answer" in found.reasons[0]

    def test_reports_say_both(self) -> None:
        base = measured("base", {"exact": [n % 10 != 1 for n in range(300)]})
        new = odd_failing("new", 60)
        (found,) = sliced([Slice(by="metadata.sex")], new.results, GROUPED, baseline=base.results)
        assert slice_text(found).count("with failures as the worst") == 2


class TestExchanged:
    @pytest.mark.parametrize("rules", [(), (GateRule(metric="right", margin=0.1),)])
    @pytest.mark.parametrize("metric", ["right", "right.part"])
    def test_scores_of_another_scorer_are_not_compared(
        self, metric: str, rules: Sequence[GateRule]
    ) -> None:
        base, new, same = (
            measured(
                name, {metric: TRUE}, scorers=(AppliedScorer(name="right", digest=scorer_digest),)
            )
            for name, scorer_digest in (("base", "a"), ("new", "b"), ("same", "a"))
        )
        own = [msgspec.structs.replace(rule, metric=metric) for rule in rules]
        found = verdict(new, base, *own)
        assert (found.outcome, found.improved) == ("inconclusive", False)
        assert "another scorer" in found.reasons[0]
        assert verdict(same, base, *own).outcome == "pass"

    def test_other_rows_under_the_same_ids_are_not_compared(self) -> None:
        base = measured("base", {"right": TRUE}, dataset_digest="other")
        found = verdict(measured("new", {"right": TRUE}), base)
        assert (found.outcome, found.improved) == ("inconclusive", False)
        assert "other rows" in found.reasons[0]


JUDGED = (AppliedScorer(name="rubric", tier="judge", scale=(0.0, 1.0)),)


def panel(run_id: str, judges: int, *, seed: int, cases: int = 60) -> Measured:
    """A run whose answers are all alike, judged by a panel that is unsure of each."""
    rng = np.random.default_rng(seed)
    results = []
    for row in ROWS[:cases]:
        votes = np.clip(rng.normal(0.6, 0.35, judges), 0, 1)
        judged = Score(
            score_id=row.example_id,
            target=Target(kind="example", id=row.example_id),
            name="rubric",
            value=float(votes.mean()),
            source="judge",
            time_ns=1,
            metadata={"votes": {f"m{n}": float(vote) for n, vote in enumerate(votes)}},
        )
        results.append(Result(example_id=row.example_id, output="x", scores=(judged,)))
    run = Run(
        run_id=run_id, name="n", dataset="d", dataset_digest="d", scorers=JUDGED, started_ns=1
    )
    return Measured(run, results)


class TestPanels:
    def test_no_interval_of_a_comparison_is_shorter_than_its_least_sure_judges(self) -> None:
        widths = []
        for judges in (1, 7):
            new, base = panel("new", judges, seed=1), panel("base", judges, seed=2)
            rule = GateRule(metric="rubric", margin=0.05)
            found = decide(new, ROWS[:60], SuiteGate(rules=[rule]), baseline=base)
            assert found is not None
            (each,) = found.comparisons
            estimates = (each.baseline, each.candidate, each.difference)
            widths.append([(one.high or 0.0) - (one.low or 0.0) for one in estimates])
        for one, seven in zip(*widths, strict=True):
            assert seven > 0.8 * one

    def test_nor_is_that_of_a_group(self) -> None:
        new, base = panel("new", 7, seed=1), panel("base", 7, seed=2)
        (found,) = sliced(
            [Slice(by="tag")], new.results, ROWS[:60], scorers=JUDGED, baseline=base.results
        )
        (group,) = found.groups
        assert group.comparison is not None
        for each in (group.estimate, group.comparison.difference):
            assert (each.high or 0.0) - (each.low or 0.0) > 0.15


class TestSkewedEvidence:
    """What looks like more evidence than there is."""

    def test_one_question_many_times_is_one_question(self) -> None:
        same = [msgspec.structs.replace(row, input="Which port?", expected="7711") for row in ROWS]
        base, new = (measured(name, {"exact": TRUE}) for name in ("base", "new"))
        rule = GateRule(metric="exact", margin=0.1)
        found = decide(new, same, SuiteGate(rules=[rule]), baseline=base)
        assert found is not None
        assert found.outcome == "inconclusive"
        apart = [msgspec.structs.replace(row, metadata={"n": n}) for n, row in enumerate(same)]
        found = decide(new, apart, SuiteGate(rules=[rule]), baseline=base)
        assert found is not None
        assert found.outcome == "pass"

    def test_rows_that_are_alike_are_one_cluster_and_others_are_their_own(self) -> None:
        rows = [
            *(Example(example_id=f"a{n}", input={"q": 1, "k": 2}) for n in range(2)),
            Example(example_id="b", input={"q": 1, "k": 2}, expected="x"),
            Example(example_id="c", input=None),
            Example(example_id="d", input=None),
            Example(example_id="e", input="y", cluster="own"),
            Example(example_id="f", input="y"),
        ]
        assert clusters_of(rows) == {"a0": "same as a0", "a1": "same as a0", "e": "own"}

    @pytest.mark.parametrize("kept", [300, 299, 3])
    def test_cases_that_must_pass_are_those_of_the_rows(self, kept: int) -> None:
        run, results = measured("new", {"exact": TRUE})
        gate = SuiteGate(cases=[CaseRule(metric="exact")])
        found = decide(Measured(run, results[:kept]), ROWS, gate)
        assert found is not None
        assert found.outcome == ("pass" if kept == 300 else "inconclusive")

    def test_repeats_that_are_not_there_did_not_pass(self) -> None:
        run, results = measured("new", {"exact": TRUE}, repeats=[{"exact": TRUE}])
        run = msgspec.structs.replace(run, repeats=2)
        gate = SuiteGate(cases=[CaseRule(metric="exact")])
        assert _outcome(Measured(run, results), gate) == "pass"
        assert _outcome(Measured(run, results[:-1]), gate) == "inconclusive"

    def test_a_metric_that_vanished_is_not_passed_over(self) -> None:
        scorers = (AppliedScorer(name="style"), AppliedScorer(name="exact"))
        base = measured("base", {"style.short": TRUE, "exact": TRUE}, scorers=scorers)
        broken = measured("new", {"style": [None] * 300, "exact": TRUE}, scorers=scorers)
        found = verdict(broken, base)
        assert found.outcome == "inconclusive"
        assert "style.short: was not measured" in found.reasons
        without = measured("new", {"exact": TRUE}, scorers=scorers[1:])
        assert verdict(without, base).outcome == "pass"

    @pytest.mark.parametrize(
        ("status", "outcome"), [("error", "inconclusive"), ("unscored", "pass")]
    )
    def test_a_scorer_that_failed_on_everything_is_not_passed_over(
        self, status: str, outcome: str
    ) -> None:
        runs = []
        for name in ("base", "new"):
            run, results = measured(name, {"style": [None] * 300, "exact": TRUE})
            own = [
                msgspec.structs.replace(
                    result,
                    scores=(
                        msgspec.structs.replace(
                            result.scores[0], status=status, reason="missing: expected"
                        ),
                        result.scores[1],
                    ),
                )
                for result in results
            ]
            runs.append(Measured(run, own))
        assert verdict(runs[1], runs[0]).outcome == outcome


def _outcome(run: Measured, gate: SuiteGate) -> str | None:
    found = decide(run, ROWS, gate)
    return None if found is None else found.outcome
