"""`faithfulness`: what an answer says follows from what was retrieved."""

from __future__ import annotations

from trimtab.ports import Judge
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.claims import claims, evidence


@scorer(tier="judge", scale="unit")
async def faithfulness(
    output: str, context: list[str], judge: Judge, input: str | None = None
) -> Judgement | Unscored:
    """Share of the answer's claims that the passages support: supported / claims.

    The faithfulness of RAGAS (Es et al. 2023, arXiv:2309.15217, section 3). A claim the passages
    contradict and one they do not mention count alike; the evidence tells them apart.
    """
    if not context:
        return Unscored("no passage was retrieved")
    found = await claims(judge, "faithfulness", output, context, beside={"question": input})
    if isinstance(found, Unscored):
        return found
    supported = sum(claim.supported for claim in found.value)
    return Judgement(
        value=supported / len(found.value),
        reason=f"{supported} of {len(found.value)} claims are supported",
        evidence=evidence(found.value),
        cost_usd=found.cost_usd,
    )
