"""The signal `pii`: personal data in a text, by kind and place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches

import re2

from trimtab.errors import ConfigError
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.growing import ENCODED, given, seen
from trimtab.signals.layer import Layer
from trimtab.signals.pii import (
    america,
    asia,
    bank,
    cards,
    dates,
    devices,
    europe,
    internet,
    names,
    phones,
    places,
    wallets,
)
from trimtab.signals.pii.kind import Table
from trimtab.signals.pii.overlap import resolved
from trimtab.signals.pii.recogniser import Recogniser
from trimtab.signals.pii.view import Hit, View
from trimtab.signals.signal import NOBODY, About, Scale
from trimtab.signals.text import Text

TABLE = Table((*america.KINDS, *europe.KINDS, *asia.KINDS, *devices.KINDS))
_Find = Callable[[View], Iterable[Hit]]
_NUMBERED: tuple[tuple[tuple[str, ...], _Find], ...] = (
    (cards.NAMES, cards.find),
    (wallets.NAMES, wallets.find),
    (dates.NAMES, dates.find),
    (places.NAMES, places.find),
)
"""Families whose finds hold a digit."""
_OTHERS: tuple[tuple[tuple[str, ...], _Find], ...] = (
    (bank.NAMES, bank.find),
    (internet.NAMES, internet.find),
    (names.NAMES, names.find),
)
_TABLED = frozenset(finder.kind.name for finder in TABLE.finders)
KINDS = tuple(sorted(_TABLED.union(phones.NAMES, *(kinds for kinds, _ in (*_NUMBERED, *_OTHERS)))))
"""Every kind there is, without those of a recogniser."""

_DECODED = 0.6
"""How sure a find must be in what was decoded, where chance makes numbers too."""
_HARMLESS = frozenset({"url", "domain_name", "person", "location"})
"""Of what was decoded: addresses within addresses, and names that are but hints."""


class Pii:
    """Personal data: some 90 kinds by form, check digit and context; names and places as a hint.

    What is sure of them is also found in base64, hexadecimal and escapes.

    Args:
        kinds: those to look for; None for all.
        regions: countries, as `GB`, whose telephone numbers count without a word nearby.
        allow: texts that are never reported; between slashes, patterns (RE2): `/.*@example[.]com/`.
            Compared without case, with the whole of a find.
        min_score: finds of less are left out, in [0, 1].
        recogniser: finds what these rules cannot; its kinds are reported as it names them.

    A URL with nothing after its host is reported as that host. A URL stands beside what is surely
    found within it, such as an e-mail address in a query; any other find excludes what it overlaps.

    Raises:
        ConfigError: no such kind, or a pattern that RE2 does not read.
    """

    name = "pii"
    scale: Scale = "risk"
    is_learned = False

    def __init__(
        self,
        *,
        kinds: Sequence[str] | None = None,
        regions: Sequence[str] = (),
        allow: Sequence[str] = (),
        min_score: float = 0.35,
        recogniser: Recogniser | None = None,
    ) -> None:
        self._kinds = frozenset(_known(kinds)) if kinds is not None else None
        self._regions = tuple(region.upper() for region in regions)
        self._allowed = frozenset(text.casefold() for text in allow if not _is_pattern(text))
        self._patterns = tuple(_compiled(text[1:-1]) for text in allow if _is_pattern(text))
        self._min_score = min_score
        self._recogniser = recogniser
        # A recogniser may look at all of a text; the longest find and its context are within 128,
        # and so they are encoded within 256.
        self.lookback_chars: int | None = 256 if recogniser is None else None
        self.is_quick = recogniser is None
        other = type(recogniser).__qualname__ if recogniser is not None else None
        self.version = _version(kinds, regions, allow, min_score, other)

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """Every find in the text; the score is that of the surest."""
        del about
        kept = self._kept(text, self._hits(text))
        layers = (*text.layers, *text.unmarked)
        decoded = [hit for layer in layers for hit in self._decoded(layer)]
        if decoded:
            kept = resolved([*kept, *decoded])
        if not kept:
            return NOTHING
        found = (_finding(hit, text) for hit in kept)
        return Reading(score=max(hit.score for hit in kept), findings=tuple(sorted(found)))

    def cut(self, text: Text, at: int) -> int:
        """The last place up to `at` that lies in nothing encoded, however long."""
        return given(text, ENCODED.cut(text.plain, seen(text, at)))

    def _kept(self, text: Text, hits: Iterable[Hit]) -> list[Hit]:
        sure = (hit for hit in hits if hit.score >= self._min_score)
        return [hit for hit in resolved(sure) if self._counts(hit, text.plain)]

    def _decoded(self, layer: Layer) -> Iterator[Hit]:
        """What only decoding shows and is sure of, by the place of its code."""
        inner = Text(layer.text)
        for hit in self._kept(inner, self._by_rules(inner)):
            start, end = inner.raw_span(hit.start, hit.end)
            is_sure = hit.score >= _DECODED and hit.kind not in _HARMLESS
            if is_sure and not layer.is_said(start, end):
                yield Hit(*layer.span(start, end), hit.kind, hit.score)

    def _hits(self, text: Text) -> Iterator[Hit]:
        yield from self._by_rules(text)
        if self._recogniser is not None:
            for span in self._recogniser(text.plain):
                if 0 <= span.start < span.end <= len(text.plain):
                    yield Hit(span.start, span.end, span.kind, span.score)

    def _by_rules(self, text: Text) -> Iterator[Hit]:
        view = View(text)
        if view.has_digits and self._wants(_TABLED):
            yield from TABLE.find(view)
        if view.has_digits and self._wants(phones.NAMES):
            yield from phones.find(view, self._regions)
        for kinds, find in (*_NUMBERED, *_OTHERS) if view.has_digits else _OTHERS:
            if self._wants(kinds):
                yield from find(view)

    def _wants(self, kinds: Iterable[str]) -> bool:
        return self._kinds is None or not self._kinds.isdisjoint(kinds)

    def _counts(self, hit: Hit, plain: str) -> bool:
        if self._kinds is not None and hit.kind in _ALL and hit.kind not in self._kinds:
            return False
        if not self._allowed and not self._patterns:
            return True
        found = plain[hit.start : hit.end]
        return found.casefold() not in self._allowed and not any(
            pattern.fullmatch(found) for pattern in self._patterns
        )


_ALL = frozenset(KINDS)


def _finding(hit: Hit, text: Text) -> Finding:
    start, end = text.raw_span(hit.start, hit.end)
    return Finding(start=start, end=end, kind=hit.kind, score=hit.score)


def _known(kinds: Sequence[str]) -> Sequence[str]:
    for kind in kinds:
        if kind not in _ALL:
            close = get_close_matches(kind, KINDS, n=1)
            raise ConfigError(
                f"there is no kind of personal data {kind!r}",
                fix=f"did you mean {close[0]!r}?" if close else "see the list of kinds",
                key="kinds",
                allowed=KINDS,
            )
    return kinds


def _is_pattern(text: str) -> bool:
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        found: re.Pattern[str] = re2.compile(f"(?i){pattern}")
    except re2.error as error:
        raise ConfigError(
            f"RE2 does not read the pattern: {error}", key="allow", got=pattern
        ) from None
    return found


def _version(*settings: object) -> str:
    given = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    return f"5.{given}"
