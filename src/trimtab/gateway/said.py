"""Said: one text of an answer as it grows, and how much of it guards have passed."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.dialects.llm.edits import Change
from trimtab.gateway.edges import Edges
from trimtab.ports import GuardText, Place

_JSON = ("{", "[")
_SPACE = " \t\r\n"
_SLACK_CHARS = 12  # of an escape at the edge; a pair of surrogates is the longest


class Said:
    """What is said at one spot, of which only the end is kept.

    `complete`: nothing more is expected. Up to `cleared` it may go to the caller, with `changes`.
    `is_due`: it is a call of a tool that guards have to see whole, and have not.
    Of JSON a window is wider by as much as the escapes in it are longer than what they say.
    """

    __slots__ = (
        "_base",
        "_is_json",
        "_new",
        "_text",
        "changes",
        "cleared",
        "complete",
        "end",
        "is_due",
    )

    def __init__(self) -> None:
        self._text = ""
        self._base = 0  # characters before `_text`
        self._new: list[str] = []
        self._is_json: bool | None = None  # unknown before the first character that is no space
        self.end = 0
        self.cleared = 0
        self.complete = False
        self.is_due = False
        self.changes: list[Change] = []

    @property
    def is_clear(self) -> bool:
        return self.cleared >= self.end

    @property
    def waits(self) -> bool:
        """Whether there is something to ask about."""
        return bool(self._new) or (self.complete and (self.is_due or not self.is_clear))

    def add(self, text: str) -> int:
        """More text; where it begins."""
        start = self.end
        self._new.append(text)
        self.end += len(text)
        self.complete = False
        return start

    @property
    def kept_chars(self) -> int:
        """How much of it is shown again."""
        return len(self._text)

    def shown(self, place: Place, tool: str | None = None) -> GuardText:
        """What a guard is shown: what it needs before what is not cleared, and all after it."""
        self._text += "".join(self._new)
        self._new = []
        if self._is_json is None and (first := self._text.lstrip(_SPACE)[:1]):
            self._is_json = first in _JSON
        complete = self.complete
        return GuardText(
            place=place, text=self._text, offset=self._base, complete=complete, tool=tool
        )

    def _back(self, at: int, window: int) -> int:
        """Where the window before a place begins, both counted from what is kept."""
        if not self._is_json:
            return at - window
        size, most = window, min(at, _SLACK_CHARS * (window + 1))
        while size < most:
            tail = self._text[at - size : at]
            if not (escapes := tail.count("\\")):
                break
            # At most so many characters are said by others.
            longer = escapes + 4 * tail.count("\\u") + _SLACK_CHARS
            longer += tail.count("\\ud") + tail.count("\\uD")
            if (short := window + longer - size) <= 0:
                break
            size = min(most, size + max(short, size // 8))
        return at - size

    def _was_changed(self, start: int, before: int) -> bool:
        """Whether something stands already in place of what begins there and goes on."""
        if not self.changes:
            return False
        last = self.changes[-1]
        return last.start <= start < last.end or last.end == before

    def clear(self, changes: Sequence[Change], shown: GuardText, edges: Edges) -> None:
        """The guards agree, with these changes: all that they can decide is clear.

        What is taken out and may go on is kept from its beginning, so that its rest is known for
        what it is.
        """
        self.is_due = self.is_due and not self.complete
        before, base = self.cleared, self._base
        settled = self.end if self.complete else base + edges.settled(shown, self._back)
        limit = max(before, settled)
        open_at = self.end
        for change in changes:
            if change.start >= limit and not self.complete:
                break  # there is more to see of it
            if change.start >= before:
                self.changes.append(change)
            elif change.end > before:
                # The beginning has gone to the caller, or was replaced already.
                text = "" if self._was_changed(change.start, before) else change.text
                self.changes.append(Change(before, change.end, text))
            limit = max(limit, change.end)
            if change.end > max(before, settled):
                open_at = min(open_at, change.start)
        self.cleared = limit
        if not self.complete:
            start = min(open_at, base + edges.begins(shown, limit - base, self._back))
            self._text, self._base = self._text[start - base :], start
