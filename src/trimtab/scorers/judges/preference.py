"""`pairwise`: whether an answer is better than the baseline's."""

from __future__ import annotations

from typing import Any

from trimtab.ports import Judge
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.pairwise import pairwise as ask_both
from trimtab.scorers.texts import references, text

_TASK = (
    "Two answers to <question> are given, <output_a> and <output_b>. Which one {better}? Their "
    "order is random and says nothing. Length is no merit by itself."
)
_VALUES = {"answer": 1.0, "tie": 0.5, "baseline": 0.0}


@scorer(tier="judge", scale="unit")
async def pairwise(
    input: str,
    output: str,
    baseline: Any,
    judge: Judge,
    expected: Any = None,
    *,
    better: str = "follows the instruction more closely and is more helpful and more correct",
) -> Judgement | Unscored:
    """1 when the answer beats the baseline's in both orders, 0 when it loses both, else 0.5.

    The mean over cases is a win rate with ties as halves. `tie` also says that the judge
    contradicted itself when the answers changed places, which the reason names.

    Args:
        better: what makes one better, as the end of "Which one ...".
    """
    answers = references(expected) if expected is not None else []
    shown = {"question": input, "reference_answer": answers[:1]}
    task = _TASK.format(better=better)
    found = await ask_both(judge, "pairwise", task, output, text(baseline), shown)
    if isinstance(found, Unscored):
        return found
    won = found.value
    how = "in both orders" if won.is_consistent else "the order decided"
    return Judgement(
        value=_VALUES[won.winner],
        reason=f"{won.winner} ({how}); {len(output)} against {len(text(baseline))} characters",
        evidence=won.reasons,
        cost_usd=found.cost_usd,
        metadata={
            "consistent": won.is_consistent,
            "orders": list(won.orders),
            "longer_times": max(1, len(output)) / max(1, len(text(baseline))),
        },
    )
