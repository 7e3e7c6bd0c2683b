"""`context_precision`, `context_recall` and `context_relevance`: what was retrieved, judged."""

from __future__ import annotations

from typing import Any

from trimtab.measures import ranks
from trimtab.ports import Judge
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.answers import Found
from trimtab.scorers.judges.checklist import Item, verdicts
from trimtab.scorers.judges.claims import claims, evidence
from trimtab.scorers.texts import references

MOST_PASSAGES = 50


@scorer(tier="judge", scale="unit")
async def context_precision(
    input: str, context: list[str], judge: Judge, expected: Any = None
) -> Judgement | Unscored:
    """Average precision of the passages in their order, by a verdict on each.

    1/R * sum of precision@k over the ranks k of the R passages that help to answer (RAGAS's context
    precision); 0 when none helps. Passages beyond the first 50 are not judged.
    """
    judged = await _useful(judge, "context_precision", input, context, expected)
    if isinstance(judged, Unscored):
        return judged
    gains = [float(item.verdict == "yes") for item in judged.value]
    useful = int(sum(gains))
    value = ranks.average_precision(gains, relevant=useful) if useful else 0.0
    return Judgement(
        value=value,
        reason=f"{useful} of {len(gains)} passages help",
        evidence=_useless(judged.value),
        cost_usd=judged.cost_usd,
    )


@scorer(tier="judge", scale="unit")
async def context_relevance(
    input: str, context: list[str], judge: Judge, expected: Any = None
) -> Judgement | Unscored:
    """Share of the passages that help to answer, whatever their order."""
    judged = await _useful(judge, "context_relevance", input, context, expected)
    if isinstance(judged, Unscored):
        return judged
    useful = sum(item.verdict == "yes" for item in judged.value)
    return Judgement(
        value=useful / len(judged.value),
        reason=f"{useful} of {len(judged.value)} passages help",
        evidence=_useless(judged.value),
        cost_usd=judged.cost_usd,
    )


@scorer(tier="judge", scale="unit")
async def context_recall(
    context: list[str], expected: Any, judge: Judge, input: str | None = None
) -> Judgement | Unscored:
    """Share of the expected answer's claims that the passages support (RAGAS's context recall)."""
    accepted = references(expected)
    if not accepted or not context:
        return Unscored("missing: expected" if context else "no passage was retrieved")
    found = await claims(
        judge,
        "context_recall",
        accepted[0],
        context,
        names=("expected_answer", "passages"),
        beside={"question": input},
    )
    if isinstance(found, Unscored):
        return found
    supported = sum(claim.supported for claim in found.value)
    return Judgement(
        value=supported / len(found.value),
        reason=f"{supported} of {len(found.value)} expected claims are in the passages",
        evidence=evidence(found.value),
        cost_usd=found.cost_usd,
    )


async def _useful(
    judge: Judge, name: str, question: str, context: list[str], expected: Any
) -> Found[list[Item]] | Unscored:
    """For each passage whether it helps to answer."""
    passages = context[:MOST_PASSAGES]
    if not passages:
        return Unscored("no passage was retrieved")
    criteria = [
        f"Passage {number} holds something that is needed for, or helps, a right answer."
        for number in range(1, len(passages) + 1)
    ]
    answers = references(expected) if expected is not None else []
    shown = {"question": question, "right_answer": answers[:1], "passages": passages}
    return await verdicts(judge, name, criteria, shown)


def _useless(items: list[Item]) -> tuple[str, ...]:
    return tuple(
        f"passage {item.criterion} does not help: {item.reason}"[:300]
        for item in items
        if item.verdict != "yes"
    )[:10]
