"""`correctness` and `closed_qa`: an answer against the expected one, or against a criterion."""

from __future__ import annotations

import asyncio
from typing import Any

from trimtab.ports import Judge
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.answers import lacking, together
from trimtab.scorers.judges.choice import choice
from trimtab.scorers.judges.claims import claims, evidence
from trimtab.scorers.texts import references


@scorer(tier="judge", scale="unit")
async def correctness(
    output: str, expected: Any, judge: Judge, input: str | None = None
) -> Judgement | Unscored:
    """F1 over claims: 2 TP / (2 TP + FP + FN).

    TP are the answer's claims that the expected answer supports, FP its others, FN the expected
    answer's claims that the answer does not support (factual correctness of RAGAS and, in spirit,
    FActScore, arXiv:2305.14251). Two calls at once. A longer answer that is right on more than was
    expected loses precision.
    """
    accepted = references(expected)
    if not accepted:
        return Unscored("missing: expected")
    beside = {"question": input}
    made, needed = await asyncio.gather(
        claims(
            judge,
            "correctness_precision",
            output,
            accepted[0],
            names=("answer", "expected_answer"),
            beside=beside,
        ),
        claims(
            judge,
            "correctness_recall",
            accepted[0],
            output,
            names=("expected_answer", "answer"),
            beside=beside,
        ),
    )
    if isinstance(made, Unscored) or isinstance(needed, Unscored):
        return lacking(made, needed) or Unscored("no answer")
    right = sum(claim.supported for claim in made.value)
    wrong = len(made.value) - right
    missed = [claim for claim in needed.value if not claim.supported]
    return Judgement(
        value=2 * right / (2 * right + wrong + len(missed)),
        reason=f"{right} claims right, {wrong} wrong or unexpected, {len(missed)} missing",
        evidence=evidence(made.value) + tuple(f"missing: {claim.claim}" for claim in missed),
        cost_usd=together(made.cost_usd, needed.cost_usd),
    )


@scorer(tier="judge")
async def closed_qa(
    input: str, output: str, judge: Judge, expected: Any = None, *, criterion: str = ""
) -> Judgement | Unscored:
    """Passes when the answer meets one criterion, by default: that it agrees with the expected one.

    Args:
        criterion: a sentence that can be true or false of the answer.
    """
    accepted = references(expected) if expected is not None else []
    if not criterion and not accepted:
        return Unscored("missing: expected")
    task = "Does <answer> meet this criterion? " + (
        criterion
        or "It gives the same answer to <question> as <expected_answer> does. Other "
        "words and further true detail are allowed; a different or missing answer is not."
    )
    shown = {"question": input, "answer": output, "expected_answer": accepted}
    chosen = await choice(judge, "closed_qa", task, _ANSWERS, shown)
    if isinstance(chosen, Unscored):
        return chosen
    return Judgement(
        passed=chosen.value.choice == "yes",
        reason=chosen.value.reason or None,
        cost_usd=chosen.cost_usd,
    )


_ANSWERS = {"yes": "it does", "no": "it does not"}
