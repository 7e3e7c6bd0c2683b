"""Recorded replies of real judges: our functions reproduce every statistic published with them.

LLMBar Natural (Zeng et al. 2024, arXiv:2310.07641; MIT): a hundred pairs with a gold preference,
each judged in both orders. The data is no part of the project.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from trimtab.measures.agreement import cohen_kappa, percent_agreement
from trimtab.measures.panels import decision, effective_votes
from trimtab.measures.prediction_powered import debiased_mean

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "evals" / "llmbar_natural"
JUDGES = [
    f"{model}.{style}"
    for model in ("ChatGPT-0301", "GPT-4")
    for style in ("CoT", "Metrics_Reference", "Vanilla", "Vanilla_NoRules")
]

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="shared data is absent")


def read(name: str) -> Any:
    with gzip.open(DATA / f"{name}.json.gz") as file:
        return json.load(file)


class Recorded:
    """A judge's verdicts in both orders, already turned back, and the gold preference."""

    def __init__(self, judge: str) -> None:
        rows = read(f"{judge}.result")
        self.gold = [str(row["label"]) for row in rows]
        replies = [row["results"][-1] for row in rows]
        self.straight = [reply["swap = False"]["winner"] for reply in replies]
        self.swapped = [reply["swap = True"]["winner"] for reply in replies]
        self.both = [decision(pair) for pair in zip(self.straight, self.swapped, strict=True)]


@pytest.fixture(params=JUDGES)
def judge(request: pytest.FixtureRequest) -> tuple[Recorded, dict[str, Any]]:
    return Recorded(request.param), read(f"{request.param}.statistics")


def percentage(share: float) -> str:
    return f"{share * 100}%"


def test_every_published_statistic_is_reproduced(judge: tuple[Recorded, dict[str, Any]]) -> None:
    recorded, published = judge
    gold = recorded.gold
    straight = percent_agreement(recorded.straight, gold).value
    swapped = percent_agreement(recorded.swapped, gold).value
    consistent = percent_agreement(recorded.straight, recorded.swapped).value
    right_twice = sum(a == b for a, b in zip(recorded.both, gold, strict=True))
    kappas = [published_kappa(verdicts, gold) for verdicts in (recorded.straight, recorded.swapped)]
    between = cohen_kappa(recorded.straight, recorded.swapped).value
    found = {
        "correct_False": f"{round(straight * 100)} / 100 = {percentage(straight)}",
        "correct_True": f"{round(swapped * 100)} / 100 = {percentage(swapped)}",
        "correct_average": percentage((straight + swapped) / 2),
        "correct_both": f"{right_twice} / 100 = {percentage(right_twice / 100)}",
        "equal": f"{round(consistent * 100)} / 100 = {percentage(consistent)}",
        "kappa_False": pytest.approx(kappas[0], abs=1e-12),
        "kappa_True": pytest.approx(kappas[1], abs=1e-12),
        "kappa_average": pytest.approx(sum(kappas) / 2, abs=1e-12),
        "kappa_agreement": pytest.approx(between, abs=1e-12),
    }
    assert published == found


def published_kappa(verdicts: list[str], gold: list[str]) -> float:
    """Kappa as published: the verdict "2" was written 0 there while the gold label stayed 2, so
    that choosing the second answer never counts as agreement."""
    renamed = ["1" if verdict == "1" else "0" for verdict in verdicts]
    return cohen_kappa(renamed, gold).value


def test_keeping_only_verdicts_that_survive_the_swap_is_more_often_right(
    judge: tuple[Recorded, dict[str, Any]],
) -> None:
    recorded, _ = judge
    kept = [(b, g) for b, g in zip(recorded.both, recorded.gold, strict=True) if b is not None]
    decided = percent_agreement([b for b, _ in kept], [g for _, g in kept])
    once = percent_agreement(recorded.straight, recorded.gold)
    assert decided.value > once.value
    kappa = cohen_kappa(recorded.straight, recorded.gold)
    assert kappa.low < kappa.value < kappa.high
    assert kappa.low > 0.3


def test_eight_recorded_judges_are_worth_far_fewer_votes() -> None:
    panel = [Recorded(judge) for judge in JUDGES]
    errors = [
        [float(v != g) for v, g in zip(judge.straight, judge.gold, strict=True)] for judge in panel
    ]
    votes = effective_votes(errors)
    assert 1.2 < votes.low < votes.value < votes.high < 5


def test_labels_correct_a_recorded_judge_towards_the_gold_rate() -> None:
    """How often the first answer wins: known from gold, judged by a biased judge, corrected from
    a third of the labels."""
    recorded = Recorded("ChatGPT-0301.CoT")
    truth = [float(g == "1") for g in recorded.gold]
    scores = [float(v == "1") for v in recorded.swapped]
    labels = [t if i % 3 == 0 else None for i, t in enumerate(truth)]
    found = debiased_mean(scores, labels)
    rate = sum(truth) / len(truth)
    assert found.raw < rate - 0.1
    assert found.low < rate < found.high
    assert found.effective_labels > 1.2 * found.labels
