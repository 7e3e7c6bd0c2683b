"""Asking a scorer about a text, as a rule of a policy."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from trimtab.ports import GuardSubject, GuardText, Scorer, Subject
from trimtab.records import Score, Target
from trimtab.records.score import ScoreStatus

_TARGET = Target(kind="window", id="guard")


class Scored(NamedTuple):
    """What a scorer says, as a risk: 1 is worst. None where it said nothing, with the reason."""

    risk: float | None
    status: ScoreStatus = "scored"
    reason: str | None = None


async def ask_scorer(
    scorer: Scorer, text: GuardText, subject: GuardSubject, budget_ms: float
) -> Scored:
    """The worst of a scorer's scores of a text. Never raises for a scorer that fails."""
    question = [one.text for one in subject.sent if one.place.role == "user"]
    context = [one.text for one in subject.sent if one.place.kind in ("context", "tool_result")]
    asked = Subject(
        target=_TARGET,
        project=subject.project,
        input=(question[-1] if question else None) if subject.stage == "output" else text.text,
        output=text.text,
        context=tuple(context) or None,
    )
    try:
        async with asyncio.timeout(budget_ms / 1000):
            scores = await scorer.score(asked)
    except TimeoutError:
        return Scored(None, "timeout", f"took longer than {budget_ms:g} ms")
    except Exception as error:
        # A scorer is somebody else's code: its errors may quote the text it was given.
        return Scored(None, "error", type(error).__name__)
    failed = next((one for one in scores if one.status in ("error", "timeout")), None)
    if failed is not None:
        return Scored(None, failed.status, "the scorer failed")
    found = [risk for one in scores if (risk := _risk(scorer, one)) is not None]
    if not found:
        return Scored(None, "unscored", next((one.reason for one in scores if one.reason), None))
    return Scored(max(found))


def _risk(scorer: Scorer, score: Score) -> float | None:
    if score.passed is not None:
        return 0.0 if score.passed else 1.0
    if score.value is None or not 0 <= score.value <= 1:
        return None
    return 1 - score.value if scorer.higher_is_better else score.value
