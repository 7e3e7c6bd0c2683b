"""How a primitive hands on what a judge said: a value with its cost, or why there is none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from trimtab.ports import Judge, JudgeAnswer, Question
from trimtab.scorers.judgement import Unscored

V = TypeVar("V")


class Found(msgspec.Struct, Generic[V], frozen=True):
    """What a judge answered, and what it cost (None: unpriced)."""

    value: V
    cost_usd: Decimal | None = None


async def found(judge: Judge, question: Question) -> Found[Any] | Unscored:
    """Ask; the value, or that there is none, why, and what that cost."""
    answer = await judge.ask(question)
    if answer.error is not None:
        return Unscored(why(answer), answer.cost_usd)
    return Found(answer.value, answer.cost_usd)


def why(answer: JudgeAnswer) -> str:
    """The reason of a missing judgement.

    >>> why(JudgeAnswer(error="HTTP 500"))
    'judge: HTTP 500'
    """
    said = answer.error or "no answer"
    return "judge: " + said.removeprefix("the judge's ").removeprefix("the judge ")


def lacking(*parts: Found[Any] | Unscored) -> Unscored | None:
    """The first of several that is missing, with the cost of all; None when none is.

    >>> lacking(Found(1, Decimal(2)), Unscored("judge: HTTP 500", Decimal(3)))
    Unscored(reason='judge: HTTP 500', cost_usd=Decimal('5'))
    """
    missing = next((part for part in parts if isinstance(part, Unscored)), None)
    if missing is None:
        return None
    return Unscored(missing.reason, together(*(part.cost_usd for part in parts)))


def together(*costs: Decimal | None) -> Decimal | None:
    """The sum of several costs; None when one of them is unpriced.

    >>> together(Decimal("0.01"), Decimal("0.02"))
    Decimal('0.03')
    """
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
