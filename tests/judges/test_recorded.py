"""Recorded replies of real judges, answered anew over HTTP: parsing, order swap and calibration.

LLMBar Natural (Zeng et al. 2024, arXiv:2310.07641; MIT): a hundred pairs with a gold preference,
each judged in both orders. The provider looks up what the model said then, and says it again word
for word. The data is no part of the project.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.judges.court import Asked, Court, Script, provider

from trimtab.experiments.calibration import About, calibrate
from trimtab.experiments.labels import Labelled, labelled
from trimtab.measures.agreement import cohen_kappa
from trimtab.records import CalibrationCard, Example, Score
from trimtab.scorers.judges.jury import Jury
from trimtab.scorers.judges.preference import pairwise

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "evals" / "llmbar_natural"
JUDGES = [
    f"{model}.{style}"
    for model in ("ChatGPT-0301", "GPT-4")
    for style in ("CoT", "Metrics_Reference", "Vanilla", "Vanilla_NoRules")
]

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="shared data is absent")
ABOUT = About("pairwise", "d" * 64, "recorded", "llmbar", "e" * 64, "metadata.human", 1)


def read(name: str) -> Any:
    with gzip.open(DATA / f"{name}.json.gz") as file:
        return json.load(file)


class Replay:
    """Says what a recorded judge said of a pair in this order; the model is the judge's name."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str, str, str], str] = {}
        for judge in JUDGES:
            for row in read(f"{judge}.result"):
                one, two = plain(row["output_1"]), plain(row["output_2"])
                reply, asked = row["results"][-1], plain(row["input"])
                self._said[judge, asked, one, two] = reply["swap = False"]["completion"][0]
                self._said[judge, asked, two, one] = reply["swap = True"]["completion"][0]

    def __call__(self, asked: Asked) -> str:
        shown = [plain(asked.material(name)) for name in ("question", "output_a", "output_b")]
        return self._said[asked.model, shown[0], shown[1], shown[2]]


def plain(text: str) -> str:
    return "".join(text.split())


class Judged(NamedTuple):
    scores: dict[str, Score]
    examples: list[Example]
    published: dict[str, Any]

    @property
    def cases(self) -> Labelled:
        return labelled(self.examples, self.scores, "metadata.human")

    def orders(self, place: int) -> list[str]:
        """The winners in one of the two orders, as the statistics name them."""
        names = {"answer": "1", "baseline": "2"}
        return [names[score.metadata["orders"][place]] for score in self.scores.values()]


@pytest.fixture(scope="module")
def replay() -> Iterator[Court]:
    script = Script()
    script.rule = Replay()
    with provider(script) as far, Court(far.url) as court:
        yield court


def judged(court: Court, jury: Jury) -> dict[str, Score]:
    scorer = jury.equip(pairwise)
    return {
        str(number): court.score(
            scorer, input=row["input"], output=row["output_1"], baseline=row["output_2"]
        )
        for number, row in enumerate(read("dataset"))
    }


@pytest.fixture(scope="module", params=JUDGES)
def verdicts(replay: Court, request: pytest.FixtureRequest) -> Judged:
    scores = judged(replay, Jury((replay.judge(request.param),)))
    return Judged(scores, examples(), read(f"{request.param}.statistics"))


def examples() -> list[Example]:
    winners = {1: "answer", 2: "baseline"}
    return [
        Example(
            example_id=str(number), input=row["input"], metadata={"human": winners[row["label"]]}
        )
        for number, row in enumerate(read("dataset"))
    ]


def test_every_reply_is_read_and_the_published_statistics_come_out(verdicts: Judged) -> None:
    gold = [{"answer": "1", "baseline": "2"}[e.metadata["human"]] for e in verdicts.examples]
    straight, swapped = verdicts.orders(0), verdicts.orders(1)
    card = calibrate(verdicts.cases, ABOUT)
    right = [sum(a == b for a, b in zip(place, gold, strict=True)) for place in (straight, swapped)]
    kappas = [published_kappa(place, gold) for place in (straight, swapped)]
    assert {score.status for score in verdicts.scores.values()} == {"scored"}
    assert card.agreement is not None
    assert card.order_consistency is not None
    assert verdicts.published == {
        "correct_False": f"{right[0]} / 100 = {right[0]:.1f}%",
        "correct_True": f"{right[1]} / 100 = {right[1]:.1f}%",
        "correct_average": f"{sum(right) / 2:.1f}%",
        "correct_both": of_hundred(card.agreement.value),
        "equal": of_hundred(card.order_consistency.value),
        "kappa_False": pytest.approx(kappas[0], abs=1e-12),
        "kappa_True": pytest.approx(kappas[1], abs=1e-12),
        "kappa_average": pytest.approx(sum(kappas) / 2, abs=1e-12),
        "kappa_agreement": pytest.approx(cohen_kappa(straight, swapped).value, abs=1e-12),
    }


def of_hundred(share: float | None) -> str:
    assert share is not None
    return f"{round(share * 100)} / 100 = {share * 100:.1f}%"


def published_kappa(verdicts: list[str], gold: list[str]) -> float:
    """Kappa as published: the verdict "2" was written 0 there while the gold label stayed 2, so
    that choosing the second answer never counts as agreement."""
    return cohen_kappa(["1" if verdict == "1" else "0" for verdict in verdicts], gold).value


def test_the_card_of_a_recorded_judge_says_what_it_is_worth(verdicts: Judged) -> None:
    card: CalibrationCard = calibrate(verdicts.cases, ABOUT)
    assert (card.labelled, card.judged) == (100, 100)
    assert card.kappa is not None
    assert card.kappa.low is not None
    assert card.kappa.value is not None
    assert card.kappa.low < card.kappa.value
    assert 0.4 < card.kappa.value < 0.95
    assert card.alpha is not None
    assert card.length_slope is not None


def test_a_pair_that_the_order_decides_is_a_tie(verdicts: Judged) -> None:
    for score in verdicts.scores.values():
        assert (score.value == 0.5) == (score.metadata["consistent"] is False)


def test_three_recorded_judges_are_worth_less_than_three_votes(replay: Court) -> None:
    names = ("ChatGPT-0301.CoT", "ChatGPT-0301.Vanilla", "ChatGPT-0301.Vanilla_NoRules")
    scores = judged(replay, Jury(tuple(replay.judge(name) for name in names)))
    card = calibrate(labelled(examples(), scores, "metadata.human"), ABOUT)
    assert card.effective_votes is not None
    assert 1.0 < card.effective_votes < 2.2
