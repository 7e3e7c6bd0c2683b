"""Judges of one's own: a function that takes `judge` is one, and what it asks is paid for."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.judges.court import Court, Script

import trimtab
from trimtab.errors import ScorerError
from trimtab.evals.scorers import scorers_of
from trimtab.ports import Judge, JudgeAnswer, Question, Response
from trimtab.scorers.definition import Judgement, Unscored, scorer

ONE_CALL_USD = Decimal("0.00011")
ROWS = [{"input": f"q{n}", "expected": f"q{n}"} for n in range(8)]
QUESTION = Question(
    name="fine",
    messages=[{"role": "system", "content": "Judge."}, {"role": "user", "content": "fine?"}],
    schema={
        "type": "object",
        "properties": {"verdict": {"enum": ["yes", "no"]}},
        "required": ["verdict"],
    },
    read=lambda value: value["verdict"] == "yes",
)


def bench(price: Decimal | None) -> Any:
    """A judge that says yes at a price."""

    class Bench:
        model = "far/judge"

        async def ask(self, question: Question) -> JudgeAnswer:
            return JudgeAnswer(value=True, cost_usd=price)

    return Bench()


def answer(input: str) -> Response:
    return Response(output=input, cost_usd=Decimal(0))


async def fine(output: str, judge: Judge) -> bool:
    return bool((await judge.ask(QUESTION)).value)


@pytest.mark.parametrize("made", [fine, scorer(fine), scorer(scale="binary")(fine)])
def test_a_function_that_takes_a_judge_is_a_judge(made: Any) -> None:
    here = Path()
    [found] = scorers_of([made], here, judge=bench(None))
    assert found.tier == "judge"
    assert [each.name for each in scorers_of([made, "exact"], here, tier="code")] == ["exact"]


@pytest.mark.parametrize("tier", ["code", "model"])
def test_a_judge_of_another_tier_is_refused(tier: Any) -> None:
    with pytest.raises(ScorerError, match=f"takes `judge` is of the tier judge, not {tier}"):
        scorer(tier=tier)(fine)


def test_a_judge_that_nobody_measured_does_not_gate() -> None:
    rule = {"metric": "fine", "floor": 0.5}
    found = trimtab.evaluate(str, ROWS, scorers=[fine], judge=bench(Decimal(1)), rules=[rule])
    assert found.verdict is not None
    assert found.verdict.outcome == "inconclusive"
    assert "no calibration card" in found.verdict.reasons[0]


async def judgement(output: str, judge: Judge) -> Judgement:
    answer = await judge.ask(QUESTION)
    return Judgement(passed=answer.value, cost_usd=answer.cost_usd)


async def number(output: str, judge: Judge) -> float:
    answers = [await judge.ask(QUESTION) for _ in range(2)]
    return sum(bool(answer.value) for answer in answers) / 2


async def several(output: str, judge: Judge) -> dict[str, Any]:
    first, second = await judge.ask(QUESTION), await judge.ask(QUESTION)
    return {"a": bool(first.value), "b": Judgement(passed=second.value, cost_usd=second.cost_usd)}


async def raising(output: str, judge: Judge) -> bool:
    await judge.ask(QUESTION)
    raise ValueError("no")


async def silent(output: str, judge: Judge) -> Unscored:
    await judge.ask(QUESTION)
    return Unscored("nothing to say")


async def dearer(output: str, judge: Judge) -> Judgement:
    await judge.ask(QUESTION)
    return Judgement(passed=True, cost_usd=5 * ONE_CALL_USD)


async def unasked(output: str, judge: Judge) -> bool:
    return False


COSTS = [
    (fine, 1),
    (judgement, 1),
    (number, 2),
    (several, 2),
    (raising, 1),
    (silent, 1),
    (dearer, 5),
    (unasked, 0),
]


@pytest.mark.parametrize(("function", "calls"), COSTS, ids=lambda one: getattr(one, "__name__", ""))
def test_what_a_judge_is_paid_is_counted_once_whatever_is_returned(
    function: Any, calls: int, court: Court, script: Script
) -> None:
    script.rule = lambda asked: {"verdict": "yes"}
    scores = court.scores(scorer(function).using(judge=court.judge()), input="q", output="a")
    known = [score.cost_usd for score in scores if score.cost_usd is not None]
    assert sum(known, Decimal(0)) == calls * ONE_CALL_USD


@pytest.mark.parametrize("function", [fine, raising])
def test_a_run_costs_what_its_own_judges_cost(function: Any) -> None:
    free = trimtab.evaluate(answer, ROWS, scorers=[unasked], judge=bench(Decimal(1)))
    priced = trimtab.evaluate(answer, ROWS, scorers=[function], judge=bench(Decimal(1)))
    unpriced = trimtab.evaluate(answer, ROWS, scorers=[function], judge=bench(None))
    assert [found.run.cost_usd for found in (free, priced, unpriced)] == [0, 8, None]


def test_the_limit_of_a_run_holds_for_its_own_judges() -> None:
    found = trimtab.evaluate(
        answer, ROWS, scorers=[fine], judge=bench(Decimal(1)), max_cost_usd=3, concurrency=1
    )
    assert (found.run.status, found.run.cost_usd) == ("interrupted", Decimal(3))
