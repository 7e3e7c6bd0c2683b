"""`answer_relevance`: an answer answers the question, and little else."""

from __future__ import annotations

from trimtab.ports import Judge
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.checklist import checklist

_CRITERIA = (
    "The answer responds to the question that was asked, not to another one.",
    "Every part of the question is responded to, if only by saying that it cannot be answered.",
    "Nothing of any length in the answer is beside the question and of no help with it.",
    "The answer commits itself where the question asks for something definite.",
)


@scorer(tier="judge", scale="unit")
async def answer_relevance(input: str, output: str, judge: Judge) -> Judgement | Unscored:
    """Share of four criteria of relevance that the answer meets; whether it is right is not asked.

    Neither RAGAS's quantity of this name (the similarity of the question to questions made from the
    answer) nor the share of relevant statements.
    """
    shown = {"question": input, "answer": output}
    return await checklist(judge, "answer_relevance", _CRITERIA, shown)
