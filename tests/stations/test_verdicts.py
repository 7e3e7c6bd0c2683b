"""From the scores of two runs to a verdict, and never to a pass that was not earned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.stations.laboratory import Laboratory, echo, length, right, rows
from tests.tables import metadata_in, telemetry_in

from trimtab.errors import Conflict
from trimtab.experiments.comparisons import Comparisons
from trimtab.experiments.gate import GateRule
from trimtab.experiments.suite import CaseRule, Slice, SuiteGate
from trimtab.experiments.vectors import vectors
from trimtab.experiments.verdict import judged
from trimtab.ports import Response
from trimtab.records import Example, Run, Score, Span, Target
from trimtab.scorers.definition import scorer
from trimtab.scorers.registry import resolve


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    metadata = metadata_in(tmp_path)
    with closing(metadata), closing(telemetry_in(tmp_path)) as telemetry:
        yield Laboratory(metadata, telemetry)


def score(example: str, name: str = "m", **judged: Any) -> Score:
    given = {"target": Target(kind="example", id=example), "score_id": "s", "time_ns": 1}
    return Score(**{"name": name, **given, **judged})


class TestVectors:
    def test_an_example_without_a_judgement_is_there_without_a_number(self) -> None:
        scores = [score("a", passed=True), score("b", status="unscored", reason="x")]
        vector = vectors(scores, ["a", "b", "c"])["m"]
        assert vector.values == {"a": 1.0, "b": None, "c": None}
        assert vector.binary

    def test_a_number_counts_only_where_there_is_a_judgement(self) -> None:
        scores = [score("a", value=1.0, status="error"), score("b", value=0.5)]
        assert vectors(scores, ["a", "b"])["m"].values == {"a": None, "b": 0.5}

    def test_a_metric_is_binary_only_when_every_judgement_is(self) -> None:
        mixed = [score("a", passed=True), score("b", value=0.0)]
        assert not vectors(mixed, ["a", "b"])["m"].binary
        nothing = [score("a", status="error"), score("b", status="timeout")]
        vector = vectors(nothing, ["a", "b"])["m"]
        assert (vector.values, vector.binary) == ({"a": None, "b": None}, False)

    def test_only_an_answer_that_could_not_be_judged_for_abstaining_counts_as_abstained(
        self,
    ) -> None:
        judged_right = [score("a", passed=True, reason="abstained"), score("b", passed=False)]
        assert not vectors(judged_right, ["a", "b"])["m"].abstained
        unjudged = [score("a", status="unscored", reason="abstained"), score("b", passed=True)]
        assert vectors(unjudged, ["a", "b"])["m"].abstained

    @pytest.mark.parametrize("rest", [[], [score("b", status="unscored")]])
    def test_labels_are_no_numbers(self, rest: list[Score]) -> None:
        assert vectors([score("a", label="calm"), *rest], ["a", "b"]) == {}

    def test_the_later_of_two_judgements_counts_in_whatever_order_they_come(self) -> None:
        two = [score("a", value=1.0, time_ns=5), score("a", value=2.0, time_ns=9)]
        for scores in (two, two[::-1]):
            assert vectors(scores, ["a"])["m"].values == {"a": 2.0}

    def test_scores_of_anything_but_examples_are_no_part_of_a_run(self) -> None:
        of_span = score("a", target=Target(kind="span", id="a", trace_id="t"), passed=False)
        assert vectors([of_span], ["a"]) == {}
        assert vectors([of_span, score("a", passed=True)], ["a"])["m"].values == {"a": 1.0}

    def test_metrics_come_by_name_and_without_examples_nobody_asked_for(self) -> None:
        scores = [score("a", "z", value=1), score("x", "a", value=1)]
        found = vectors(scores, ["a"])
        assert list(found) == ["a", "z"]
        assert found["a"].values == {"a": None}


class TestJudging:
    def test_the_same_answers_twice_pass_and_better_ones_improve(self, lab: Laboratory) -> None:
        examples = rows(40)
        half = [row.example_id for row in examples[:20]]

        async def wrong_on_half(example: Example) -> Response:
            return Response(output="?" if example.example_id in half else example.input)

        baseline = lab.execute(examples, wrong_on_half, run_id="base")
        same = lab.execute(examples, wrong_on_half, run_id="same")
        better = lab.execute(examples, echo, run_id="better")
        verdict = lab.judge(same, baseline, examples, GateRule(metric="right", margin=0.15)).verdict
        assert verdict is not None
        assert (verdict.outcome, verdict.improved) == ("pass", False)
        verdict = lab.judge(better, baseline, examples).verdict
        assert verdict is not None
        assert (verdict.outcome, verdict.improved) == ("pass", True)
        assert verdict.baseline_run == "base"
        verdict = lab.judge(baseline, better, examples).verdict
        assert verdict is not None
        assert verdict.outcome == "fail"

    @pytest.mark.parametrize("status", ["running", "failed", "interrupted"])
    @pytest.mark.parametrize("which", ["candidate", "baseline"])
    def test_a_run_that_is_not_done_is_not_judged(
        self, lab: Laboratory, status: Any, which: str
    ) -> None:
        done = lab.execute(rows(3))
        other = msgspec.structs.replace(done, run_id="other", status=status)
        pair = (other, done) if which == "candidate" else (done, other)
        with pytest.raises(Conflict, match=f"run other is {status}, not done"):
            lab.judge(*pair, rows(3))

    @pytest.mark.parametrize("field", ["dataset_digest", "split"])
    def test_runs_over_different_examples_are_not_compared(
        self, lab: Laboratory, field: str
    ) -> None:
        done = lab.execute(rows(3))
        other = msgspec.structs.replace(done, run_id="other", **{field: "another"})
        with pytest.raises(Conflict, match="over different examples"):
            lab.judge(done, other, rows(3))

    def test_a_run_over_a_split_is_judged_by_that_split_alone(self, lab: Laboratory) -> None:
        everything = rows(30, split="test") + [
            Example(example_id=f"t{n}", input="x", split="train") for n in range(70)
        ]
        split = everything[:30]
        runs = []
        for run_id in ("base", "new"):
            run = lab.execute(split, run_id=run_id)
            runs.append(msgspec.structs.replace(run, split="test"))
        verdict = lab.judge(
            runs[1], runs[0], everything, GateRule(metric="right", margin=0.15)
        ).verdict
        assert verdict is not None
        (comparison,) = verdict.comparisons
        assert (comparison.difference.n, comparison.difference.total) == (30, 30)
        assert verdict.outcome == "pass"

    def test_a_candidate_that_could_not_be_judged_never_passes(self, lab: Laboratory) -> None:
        """One metric is fine and the other has no coverage at all: that is not a pass."""
        examples = rows(40)

        async def wordless(example: Example) -> Response:
            return Response(output=None)

        @scorer
        def answered(latency_ms: float | None = None) -> bool:
            return True

        baseline = lab.execute(examples, echo, [right, answered], run_id="base")
        silent = lab.execute(examples, wordless, [right, answered], run_id="new")
        verdict = lab.judge(silent, baseline, examples).verdict
        assert verdict is not None
        outcomes = {c.metric: c.outcome for c in verdict.comparisons}
        assert outcomes["right"] == "inconclusive"
        assert verdict.outcome == "inconclusive"

    def test_a_metric_that_only_one_run_has_cannot_be_passed(self, lab: Laboratory) -> None:
        examples = rows(30)
        baseline = lab.execute(examples, scorers=[right], run_id="base")
        other = lab.execute(examples, scorers=[right, length], run_id="new")
        verdict = lab.judge(other, baseline, examples, GateRule(metric="length")).verdict
        assert verdict is not None
        assert verdict.outcome == "inconclusive"
        assert verdict.reasons == ("length: was not measured",)

    def test_metrics_where_less_is_better_are_judged_so(self, lab: Laboratory) -> None:
        examples = rows(12)

        def taking(ms: float) -> Any:
            async def task(example: Example) -> Response:
                return Response(output="x", latency_ms=ms * (10 + int(example.example_id[1:])))

            return task

        scorers = resolve(["latency"])
        fast = lab.execute(examples, taking(1), scorers, run_id="fast")
        slow = lab.execute(examples, taking(50), scorers, run_id="slow")
        rule = GateRule(metric="latency", margin=5)
        for candidate, baseline, outcome in ((fast, slow, "pass"), (slow, fast, "fail")):
            run = lab.judge(candidate, baseline, examples, rule)
            assert run.verdict is not None
            assert run.verdict.outcome == outcome

    def test_clusters_come_from_the_examples(self, lab: Laboratory) -> None:
        alone = rows(24)
        grouped = [msgspec.structs.replace(row, cluster=f"c{n % 3}") for n, row in enumerate(alone)]

        async def wrong_sometimes(example: Example) -> Response:
            return Response(output="?" if int(example.example_id[1:]) % 3 == 0 else example.input)

        baseline = lab.execute(alone, run_id="base")
        worse = lab.execute(alone, wrong_sometimes, run_id="new")
        widths = []
        for examples in (alone, grouped):
            verdict = lab.judge(worse, baseline, examples).verdict
            assert verdict is not None
            difference = verdict.comparisons[0].difference
            assert difference.low is not None
            assert difference.high is not None
            widths.append(difference.high - difference.low)
        assert widths[1] > widths[0], "three clusters know less than 24 examples"

    def test_a_run_is_judged_by_its_own_scores_and_spans_are_left_alone(
        self, lab: Laboratory
    ) -> None:
        run = lab.execute(rows(3))
        span = Span(trace_id="t", span_id="s", name="n", start_ns=1, end_ns=2)
        lab.telemetry.append(spans=[span]).result()
        assert {score.run for score in lab.scores()} == {run.run_id}
        assert lab.telemetry.span_count() == 1


class TestConfirming:
    """What a promotion rests on is held to the rules that the verdict was made by."""

    @pytest.mark.parametrize(
        "rule",
        [
            GateRule(metric="length", direction="higher", margin=1.0),
            GateRule(metric="right", margin=0.2, floor=0.9),
            GateRule(metric="right", must_improve=True),
        ],
    )
    def test_a_verdict_is_confirmed_by_its_own_rules(self, lab: Laboratory, rule: GateRule) -> None:
        examples = rows(40)

        async def longer(example: Example) -> Response:
            wrong = int(example.example_id[1:]) % 2
            return Response(output=example.input + "!" * 5 if wrong else example.input)

        scorers = [right, length]
        base = lab.execute(examples, longer, scorers, run_id="base")
        same = lab.execute(examples, longer, scorers, run_id="same")
        judged = lab.judge(same, base, examples, rule)
        assert judged.verdict is not None
        stored = Comparisons(metadata=lab.metadata, telemetry=lab.telemetry)
        found = stored.confirmed(judged)
        assert found.outcome == judged.verdict.outcome
        assert found.reasons == judged.verdict.reasons
        assert found.comparisons == judged.verdict.comparisons

    @pytest.mark.parametrize(
        ("gate", "gaps", "uncalibrated", "outcome"),
        [
            (SuiteGate(rules=[GateRule(metric="right", margin=0.2)], coverage=0.5), (), (), "pass"),
            (SuiteGate(rules=[GateRule(metric="right", margin=0.2)]), (), (), "inconclusive"),
            (SuiteGate(confidence=0.5, coverage=0.5, alpha=0.4), (), (), "pass"),
            (
                SuiteGate(
                    rules=[GateRule(metric="right", margin=0.2)],
                    cases=[CaseRule(metric="right")],
                    coverage=0.5,
                ),
                (),
                (),
                "inconclusive",
            ),
            (SuiteGate(coverage=0.5), [Slice(by="split", max_gap=0.2)], (), "inconclusive"),
            (SuiteGate(coverage=0.5), (), ["right"], "inconclusive"),
            (SuiteGate(rules=[GateRule(metric="nothing")], coverage=0.5), (), (), "inconclusive"),
        ],
    )
    def test_it_is_confirmed_under_all_of_its_terms(
        self,
        lab: Laboratory,
        gate: SuiteGate,
        gaps: Sequence[Slice],
        uncalibrated: Sequence[str],
        outcome: str,
    ) -> None:
        examples = rows(40)

        async def answering(example: Example) -> Response:
            return Response(output=example.input if int(example.example_id[1:]) != 7 else "")

        @scorer
        def right(output: str) -> bool | None:
            return True if output else None

        base, same = (lab.execute(examples, answering, [right], run_id=n) for n in ("b", "s"))
        found = judged(
            lab.measured(same),
            lab.measured(base),
            examples,
            gate=gate,
            slices=gaps,
            uncalibrated=uncalibrated,
        )
        assert found.verdict is not None
        assert found.verdict.outcome == outcome
        kept = msgspec.json.decode(msgspec.json.encode(found), type=Run)
        again = Comparisons(metadata=lab.metadata, telemetry=lab.telemetry).confirmed(kept)
        assert msgspec.structs.replace(again, notes=()) == found.verdict
