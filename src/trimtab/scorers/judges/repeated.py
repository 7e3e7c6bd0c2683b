"""Repeats of a judge: the same question several times, averaged within the case."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trimtab.ports import Subject
from trimtab.records import Score
from trimtab.records.run import Tier
from trimtab.scorers.arguments import Argument
from trimtab.scorers.definition import FunctionScorer
from trimtab.scorers.judgement import VERDICTS, Scale
from trimtab.scorers.judges.several import asked, joined, missing, reasons, together_digest


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A scorer that judges a subject several times; implements `ports.Scorer`.

    Its score is the mean of the judgements there are, pass or fail where all say the same; its
    reason names their spread, and `metadata.judgements` holds them. Labels need more than half.
    """

    scorers: Sequence[FunctionScorer[..., Any]] = field(repr=False)
    name: str
    version: str
    digest: str
    tier: Tier
    higher_is_better: bool
    scale: Scale = None

    @classmethod
    def of(cls, scorers: Sequence[FunctionScorer[..., Any]]) -> Repeated:
        """Of one scorer equipped with each repetition of a judge, at least one."""
        first = scorers[0]
        return cls(
            scorers=scorers,
            name=first.name,
            version=first.version,
            digest=together_digest(f"{len(scorers)} repeats", [first.digest]),
            tier=first.tier,
            higher_is_better=first.higher_is_better,
            scale=first.scale,
        )

    @property
    def arguments(self) -> tuple[Argument, ...]:
        return self.scorers[0].arguments

    async def score(self, subject: Subject) -> list[Score]:
        """Judge a subject as often as there are repeats, all at once."""
        return joined(await asked(self.scorers, subject), _mean, self.digest)


def _mean(scores: Sequence[Score]) -> Score:
    judged = [score for score in scores if score.status == "scored"]
    if not judged:
        return missing(scores, reasons(scores))
    if judged[0].label is not None:
        return _commonest(judged, scores)
    numbers = [number for score in judged if (number := score.number) is not None]
    mean = statistics.fmean(numbers)
    unanimous = judged[0].passed is not None and len(set(numbers)) == 1
    nearest = min(judged, key=lambda score: abs((score.number or 0.0) - mean))
    return msgspec.structs.replace(
        nearest,
        value=judged[0].value if unanimous else mean,
        passed=judged[0].passed if unanimous else None,
        reason=_reason(numbers, scores, nearest)[:500],
        metadata={
            **nearest.metadata,
            **_consistency(judged),
            **({VERDICTS: True} if all(score.passed is not None for score in judged) else {}),
            "judgements": _numbers(scores),
        },
    )


def _commonest(judged: Sequence[Score], scores: Sequence[Score]) -> Score:
    labels = [str(score.label) for score in judged]
    label = max(dict.fromkeys(labels), key=labels.count)
    count, said = labels.count(label), [score.label for score in scores]
    if 2 * count <= len(labels):
        return missing(scores, f"no label has more than half: {', '.join(labels)}", judgements=said)
    chosen = next(score for score in judged if score.label == label)
    reason = f"{count} of {len(scores)} times {label}: {chosen.reason or ''}".rstrip(": ")
    return msgspec.structs.replace(
        chosen, reason=reason[:500], metadata={**chosen.metadata, "judgements": said}
    )


def _reason(numbers: Sequence[float], scores: Sequence[Score], nearest: Score) -> str:
    spread = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
    each = ", ".join("-" if score.number is None else f"{score.number:.3g}" for score in scores)
    return f"mean of {each}, spread {spread:.2g}: {nearest.reason or ''}".rstrip(": ")


def _numbers(scores: Sequence[Score]) -> list[float | None]:
    return [score.number for score in scores]


def _consistency(judged: Sequence[Score]) -> dict[str, Any]:
    """Pairs are judged alike in both orders when they are in all repeats."""
    found = [score.metadata["consistent"] for score in judged if "consistent" in score.metadata]
    return {"consistent": all(found)} if found else {}
