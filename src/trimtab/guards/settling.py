"""Settling: how much of a text that grows rules can decide, and what of it they read again.

Counted in what a reader sees, so that neither escapes nor invisible characters widen or shorten it.
"""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.guards.quoting import Quoting, Spelt
from trimtab.guards.rule import Rule
from trimtab.ports import GuardText
from trimtab.signals.growing import MOST_CHARS, given, seen
from trimtab.signals.text import Text

_MOST_ROUNDS = 8


class Settling:
    """The places at which texts may be cut for rules.

    Args:
        quoting: what is known of texts that are JSON.
    """

    def __init__(self, rules: Sequence[Rule], quoting: Quoting) -> None:
        self._rules = rules
        self._quoting = quoting
        self._last: tuple[GuardText, _Seen] | None = None

    def settled(self, text: GuardText) -> int:
        """Up to where no rule needs to see what follows the text."""
        seen_text = self._seen(text)
        end = seen_text.end
        places = [seen_text.back(rule, end, rule.ahead_chars) for rule in self._rules]
        return seen_text.written(self._uncut(seen_text, min(places, default=end), end))

    def begins(self, text: GuardText, at: int) -> int:
        """From where every rule has to read again to decide what follows a place."""
        seen_text = self._seen(text)
        end = seen_text.place(at)
        places = [seen_text.back(rule, end, rule.overlap_chars or 0) for rule in self._rules]
        return seen_text.written(self._uncut(seen_text, min(places, default=end), end))

    def _uncut(self, seen_text: _Seen, place: int, end: int) -> int:
        """A place that lies in no stretch of any rule."""
        for _ in range(_MOST_ROUNDS):
            before = place
            for rule in self._rules:
                place = seen_text.cut(rule, place, end)
            if place == before:
                break
        return place

    def _seen(self, text: GuardText) -> _Seen:
        if self._last is None or self._last[0] is not text:
            known = self._quoting.of(text)
            if known is None or known.text is not text.text or known.offset != text.offset:
                self._quoting.take(text)
            self._last = text, _Seen(text.text, self._quoting.spelt(text))
        return self._last[1]


class _Seen:
    """A text as its reader sees it; places in it are those of what its escapes say."""

    def __init__(self, written: str, spelt: Spelt | None) -> None:
        self._spelt = spelt
        self._text = Text(written if spelt is None else spelt.text)
        self.end = len(self._text.raw)

    def place(self, at: int) -> int:
        return at if self._spelt is None else min(self._spelt.before(at), self.end)

    def written(self, place: int) -> int:
        return place if self._spelt is None else self._spelt.at(place)

    def back(self, rule: Rule, end: int, chars: int) -> int:
        """So many characters before a place, and before the stretch that lies there."""
        start = given(self._text, max(0, seen(self._text, end) - chars))
        return self.cut(rule, start, end)

    def cut(self, rule: Rule, place: int, end: int) -> int:
        """Where the stretch of a rule begins that lies across a place, unless it is too long."""
        cut = getattr(rule.signal, "cut", None)
        if cut is None:
            return place
        start: int = cut(self._text, place)
        if start < place and seen(self._text, end) - seen(self._text, start) > MOST_CHARS:
            return place
        return start
