"""Numbers of a whole run, against reference implementations, with intervals that hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sacrebleu
from sklearn import metrics as reference

import trimtab
from trimtab.experiments.reducers import Case, passes, reduce
from trimtab.experiments.repeats import direction
from trimtab.measures.repeats import pass_at_k
from trimtab.records import Estimate, Example, Score, Target
from trimtab.scorers.definition import Judgement, scorer

LABELS = ["spam", "ham", "news"]
TEXTS = [
    ("the cat sat on a mat", "the cat sat on the mat"),
    ("a dog barked at night", "the dog barked all night long"),
    ("it rained", "it rained in the evening"),
    ("nothing like it", "the sun was shining on the hill"),
    ("they went home early", "they went home early"),
] * 4  # fmt: skip


def evaluated(
    outputs: Sequence[Any], expected: Sequence[Any], which: Any, **settings: Any
) -> dict[str, Estimate]:
    """The metrics of a run over answers that are there already."""
    rows = [Example(example_id=f"e{n}", input=n, expected=want) for n, want in enumerate(expected)]
    found = trimtab.evaluate(
        lambda example: outputs[example.input], rows, scorers=[which], **settings
    )
    return dict(found.metrics)


def labelled(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    random_ = random.Random(seed)
    expected = random_.choices(LABELS, weights=[5, 3, 2], k=count)
    given = [label if random_.random() < 0.7 else random_.choice(LABELS) for label in expected]
    return given, expected


def test_classification_is_that_of_scikit_learn() -> None:
    given, expected = labelled(80)
    found = evaluated(given, expected, "classification")
    average = {"average": "macro", "zero_division": 0.0}
    wanted = {
        "": reference.accuracy_score(expected, given),
        ".balanced_accuracy": reference.balanced_accuracy_score(expected, given),
        ".macro_precision": reference.precision_score(expected, given, **average),
        ".macro_recall": reference.recall_score(expected, given, **average),
        ".macro_f1": reference.f1_score(expected, given, **average),
        ".weighted_f1": reference.f1_score(expected, given, average="weighted"),
        ".mcc": reference.matthews_corrcoef(expected, given),
    }
    assert {f"classification{name}" for name in wanted} == set(found)
    for name, value in wanted.items():
        estimate = found[f"classification{name}"]
        assert estimate.value == pytest.approx(value)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < value < estimate.high
        assert (estimate.n, estimate.total) == (80, 80)


def test_an_answer_that_is_no_label_is_a_miss_and_no_label_of_its_own() -> None:
    found = evaluated(["spam", "I cannot say", "ham"], ["spam", "ham", "ham"], "classification")
    wanted = reference.f1_score(
        ["spam", "ham", "ham"], ["spam", "?", "ham"], average="macro", labels=["spam", "ham"]
    )
    assert found["classification.macro_f1"].value == pytest.approx(wanted)


def test_calibration_is_that_of_scikit_learn() -> None:
    random_ = random.Random(1)
    p = [random_.random() for _ in range(200)]
    y = [random_.random() < each**2 for each in p]
    outputs = [
        {"answer": "a" if right else "b", "probability": q} for q, right in zip(p, y, strict=True)
    ]
    found = evaluated(outputs, ["a"] * 200, "calibration")
    assert found["calibration"].value == pytest.approx(reference.brier_score_loss(y, p))
    assert found["calibration.log_loss"].value == pytest.approx(reference.log_loss(y, p))
    assert found["calibration.roc_auc"].value == pytest.approx(reference.roc_auc_score(y, p))
    assert found["calibration.pr_auc"].value == pytest.approx(
        reference.average_precision_score(y, p)
    )
    edges = np.clip((np.array(p) * 10).astype(int), 0, 9)
    gaps = [
        abs(np.mean(np.array(p)[edges == bin_]) - np.mean(np.array(y)[edges == bin_]))
        * np.mean(edges == bin_)
        for bin_ in range(10)
        if (edges == bin_).any()
    ]
    assert found["calibration.ece"].value == pytest.approx(sum(gaps), abs=0.03)
    assert direction("calibration.ece", {"calibration": False}) is False
    assert direction("calibration.roc_auc", {"calibration": False}) is True


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_scores_of_a_corpus_are_those_of_sacrebleu(name: str) -> None:
    outputs, expected = map(list, zip(*TEXTS, strict=True))
    found = evaluated(outputs, expected, name)
    oracle = {"bleu": sacrebleu.corpus_bleu, "chrf": sacrebleu.corpus_chrf}[name]
    wanted = oracle(outputs, [expected]).score
    estimate = found[f"{name}.corpus"]
    assert estimate.value == pytest.approx(wanted, abs=1e-6)
    assert estimate.value != pytest.approx(found[name].value)
    assert estimate.low is not None
    assert estimate.low < wanted


def test_repeats_give_pass_at_k_and_pass_hat_k() -> None:
    turns: dict[int, int] = {}

    def task(input: int) -> str:
        turns[input] = turns.get(input, 0) + 1
        return "yes" if turns[input] <= input else "no"

    rows = [Example(example_id=f"e{n}", input=n, expected="yes") for n in range(4)]
    found = trimtab.evaluate(task, rows, scorers=["exact"], repeat=3, concurrency=1).metrics
    assert found["exact"].value == pytest.approx(0.5)
    for k in (2, 3):
        wanted = np.mean([pass_at_k(successes, 3, k) for successes in range(4)])
        assert found[f"exact.pass@{k}"].value == pytest.approx(wanted)
    assert found["exact.pass^3"].value == pytest.approx(1 / 4)
    assert found["exact.pass@3"].n == 4
    assert passes(1, 2, repeats=3)["pass@3"] is None
    once = trimtab.evaluate(task, rows, scorers=["exact"]).metrics
    assert set(once) == {"exact"}


def test_a_scorer_of_ones_own_may_say_what_was_predicted() -> None:
    @scorer
    def topic(output: str, expected: str) -> Judgement:
        said = output.rsplit(maxsplit=1)[-1]
        return Judgement(
            passed=said == expected, metadata={"predicted": said, "expected": expected}
        )

    given, expected = labelled(30)
    found = evaluated([f"it is {each}" for each in given], expected, topic)
    wanted = reference.f1_score(expected, given, average="macro")
    assert found["topic.macro_f1"].value == pytest.approx(wanted)


def test_two_classifiers_by_other_names_are_kept_apart() -> None:
    given, expected = labelled(30)
    found = evaluated(given, expected, {"classification": {"name": "kind", "labels": LABELS}})
    assert "kind.macro_f1" in found


def case(n: int, cluster: str, predicted: str, expected: str, **fields: Any) -> Case:
    said = {"predicted": predicted, "expected": expected}
    score = Score(
        score_id=str(n), target=Target(kind="example", id=str(n)), name="c", time_ns=0,
        **{"passed": predicted == expected, "metadata": said, **fields},
    )  # fmt: skip
    return Case(example_id=str(n), cluster=cluster, output="", expected="", score=score)


def test_what_was_not_judged_counts_for_coverage_alone() -> None:
    judged = [case(n, str(n), "a", "a" if n % 2 else "b") for n in range(6)]
    failed = [case(n, str(n), "", "", passed=None, status="error", metadata={}) for n in (7, 8)]
    estimate = reduce("c", [*failed, *judged])["c.macro_f1"]
    assert (estimate.n, estimate.total) == (6, 8)
    assert reduce("c", failed) == {}


def test_no_interval_reaches_beyond_what_a_number_can_be() -> None:
    cases = [case(n, str(n), "a", "a" if n else "b") for n in range(8)]
    for name, estimate in reduce("c", cases).items():
        assert estimate.low is not None
        assert estimate.high is not None
        assert (-1.0 if name == "c.mcc" else 0.0) <= estimate.low <= estimate.high <= 1.0, name


def test_one_cluster_has_no_interval() -> None:
    found = reduce("c", [case(n, "same", "a", "a") for n in range(5)])["c.macro_f1"]
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_the_interval_of_cases_that_come_in_clusters_is_wider() -> None:
    given, expected = labelled(100)
    cases = [case(n, str(n), *pair) for n, pair in enumerate(zip(given, expected, strict=True))]
    copies = [
        case(1000 * copy + n, str(n), *pair)
        for copy in range(4)
        for n, pair in enumerate(zip(given, expected, strict=True))
    ]
    alone = reduce("c", cases)["c.macro_f1"]
    copied = reduce("c", copies)["c.macro_f1"]
    assert copied.value == pytest.approx(alone.value)
    assert width(copied) == pytest.approx(width(alone), rel=1e-6)


def width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Macro F1 of 100 cases over 300 draws from one population, at 95 %."""
    given, expected = labelled(200_000, seed=7)
    truth = reference.f1_score(expected, given, average="macro")
    held = 0
    for draw in range(300):
        some = slice(100 * draw, 100 * (draw + 1))
        pairs = zip(given[some], expected[some], strict=True)
        found = reduce("c", [case(n, str(n), *pair) for n, pair in enumerate(pairs)])
        estimate = found["c.macro_f1"]
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= truth <= estimate.high
    assert 0.92 <= held / 300 <= 0.98
