"""Layout: the texts of an answer in the order in which a provider's JSON has them.

Most of them are parts that the dialect's reader makes. What stands beside those (thoughts in
several forms, tools of the provider, sources, members that nobody knows) clients read all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from trimtab.dialects.llm.answer_slots import SLOTS, AnswerSlot
from trimtab.dialects.llm.edits import Spot
from trimtab.dialects.llm.fields import plain
from trimtab.kit import sse

ASIDE = 1000
"""The first place of texts that no part says, among those of their kind."""


class Told(NamedTuple):
    """One text of an event or a body.

    Args:
        part: which of the parts says it; None where none does.
        again: after so many characters at its spot it was said before.
        whole: nothing is added to it.
    """

    spot: Spot
    text: str
    part: int | None = None
    again: int | None = None
    whole: bool = False


class Layout:
    """Lays out the events, or the body, of one answer, in order."""

    def __init__(self, dialect: str) -> None:
        self._slots = SLOTS[dialect]
        self._known: dict[tuple[Any, ...], tuple[Spot, int]] = {}
        self._chars: dict[Spot, int] = {}
        self._asides = 0

    def event(self, raw: bytes, parts: Sequence[tuple[Spot, str]]) -> list[Told]:
        """The texts of the next event.

        Args:
            parts: what its parts say, in order.
        """
        events = sse.Decoder().feed(raw)
        return self._laid(plain(events[0].data or "") if events else None, parts)

    def body(self, raw: bytes, parts: Sequence[tuple[Spot, str]]) -> list[Told]:
        """The texts of a whole answer."""
        return self._laid(plain(raw), parts)

    def _laid(self, wire: Any, parts: Sequence[tuple[Spot, str]]) -> list[Told]:
        left = list(enumerate(parts))
        found: list[Told] = []
        for slot in self._slots(wire) if isinstance(wire, dict) else ():
            text = slot.text
            if not text:
                continue
            is_part = not slot.aside and bool(left) and left[0][1][1].endswith(text)
            known = self._known.get(slot.name) if slot.again else None
            if known is not None:
                # What came whole at first may become a part when its item is done.
                number = left.pop(0)[0] if is_part and left[0][1][1] == text else None
                found.append(Told(known[0], text, number, again=known[1]))
                continue
            if is_part:
                number, (spot, whole) = left.pop(0)
                told = Told(spot, whole, number)
            else:
                told = Told(self._aside(slot), text, whole=slot.whole)
            start = self._chars.get(told.spot, 0)
            self._chars[told.spot] = start + len(told.text)
            if slot.name:
                self._known.setdefault(slot.name, (told.spot, start + len(told.text) - len(text)))
            found.append(told)
        for number, (spot, text) in left:
            self._chars[spot] = self._chars.get(spot, 0) + len(text)
            found.append(Told(spot, text, number))
        return found

    def _aside(self, slot: AnswerSlot) -> Spot:
        """The spot of a text that no part says, the same for all of its pieces."""
        known = self._known.get(slot.name)
        if known is not None and known[0][2] >= ASIDE:
            return known[0]
        self._asides += 1
        return slot.kind, slot.choice, ASIDE + self._asides - 1
