"""`summarization`: a summary holds what matters of its source, and nothing else."""

from __future__ import annotations

import asyncio

from trimtab.ports import Judge
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.answers import Found
from trimtab.scorers.judges.checklist import checklist
from trimtab.scorers.judges.claims import Claim, claims, evidence

_COVERAGE = (
    "Somebody who reads only the summary learns the main point of the source.",
    "Every fact that the source itself treats as important is in the summary.",
    "Names, numbers and dates that matter are in the summary.",
    "The summary gives parts of the source room by their weight in it.",
    "The summary is clearly shorter than the source and repeats nothing.",
)


@scorer(tier="judge", scale="unit")
async def summarization(input: str, output: str, judge: Judge) -> dict[str, object]:
    """`alignment`: the share of the summary's claims that the source supports; `coverage`: the
    share of five criteria of content met; `overall`: the lesser of the two.

    Coverage and alignment are those of DeepEval's summarisation metric; its coverage asks questions
    made from the source instead.
    """
    aligned, covered = await asyncio.gather(
        claims(judge, "summarization_alignment", output, input, names=("summary", "source")),
        checklist(judge, "summarization_coverage", _COVERAGE, {"source": input, "summary": output}),
    )
    alignment = aligned if isinstance(aligned, Unscored) else _alignment(aligned)
    return {"alignment": alignment, "coverage": covered, "overall": _overall(alignment, covered)}


def _alignment(aligned: Found[list[Claim]]) -> Judgement:
    share = sum(claim.supported for claim in aligned.value) / len(aligned.value)
    return Judgement(value=share, evidence=evidence(aligned.value), cost_usd=aligned.cost_usd)


def _overall(alignment: Judgement | Unscored, coverage: Judgement | Unscored) -> object:
    """The lesser of the two; it costs nothing beyond them."""
    values = []
    for part in (alignment, coverage):
        if isinstance(part, Unscored) or part.value is None:
            return Unscored(part.reason or "no value")
        values.append(part.value)
    reason = "alignment {:.2f}, coverage {:.2f}".format(*values)
    return Judgement(value=min(values), reason=reason)
