"""Aside: what is read in threads, so that nobody else waits: long texts, and judges of others.

Long texts are read in pieces, between which other threads run and the time is looked at.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from trimtab.guards.case import Case
from trimtab.guards.looked import Asked, Judged, Looked, View
from trimtab.guards.pieces import PIECE_CHARS, Piece, merged, pieces
from trimtab.guards.quoting import Quoting
from trimtab.guards.rule import Hit, Rule
from trimtab.ports import GuardText
from trimtab.signals.finding import Finding, Reading
from trimtab.signals.signal import NOBODY, About, Signal
from trimtab.signals.text import Text

LONG = ThreadPoolExecutor(2, "trimtab-guards")
"""Reads long texts."""
OTHERS = ThreadPoolExecutor(8, "trimtab-judges")
"""Asks signals that may take long."""

_NS_PER_MS = 1e6
_NOT_NEEDED = "another rule had refused the call by then"


class LongTexts:
    """Reads the texts of one check, in a thread.

    `stop` ends it between two pieces.
    """

    def __init__(self, case: Case, quoting: Quoting, asked: Asked, judged: Judged) -> None:
        self._case = case
        self._quoting = quoting
        self._asked = asked
        self._judged = judged
        self.stop = threading.Event()
        self.began = threading.Event()
        self.looked: dict[str, list[Looked]] = {rule.name: [] for rule, _, _ in asked}
        self.spent: dict[str, float] = dict.fromkeys(self.looked, 0.0)

    def read(self) -> None:
        """Ask every rule, those that may refuse first; nothing is raised."""
        self.began.set()
        order = sorted(self._asked, key=lambda one: not _refuses(one[0]))
        refused = False
        for rule, signal, texts in order:
            began = time.perf_counter_ns()
            chars = sum(len(one.text) for one in texts)
            until = time.monotonic() + rule.budget_s(chars)
            for one in texts:
                if refused:
                    looked = Looked(one, None, reason=_NOT_NEEDED)
                elif self.stop.is_set() or time.monotonic() > until:
                    looked = Looked(one, None, late=True)
                else:
                    looked = self._one(rule, signal, one, until)
                self.looked[rule.name].append(looked)
                refused = refused or (
                    _refuses(rule) and looked.hit is not None and looked.hit.fired
                )
            self.spent[rule.name] += (time.perf_counter_ns() - began) / _NS_PER_MS

    def _one(self, rule: Rule, signal: Signal, one: GuardText, until: float) -> Looked:
        about = self._judged.get(rule.canaries, NOBODY)
        try:
            if rule.overlap_chars is None:
                return self._whole(rule, signal, one, about)
            if len(one.text) <= rule.said.most_chars:
                return self._pieces(rule, signal, one, about, until)
            return self._ends(rule, signal, one, about, until)
        except Exception as error:
            # A signal may be anybody's: one that fails is on record, and the others go on.
            return Looked(one, None, error=type(error).__name__)

    def _whole(self, rule: Rule, signal: Signal, one: GuardText, about: About) -> Looked:
        if len(one.text) > rule.said.most_chars:
            return Looked(one, None, late=True, error=_too_long(rule))
        view = View.of(one, self._quoting, rule)
        reading = self._case.read(signal, view.text, about)
        if reading.score is None:
            return Looked(one, None, reason=reading.reason or "nothing to judge")
        return Looked(one, view.placed(rule.hit(reading)), reason=reading.reason)

    def _pieces(
        self, rule: Rule, signal: Signal, one: GuardText, about: About, until: float
    ) -> Looked:
        """The text piece by piece, of a rule that refuses its end before its middle."""
        readings: list[Reading] = []
        found: list[Finding] = []
        if _refuses(rule) and len(one.text) > PIECE_CHARS:
            end = self._end(rule, signal, one, about)
            if end.hit is not None and end.hit.fired:
                return end
        for piece in pieces(one, (rule,)):
            if readings and (self.stop.is_set() or time.monotonic() > until):
                hit = _hit(rule, readings, found)
                fired = hit.fired and rule.acts and not rule.replaces
                return Looked(one, hit if fired else None, late=True)
            reading = self._case.read(signal, piece.view, about)
            readings.append(reading)
            found += piece.own(reading)
            if _refuses(rule) and _hit(rule, [reading], piece.own(reading)).fired:
                break
            time.sleep(0)  # lets other threads run
        if all(reading.score is None for reading in readings):
            return Looked(one, None, reason=readings[0].reason or "nothing to judge")
        return Looked(one, _hit(rule, readings, found))

    def _end(self, rule: Rule, signal: Signal, one: GuardText, about: About) -> Looked:
        start = max(0, len(one.text) - PIECE_CHARS)
        reading = self._case.read(signal, Text(one.text[start:]), about)
        moved = [
            msgspec.structs.replace(each, start=each.start + start, end=each.end + start)
            for each in reading.findings
        ]
        return Looked(one, _hit(rule, [reading], moved))

    def _ends(
        self, rule: Rule, signal: Signal, one: GuardText, about: About, until: float
    ) -> Looked:
        """Of a text that is too long, its beginning and its end."""
        half = rule.said.most_chars // 2
        head = msgspec.structs.replace(one, text=one.text[:half], complete=False)
        tail = msgspec.structs.replace(one, text=one.text[-half:])
        for part in (head, tail):
            looked = self._pieces(rule, signal, part, about, until)
            if looked.hit is not None and looked.hit.fired and not rule.replaces:
                return looked._replace(text=one, late=False)
        return Looked(one, None, late=True, error=_too_long(rule))


def _refuses(rule: Rule) -> bool:
    return rule.acts and rule.action == "block"


def _hit(rule: Rule, readings: Sequence[Reading], found: Sequence[Finding]) -> Hit:
    worst = rule.signal is not None and rule.signal.scale == "unit"
    return rule.hit(merged(readings, found, worst=worst))


def _too_long(rule: Rule) -> str:
    most = f"{rule.said.most_chars:,}"
    return f"longer than {most} characters, of which only the beginning and the end were looked at"


__all__ = ["LONG", "OTHERS", "LongTexts", "Piece"]
