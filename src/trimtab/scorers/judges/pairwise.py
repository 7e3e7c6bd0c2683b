"""The primitive `pairwise`: which of two answers is better, asked in both orders.

A judge that likes the place of an answer better than the answer says so by contradicting itself:
that is a tie, and on record as inconsistent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from trimtab.ports import Judge
from trimtab.scorers.judgement import Unscored
from trimtab.scorers.judges.answers import Found, lacking, together
from trimtab.scorers.judges.choice import Chosen, choice

Winner = Literal["answer", "baseline", "tie"]

_CHOICES = {
    "Output (a)": "the first answer is better",
    "Output (b)": "the second answer is better",
    "Tie": "neither is better",
}
_PLACES = {"Output (a)": 0, "Output (b)": 1}


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """Who won; `is_consistent` when both orders named the same.

    `orders` are the winners with the answer shown first, and with the baseline shown first.
    """

    winner: Winner
    is_consistent: bool
    orders: tuple[Winner, Winner]
    reasons: tuple[str, ...] = ()


async def pairwise(
    judge: Judge,
    name: str,
    task: str,
    answer: str,
    baseline: str,
    material: Mapping[str, Any],
) -> Found[Preference] | Unscored:
    """Which of two answers is better, by two calls at once, one for each order.

    Args:
        task: what makes an answer better.
        material: what both answer to.
    """

    async def ask(pair: tuple[str, str]) -> Found[Chosen] | Unscored:
        shown = {**material, "output_a": pair[0], "output_b": pair[1]}
        return await choice(judge, name, task, _CHOICES, shown, saying="{} is better")

    straight, swapped = await asyncio.gather(ask((answer, baseline)), ask((baseline, answer)))
    if isinstance(straight, Unscored) or isinstance(swapped, Unscored):
        return lacking(straight, swapped) or Unscored("no answer")
    return Found(
        _preference(straight.value, swapped.value), together(straight.cost_usd, swapped.cost_usd)
    )


def _preference(straight: Chosen, swapped: Chosen) -> Preference:
    first = _winner(straight.choice, ("answer", "baseline"))
    second = _winner(swapped.choice, ("baseline", "answer"))
    return Preference(
        winner=first if first == second else "tie",
        is_consistent=first == second,
        orders=(first, second),
        reasons=tuple(chosen.reason for chosen in (straight, swapped) if chosen.reason),
    )


def _winner(label: str, order: tuple[Winner, Winner]) -> Winner:
    return order[_PLACES[label]] if label in _PLACES else "tie"
