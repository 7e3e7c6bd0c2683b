"""What whoever ships wants, who is told how it goes, and how it may end before its time."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from trimtab.evals.perform import Watching
from trimtab.records import Release
from trimtab.shipping.declared import CanaryPlan, Declared
from trimtab.shipping.record import EXIT_CODES, Outcome, Stage, StageName
from trimtab.shipping.trial import Figures


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever ships says beside the declaration.

    Args:
        stop_after: the last stage to do.
        canary: instead of the declared one.
        may: asked before what answers is changed, with what would change; False stops.
        again: ship content that was taken back when it was shipped last.
        reason: goes on record with the promotion.
    """

    stop_after: StageName = "promote"
    canary: CanaryPlan | None = None
    environment: str | None = None
    may: Callable[[str], bool] = lambda _: True
    again: bool = False
    reason: str | None = None


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told how it goes: `stage` of each that is over, `say` sentences, `trial` a canary."""

    stage: Callable[[Stage], None] = lambda _: None
    say: Callable[[str], None] = lambda _: None
    trial: Callable[[Release, Figures, float], None] = lambda *_: None
    watching: Watching | None = None


class Ended(Exception):
    """It goes no further: a gate failed, or something is missing."""

    def __init__(self, outcome: Outcome | None, sentence: str, *, code: int | None = None) -> None:
        super().__init__(sentence)
        self.outcome = outcome
        self.sentence = sentence
        self.code = EXIT_CODES[outcome] if outcome is not None else code or 4


def canary_of(found: Declared, wishes: Wishes, over: Release | None) -> CanaryPlan | None:
    """How a release is tried; None where it is not, or where nothing would answer beside it."""
    plan = wishes.canary or found.declaration.canary
    return plan if over is not None else None


def environment_of(found: Declared, wishes: Wishes) -> str | None:
    """The environment whose calls a release is to answer; None for what is live."""
    return wishes.environment or found.declaration.environment
