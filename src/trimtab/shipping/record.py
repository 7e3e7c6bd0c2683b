"""What came of shipping a release: its stages, its runs, and what is to be done next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from trimtab.records import Run
from trimtab.records.record import Record

StageName = Literal["eval", "gate", "candidate", "canary", "promote"]
StageStatus = Literal["done", "as before", "left out", "stopped", "failed", "waits"]
Outcome = Literal["shipped", "nothing to do", "stopped", "failed", "taken back", "inconclusive"]

STAGES: tuple[StageName, ...] = ("eval", "gate", "candidate", "canary", "promote")

EXIT_CODES: dict[Outcome, int] = {
    "shipped": 0,
    "nothing to do": 0,
    "stopped": 0,
    "failed": 1,
    "taken back": 1,
    "inconclusive": 3,
}


class Stage(Record, frozen=True, kw_only=True):
    """One stage in a sentence; `next` are commands that lead on, `facts` for programs."""

    name: StageName
    status: StageStatus
    sentence: str
    next: tuple[str, ...] = ()
    facts: dict[str, Any] = {}


class Shipment(Record, frozen=True, kw_only=True):
    """What came of it. `over` is the release that answered before; None for the first of a route.

    `outcome` None: an evaluation could not be done, and `exit_code` says how.
    """

    route: str
    release: str | None = None
    release_id: str | None = None
    digest: str | None = None
    environment: str | None = None
    over: str | None = None
    outcome: Outcome | None = None
    exit_code: int
    sentence: str
    stages: Sequence[Stage] = ()
    runs: Sequence[Run] = ()
    evidence: str | None = None
