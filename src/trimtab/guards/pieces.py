"""Pieces: a long text read a little at a time, with the reading that it would have as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from trimtab.guards.quoting import Quoting
from trimtab.guards.rule import Rule
from trimtab.guards.settling import Settling
from trimtab.ports import GuardText
from trimtab.signals.finding import Finding, Reading
from trimtab.signals.text import Text

PIECE_CHARS = 16_000
"""Read at once, in some tens of milliseconds at most."""


class Piece(NamedTuple):
    """A part of a text that is read at once.

    `start` and `end` bound what its findings are about: those that begin elsewhere are another's.
    """

    view: Text
    spelt: Placed
    start: int
    end: int

    def own(self, reading: Reading) -> tuple[Finding, ...]:
        """The findings that begin in it, where they are in the whole text."""
        placed = (
            msgspec.structs.replace(one, start=self.spelt.at(one.start), end=self.spelt.at(one.end))
            for one in reading.findings
        )
        return tuple(one for one in placed if self.start <= one.start < self.end)


class Placed(NamedTuple):
    """Where places of a piece, as its escapes are read, are in the whole text."""

    offset: int
    spelt: object | None

    def at(self, place: int) -> int:
        at = getattr(self.spelt, "at", None)
        return self.offset + (place if at is None else at(place))


def pieces(text: GuardText, rules: Sequence[Rule]) -> Iterator[Piece]:
    """A text in pieces that overlap by as much as the rules have to see at once."""
    quoting = Quoting()
    settling = Settling(rules, quoting)
    start, done, size = 0, 0, PIECE_CHARS
    whole = len(text.text)
    while done < whole:
        end = min(whole, start + size)
        complete = end == whole
        shown = msgspec.structs.replace(
            text,
            text=text.text[start:end],
            offset=start,
            complete=complete and text.complete,
        )
        quoting.take(shown)
        settled = whole if complete else start + settling.settled(shown)
        if settled <= done:
            size *= 2  # one thing that is longer
            continue
        spelt = quoting.spelt(shown)
        view = Text(shown.text if spelt is None else spelt.text)
        yield Piece(view, Placed(start, spelt), done, settled)
        if complete:
            return
        start, done = start + settling.begins(shown, settled - start), settled
        size = PIECE_CHARS


def merged(readings: Sequence[Reading], findings: Sequence[Finding], *, worst: bool) -> Reading:
    """One reading of all pieces.

    Args:
        worst: the least score counts, of a signal on the scale `unit`.
    """
    scores = [one.score for one in readings if one.score is not None]
    reason = next((one.reason for one in readings if one.reason), None)
    if not scores:
        return Reading(score=None, reason=reason)
    score = min(scores) if worst else max(scores)
    return Reading(score=score, findings=tuple(sorted(findings)), reason=reason)
