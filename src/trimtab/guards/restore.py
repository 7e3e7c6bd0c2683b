"""Restoring: tokens of an answer become the values that the caller sent."""

from __future__ import annotations

from typing import Literal

from trimtab.guards.case import Case
from trimtab.guards.vault import LONGEST_TOKEN
from trimtab.ports import Edit, GuardSubject, Opinion, Ruling
from trimtab.records.guard import OnError

_IN_JSON = frozenset({"tool_arguments"})


class Restore:
    """Implements `ports.Guard`: knows the tokens of one call, and nothing when there are none."""

    name = "restore"
    version = "1"
    stage: Literal["output"] = "output"
    parallel = False
    observes = False
    on_error: OnError = "open"
    budget_ms = 1000.0

    def __init__(self, case: Case) -> None:
        self._case = case

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to restore, so that no answer need wait for it."""
        return not self._case.vault

    @property
    def window_chars(self) -> int:
        return 0 if self.is_idle else LONGEST_TOKEN

    async def check(self, subject: GuardSubject) -> Ruling:
        """Put values where tokens are. The record says how many, and has the tokens."""
        edits = [
            Edit(one.place, start, end, value)
            for one in subject.texts
            if one.place.kind != "other"
            for start, end, value in self._case.vault.restored(
                one.text, in_json=one.place.kind in _IN_JSON
            )
        ]
        if not edits:
            return Ruling()
        said = Opinion(name=self.name, version=self.version, action="replace", mode="enforce")
        return Ruling(action="replace", edits=edits, opinions=(said,))
