"""`rubric`: criteria or a scale of your own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.errors import ScorerError
from trimtab.ports import Judge
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.checklist import checklist
from trimtab.scorers.judges.choice import ordinal


@scorer(tier="judge", scale="unit")
async def rubric(
    output: str,
    judge: Judge,
    input: str | None = None,
    expected: Any = None,
    context: list[str] | None = None,
    metadata: dict[str, Any] | None = None,
    *,
    criteria: Sequence[str] = (),
    anchors: Mapping[int, str] | None = None,
    task: str = "How good is <answer>?",
) -> Judgement | Unscored:
    """Share of the criteria that are met; or, with anchors, the point p of a scale from l to h, as
    (p - l) / (h - l).

    The judge sees the question, the answer, what was expected and the context, as far as they are
    there.

    Args:
        criteria: sentences that are true or false of the answer; without them and without anchors
            those of the row, `metadata.criteria`.
        anchors: what each point of a scale takes, as `{1: "wrong", 2: "partly right", 3: "right"}`.
        task: what the scale measures.
    """
    shown = {"question": input, "answer": output, "expected": expected, "context": context}
    if anchors:
        if len(anchors) < 2:
            raise ScorerError("a scale has two points at least", where="anchors")
        return await ordinal(judge, "rubric", task, anchors, shown)
    wanted = list(criteria) or list((metadata or {}).get("criteria", ()))
    if not wanted:
        return Unscored("missing: criteria")
    return await checklist(judge, "rubric", wanted, shown)
