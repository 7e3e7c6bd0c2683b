"""Prompt injection and jailbreaks: instructions in a text that would take a model over.

A linear model over n-grams, static embeddings and families of rules reads a text window by window,
what is encoded in it too, and says how likely the likeliest window is an attack. It detects and
reduces, it does not prevent: fluent requests that only provenance gives away are out of its reach,
and it knows English best. Figures: the scorecard beside its weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from math import exp, floor
from typing import NamedTuple

from trimtab.signals.finding import Finding, Reading
from trimtab.signals.injection import bare, rules
from trimtab.signals.injection.decode import decoded
from trimtab.signals.injection.features import BLOCK
from trimtab.signals.injection.model import model
from trimtab.signals.injection.passage import Passage, passages
from trimtab.signals.injection.store import Store
from trimtab.signals.signal import NOBODY, About, Scale
from trimtab.signals.text import Text

THRESHOLD = 0.5
_ODDS_MOST = 30.0
_NEAR = 160
_MARKS = ".!?"
_MOST_CLOSE = 4
_WIDEST = 0.8
_DOUBT = 0.5
"""Log-odds that a hit read alone loses: what stands around it may well explain it."""

_MOST_FINDINGS = 50


class _Window(NamedTuple):
    """A window by its place in the folded text, and what the rules name in it."""

    start: int
    end: int
    score: float
    named: tuple[Finding, ...]


class Injection:
    """How likely a text holds an attack on the model that reads it.

    Args:
        attacks: texts of attacks seen before; what comes near one of them scores high, too.
    """

    name = "injection"
    scale: Scale = "risk"
    lookback_chars: int | None = None
    is_learned = True

    def __init__(self, *, attacks: Sequence[str] = ()) -> None:
        self._attacks = tuple(attacks)
        self._store = Store(self._attacks)

    @property
    def version(self) -> str:
        """Of the weights, and of the user's own attacks."""
        own = sha256("\0".join(self._attacks).encode("utf-8", "replace")).hexdigest()[:8]
        return f"{model().version}+{own}" if self._attacks else model().version

    def with_attacks(self, *texts: str) -> Injection:
        """The same signal, which knows these attacks as well."""
        return Injection(attacks=(*self._attacks, *texts))

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The score of the likeliest window; the shipped threshold is 0.5."""
        del about
        score = 0.0
        found: list[Finding] = []
        for window in self._windows(text.folded):
            score = max(score, window.score)
            if window.score >= THRESHOLD:
                found += window.named or [
                    _finding(window.start, window.end, "injection", window.score)
                ]
        for start, end in bare.commands(text.folded):
            score = max(score, bare.SCORE)
            found.append(_finding(start, end, "instruction_override", bare.SCORE))
        for piece in decoded(text.plain):
            inner = max((w.score for w in self._windows(piece.text.lower())), default=0.0)
            score = max(score, inner)
            if inner >= THRESHOLD:
                found.append(_finding(piece.start, piece.end, "encoded", inner))
        return Reading(score=_rounded(score), findings=_placed(text, found))

    def _windows(self, folded: str) -> Iterator[_Window]:
        for passage in passages(folded):
            scores = [_probability(odds) for odds in model().log_odds(passage).tolist()]
            scores = list(map(max, scores, self._store.likeness(passage.vectors)))
            for at, score in enumerate(scores):
                named = _named(passage, at, score) if score >= THRESHOLD else ()
                yield _Window(*passage.span(at), score, named)
            if max(scores) < THRESHOLD:
                yield from _close(passage)


def _close(passage: Passage) -> Iterator[_Window]:
    """The sentences of the first hits, each alone: a short attack among much else."""
    seen = passage.view
    for hit in passage.hits[:_MOST_CLOSE]:
        start, end = _sentence(seen.text, hit.start, hit.end)
        if end - start > _WIDEST * len(seen) or rules.KINDS[hit.family] == "forced_output":
            continue
        alone = next(passages(seen.text[start:end]))
        score = _probability(float(model().log_odds(alone).max()) - _DOUBT)
        place = passage.offset + int(seen.places[hit.start])
        last = passage.offset + int(seen.places[hit.end - 1]) + 1
        named = (_finding(place, last, rules.KINDS[hit.family], score),)
        yield _Window(place, last, score, named)


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence around a hit, as far as it is near."""
    first = max(0, start - _NEAR)
    last = min(len(text), end + _NEAR)
    begin = max(text.rfind(mark, first, start) for mark in _MARKS)
    ends = [at for mark in _MARKS if (at := text.find(mark, end, last)) >= 0]
    return (begin + 1 if begin >= 0 else first), min(ends, default=last)


def _probability(odds: float) -> float:
    return 1 / (1 + exp(-max(-_ODDS_MOST, min(_ODDS_MOST, odds))))


def _named(passage: Passage, window: int, score: float) -> tuple[Finding, ...]:
    """What the rules name in a window that scores high, by its place in the folded text."""
    places = passage.view.places
    return tuple(
        _finding(
            passage.offset + int(places[hit.start]),
            passage.offset + int(places[hit.end - 1]) + 1,
            rules.KINDS[hit.family],
            score,
        )
        for hit in passage.hits
        if window <= hit.start // BLOCK <= window + 1 and hit.end > hit.start
    )


def _rounded(score: float) -> float:
    """Never up: what lies below the threshold stays there."""
    return floor(score * 10_000) / 10_000


def _finding(start: int, end: int, kind: str, score: float) -> Finding:
    return Finding(start=start, end=end, kind=kind, score=_rounded(score))


def _placed(text: Text, found: list[Finding]) -> tuple[Finding, ...]:
    """Findings by their places in the raw text; those of a kind that touch are one."""
    joined: list[Finding] = []
    for one in sorted(found, key=lambda finding: (finding.kind, finding.start, finding.end)):
        last = joined[-1] if joined else None
        if last is not None and last.kind == one.kind and one.start <= last.end:
            score, end = max(last.score, one.score), max(last.end, one.end)
            joined[-1] = _finding(last.start, end, one.kind, score)
        else:
            joined.append(one)
    placed = []
    for one in joined[:_MOST_FINDINGS]:
        start, end = text.raw_span(one.start, one.end)
        placed.append(_finding(start, end, one.kind, one.score))
    return tuple(sorted(placed))
