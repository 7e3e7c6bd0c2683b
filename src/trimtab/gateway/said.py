"""Said: one text of an answer as it grows, and how much of it guards have passed."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.dialects.llm.edits import Change
from trimtab.ports import GuardText, Place


class Said:
    """What is said at one spot, of which only the end is kept.

    `complete`: nothing more is expected. Up to `cleared` it may go to the caller, with `changes`.
    """

    __slots__ = ("_base", "_new", "_text", "changes", "cleared", "complete", "end")

    def __init__(self) -> None:
        self._text = ""
        self._base = 0  # characters before `_text`
        self._new: list[str] = []
        self.end = 0
        self.cleared = 0
        self.complete = False
        self.changes: list[Change] = []

    @property
    def is_clear(self) -> bool:
        return self.cleared >= self.end

    @property
    def waits(self) -> bool:
        """Whether there is something to ask about."""
        return bool(self._new) or (self.complete and not self.is_clear)

    def add(self, text: str) -> int:
        """More text; where it begins."""
        start = self.end
        self._new.append(text)
        self.end += len(text)
        self.complete = False
        return start

    def shown(self, place: Place, window: int) -> GuardText:
        """What a guard is shown: a window before what is not cleared, and all after it."""
        self._text += "".join(self._new)
        self._new = []
        start = max(self._base, self.cleared - window)
        self._text, self._base = self._text[start - self._base :], start
        return GuardText(place=place, text=self._text, offset=start, complete=self.complete)

    def _was_changed(self, at: int) -> bool:
        return bool(self.changes) and self.changes[-1].start <= at < self.changes[-1].end

    def clear(self, changes: Sequence[Change], window: int) -> None:
        """The guards agree, with these changes: all but a window at the end is clear."""
        before = self.cleared
        limit = self.end if self.complete else max(before, self.end - window)
        for change in changes:
            if change.start >= limit and not self.complete:
                break  # there is more to see of it
            if change.start >= before:
                self.changes.append(change)
            elif change.end > before:
                # The beginning has gone to the caller, or was replaced already.
                text = "" if self._was_changed(change.start) else change.text
                self.changes.append(Change(before, change.end, text))
            limit = max(limit, change.end)
        self.cleared = limit
