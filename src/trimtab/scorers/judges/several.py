"""Several scorers as one: asked side by side about one subject, and their scores put together.

What repeats and panels have in common. Scores of one name go in, one score comes out. Pure but for
the asking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.kit.hashing import digest
from trimtab.ports import Scorer, Subject
from trimtab.records import Score
from trimtab.records.score import score_id
from trimtab.scorers.judges.answers import together

Joined = Callable[[Sequence[Score]], Score]
"""Several judgements of one name, at least one, as one; only what they judge is looked at."""


async def asked(scorers: Sequence[Scorer], subject: Subject) -> list[list[Score]]:
    """What each says of the subject."""
    return list(await asyncio.gather(*(scorer.score(subject) for scorer in scorers)))


def joined(said: Sequence[Sequence[Score]], join: Joined, digest: str) -> list[Score]:
    """One score for each name, of a scorer with this digest, with what all of them cost."""
    names = dict.fromkeys(score.name for scores in said for score in scores)
    found = []
    for name in names:
        alike = [score for scores in said for score in scores if score.name == name]
        one = join(alike)
        found.append(
            msgspec.structs.replace(
                one,
                score_id=score_id(one.target, name, digest, one.run),
                digest=digest,
                cost_usd=_cost(alike),
                latency_ms=max(score.latency_ms or 0.0 for score in alike),
            )
        )
    return found


def missing(scores: Sequence[Score], reason: str, **metadata: Any) -> Score:
    """The score of those who came to no judgement."""
    return msgspec.structs.replace(
        scores[0],
        status="unscored",
        value=None,
        label=None,
        passed=None,
        reason=reason[:500],
        evidence=(),
        metadata=metadata,
    )


def reasons(scores: Sequence[Score]) -> str:
    """Why there is no judgement, each reason once."""
    return "; ".join(dict.fromkeys(score.reason or score.status for score in scores))


def together_digest(kind: str, digests: Sequence[str]) -> str:
    return digest([kind, *digests])


def _cost(scores: Sequence[Score]) -> Decimal | None:
    """What they cost together; what cost nothing says nothing."""
    costs = [score.cost_usd for score in scores if score.status == "scored" or score.cost_usd]
    return together(*costs) if costs else None
