"""How a primitive hands on what a judge said: a value with its cost, or why there is none."""

from __future__ import annotations

from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from trimtab.ports import Judge, JudgeAnswer, Question
from trimtab.scorers.judgement import Unscored

V = TypeVar("V")


class Found(msgspec.Struct, Generic[V], frozen=True):
    """What a judge answered, and what it cost (None: unpriced)."""

    value: V
    cost_usd: Decimal | None = None


async def found(judge: Judge, question: Question) -> Found[object] | Unscored:
    """Ask; the value, or that there is none and why."""
    answer = await judge.ask(question)
    if answer.error is not None:
        return Unscored(why(answer))
    return Found(answer.value, answer.cost_usd)


def why(answer: JudgeAnswer) -> str:
    """The reason of a missing judgement.

    >>> why(JudgeAnswer(error="HTTP 500"))
    'judge: HTTP 500'
    """
    return f"judge: {(answer.error or 'no answer').removeprefix('the judge ')}"


def together(*costs: Decimal | None) -> Decimal | None:
    """The sum of several costs; None when one of them is unpriced.

    >>> together(Decimal("0.01"), Decimal("0.02"))
    Decimal('0.03')
    """
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
