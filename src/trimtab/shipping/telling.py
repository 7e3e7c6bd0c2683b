"""What is told of a shipment while it goes on, and how it ends before its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.shipping.record import STAGES, Stage, StageName, StageStatus
from trimtab.shipping.wishes import Ended, Watcher, Wishes

_WELL = ("done", "as before", "left out")


class Telling:
    """The stages that are over; whoever watches is told of each."""

    def __init__(self, wishes: Wishes, watcher: Watcher) -> None:
        self._wishes = wishes
        self._watcher = watcher
        self.stages: list[Stage] = []

    def say(
        self,
        name: StageName,
        status: StageStatus,
        sentence: str,
        following: Sequence[str] = (),
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Note that a stage is over.

        Raises:
            Ended: it went well, and was the last that is wanted.
        """
        stage = Stage(
            name=name, status=status, sentence=sentence, next=tuple(following), facts=facts or {}
        )
        self.stages.append(stage)
        self._watcher.stage(stage)
        last = self._wishes.stop_after
        if status in _WELL and name == last and name != STAGES[-1]:
            raise Ended("stopped", f"stopped after {last}, as was asked; `trimtab ship` goes on")

    def ask(self, stage: StageName, what: str) -> None:
        """Ask whether what answers may be changed. Raises Ended where nobody says yes."""
        if not self._wishes.may(what):
            self.say(stage, "waits", what, ("trimtab ship --yes",))
            raise Ended("inconclusive", f"{what}: nobody said yes")
