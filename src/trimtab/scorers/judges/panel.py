"""A panel: several judges, whose votes on a case are one score."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trimtab.ports import Scorer, Subject
from trimtab.records import Score
from trimtab.records.run import Tier
from trimtab.scorers.arguments import Argument
from trimtab.scorers.judgement import Scale
from trimtab.scorers.judges.several import asked, joined, missing, reasons, together_digest


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Several judges of one kind; implements `ports.Scorer`.

    Verdicts and labels are decided by more than half of the judges who voted, numbers are their
    mean; more than half of the panel must have voted. Votes are the evidence, and in
    `metadata.votes` by model. A panel that is evenly divided decides nothing.
    """

    voters: Sequence[Scorer] = field(repr=False)
    models: tuple[str, ...]
    name: str
    version: str
    digest: str
    tier: Tier
    higher_is_better: bool
    scale: Scale = None

    @classmethod
    def of(cls, voters: Sequence[Scorer], models: Sequence[str]) -> Panel:
        """Of one scorer equipped with each of the judges; `models` names them in this order."""
        first = voters[0]
        return cls(
            voters=voters,
            models=tuple(models),
            name=first.name,
            version=first.version,
            digest=together_digest("panel", sorted(voter.digest for voter in voters)),
            tier=first.tier,
            higher_is_better=first.higher_is_better,
            scale=getattr(first, "scale", None),
        )

    @property
    def arguments(self) -> tuple[Argument, ...]:
        found: tuple[Argument, ...] = getattr(self.voters[0], "arguments", ())
        return found

    async def score(self, subject: Subject) -> list[Score]:
        """Have all judge a subject, at once."""
        said = await asked(self.voters, subject)
        return joined(said, self._decided, self.digest)

    def _decided(self, scores: Sequence[Score]) -> Score:
        voted = [score for score in scores if score.status == "scored"]
        votes = dict(zip(self.models, map(_vote, scores), strict=False))
        if 2 * len(voted) <= len(self.voters):
            why = f"only {len(voted)} of {len(self.voters)} judges scored: {reasons(scores)}"
            return missing(scores, why, votes=votes)
        decided = _majority(voted) if _votes(voted) else _mean(voted)
        if decided is None:
            return missing(scores, f"the panel is divided: {_listed(votes)}", votes=votes)
        return msgspec.structs.replace(
            decided,
            reason=_listed(votes)[:500],
            evidence=tuple(
                f"{model}: {_shown(votes[model])} ({score.reason})"
                for model, score in zip(self.models, scores, strict=False)
            ),
            metadata={"votes": votes},
        )


def _votes(voted: Sequence[Score]) -> bool:
    """Whether all gave a verdict or a label."""
    return all(score.value is None or score.passed is not None for score in voted)


def _majority(voted: Sequence[Score]) -> Score | None:
    cast = [_vote(score) for score in voted]
    return next(
        (score for score in voted if 2 * cast.count(_vote(score)) > len(cast)),
        None,
    )


def _mean(voted: Sequence[Score]) -> Score | None:
    numbers = [score.number for score in voted]
    if any(number is None for number in numbers):
        return None
    mean = statistics.fmean(number for number in numbers if number is not None)
    return msgspec.structs.replace(voted[0], value=mean, passed=None, label=None)


def _vote(score: Score) -> Any:
    """What a judge says: a number (1 and 0 for pass and fail), a label, None for nothing."""
    return score.number if score.label is None else score.label


def _listed(votes: dict[str, Any]) -> str:
    return ", ".join(f"{model} {_shown(vote)}" for model, vote in votes.items())


def _shown(vote: Any) -> str:
    if vote is None:
        return "-"
    return f"{vote:.3g}" if isinstance(vote, float) else str(vote)
