"""Restoring: tokens of an answer become the values that the caller sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from trimtab.guards.case import Case
from trimtab.guards.destinations import cut, destinations
from trimtab.guards.vault import LONGEST_TOKEN
from trimtab.ports import Edit, GuardSubject, GuardText, Opinion, Ruling
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

    def settled(self, text: GuardText) -> int:
        """Up to where it need not see what follows the text."""
        return self._uncut(text, len(text.text))

    def begins(self, text: GuardText, at: int) -> int:
        """From where it has to read again to decide what follows a place."""
        return self._uncut(text, at)

    def _uncut(self, text: GuardText, at: int) -> int:
        place = max(0, at - self.window_chars)
        return place if self.is_idle or text.place.kind in _IN_JSON else cut(text.text, place)

    async def check(self, subject: GuardSubject) -> Ruling:
        """Put values where tokens are. The record says how many, and has the tokens."""
        edits = [
            edit
            for one in subject.texts
            if one.place.kind != "other"
            for edit in self._restored(one, subject.sent)
        ]
        if not edits:
            return Ruling()
        said = Opinion(name=self.name, version=self.version, action="replace", mode="enforce")
        return Ruling(action="replace", edits=edits, opinions=(said,))

    def _restored(self, text: GuardText, sent: Sequence[GuardText]) -> Iterator[Edit]:
        """What becomes of the tokens of a text; those in addresses stay that nobody had sent.

        Arguments of tools are for a program, and `tools` judges what becomes of them.
        """
        in_json = text.place.kind in _IN_JSON
        found = self._case.vault.restored(text.text, in_json=in_json)
        places = destinations(text.text) if found and not in_json else []
        for start, end, value in found:
            place = next((one for one in places if one.start <= start < one.end), None)
            if place is not None and place.keeps(start):
                said = self._case.vault.canonical(text.text[place.at : end])
                if not _was_sent(said, sent):
                    continue
            yield Edit(text.place, start, end, value)


def _was_sent(said: str, sent: Sequence[GuardText]) -> bool:
    """Whether an address with its tokens came with the question, so that its values did as well."""
    return any(said in one.text for one in sent if one.place.role != "assistant")
