"""Repeats and panels are scorers like any other, and judges around judges are judges."""

from __future__ import annotations

import asyncio

import pytest

from trimtab.ports import JudgeAnswer, Question, Scorer
from trimtab.scorers.definition import FunctionScorer
from trimtab.scorers.judges.correctness import closed_qa
from trimtab.scorers.judges.jury import Jury, models_of
from trimtab.scorers.judges.sampling import Sampled, Weighing
from trimtab.scorers.judges.summarization import summarization
from trimtab.testing.scorer import ScorerContract


class Says:
    """Answers every question alike, except that it is another model."""

    def __init__(self, model: str, verdict: str = "yes") -> None:
        self.model = model
        self._verdict = verdict

    async def ask(self, question: Question) -> JudgeAnswer:
        await asyncio.sleep(0)
        if question.read_text is not None:
            return JudgeAnswer(value=question.read_text(self._verdict), model=self.model)
        return JudgeAnswer(error="the judge has nothing to say")


PANEL = Jury((Says("a/one"), Says("b/two", "no"), Says("c/three")))


class TestRepeatsAndPanels(ScorerContract):
    @pytest.fixture(
        params=[
            Jury((Says("a/one"),), repeats=3).equip(closed_qa),
            PANEL.equip(closed_qa),
            Jury(PANEL.judges, repeats=2).equip(closed_qa),
        ],
        ids=["repeats", "panel", "panel of repeats"],
    )
    def scorer(self, request: pytest.FixtureRequest) -> Scorer:
        found: Scorer = request.param
        return found


def test_a_sample_is_passed_on_and_is_the_same_judge() -> None:
    heard = []

    class Listening(Says):
        async def ask(self, question: Question) -> JudgeAnswer:
            heard.append(question.sample)
            return await super().ask(question)

    inner = Listening("a/one")
    sampled = Sampled(inner, 4)
    question = Question(name="q", messages=[], schema={}, read=str)
    assert asyncio.run(sampled.ask(question)).error == "the judge has nothing to say"
    assert (heard, sampled.model) == ([4], "a/one")


def test_weighing_asks_nobody_and_says_so() -> None:
    weighing = Weighing()
    question = Question(name="q", messages=[{"role": "user", "content": "?"}], schema={}, read=str)
    answer = asyncio.run(weighing.ask(question))
    assert (answer.value, answer.calls, weighing.questions) == (None, 0, 1)
    assert weighing.size_bytes == len('[[{"role":"user","content":"?"}],{}]')


@pytest.mark.parametrize("scorer", [closed_qa, summarization], ids=lambda scorer: scorer.name)
def test_one_judge_asked_once_is_the_plain_scorer(scorer: FunctionScorer[..., object]) -> None:
    judge = Says("a/one")
    equipped = Jury((judge,)).equip(scorer)
    assert isinstance(equipped, FunctionScorer)
    assert equipped.digest == scorer.using(judge=judge).digest
    assert models_of(equipped) == ("a/one",)
    assert models_of(scorer) == ()
