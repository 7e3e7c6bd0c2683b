"""What results cost, in US dollars. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from trimtab.records import Result


def cost_of(result: Result) -> Decimal | None:
    """US dollars that a result cost when it was made now: its answer and its judges.

    None where the answer is unpriced. An answer that was replayed cost nothing, nor did one that
    failed without a cost.
    """
    judging = judging_cost(result)
    if result.cached:
        return judging
    if result.cost_usd is None:
        return None if result.error is None else judging
    return result.cost_usd + judging if judging else result.cost_usd


def judging_cost(result: Result) -> Decimal:
    """US dollars of the judges of a result, as far as they are known."""
    total = Decimal(0)
    for score in result.scores:
        if score.cost_usd:
            total += score.cost_usd
    return total


def total_cost(results: Iterable[Result]) -> Decimal | None:
    """US dollars of all results, judges included; None when the cost of one is unknown."""
    total = Decimal(0)
    for result in results:
        cost = cost_of(result)
        if cost is None:
            return None
        total += cost
    return total
