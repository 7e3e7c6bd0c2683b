"""What results cost, in US dollars. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from trimtab.records import Result, Score
from trimtab.scorers.counted import UNPRICED

_ASKED = "judge: "
"""How the reason of a judgement begins that was asked for and could not be used."""


def cost_of(result: Result) -> Decimal | None:
    """US dollars that a result cost when it was made now: its answer and its judges.

    None where one of them is unpriced. An answer that was replayed cost nothing, nor did one that
    failed without a cost.
    """
    answering = result.cost_usd
    if answering is None and result.error is None and not result.cached:
        return None
    judging = judging_cost(result)
    if result.cached or answering is None:
        return judging
    return None if judging is None else answering + judging


def judging_cost(result: Result) -> Decimal | None:
    """US dollars of the judges of a result; None where one of them is unpriced.

    Where a judge gives several scores, what it cost may be with one of them alone.
    """
    total = Decimal(0)
    unpriced, priced = set[str](), set[str]()
    for score in result.scores:
        if score.cost_usd is not None:
            total += score.cost_usd
            priced.add(score.digest)
        elif score.source == "judge" and _was_asked(score):
            unpriced.add(score.digest)
    return total if unpriced <= priced else None


def _was_asked(score: Score) -> bool:
    if score.status == "scored" or (score.reason or "").startswith(_ASKED):
        return True
    return bool(score.metadata.get(UNPRICED))


def total_cost(results: Iterable[Result]) -> Decimal | None:
    """US dollars of all results, judges included; None when the cost of one is unknown."""
    total = Decimal(0)
    for result in results:
        cost = cost_of(result)
        if cost is None:
            return None
        total += cost
    return total
