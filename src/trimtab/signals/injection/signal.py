"""Prompt injection and jailbreaks: instructions in a text that would take a model over.

A linear model over n-grams, static embeddings and families of rules reads a text window by window,
what is encoded in it too, and says how likely the likeliest window is an attack. It detects and
reduces, it does not prevent: fluent requests that only provenance gives away are out of its reach,
and it knows English best. Figures: the scorecard beside its weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from math import exp, floor, log
from typing import NamedTuple

from trimtab.signals.finding import Finding, Reading
from trimtab.signals.injection import bare, legal, rules
from trimtab.signals.injection.features import BLOCK
from trimtab.signals.injection.model import model
from trimtab.signals.injection.passage import Passage, passages
from trimtab.signals.injection.requests import without
from trimtab.signals.injection.respelt import respelt
from trimtab.signals.injection.store import Store
from trimtab.signals.injection.stretch import Stretch, beginning
from trimtab.signals.injection.telling import tells
from trimtab.signals.signal import NOBODY, About, Scale
from trimtab.signals.text import Text

THRESHOLD = 0.5
_READS = 5  # what is decoded and undone before the weights are asked
_ODDS_MOST = 30.0
_NEAR = 160
_MARKS = ".!?"
_MOST_CLOSE = 4
_MOST_ALONE = 80
"""Sentences of a text that are read alone: four of each stretch of 100,000 characters."""
_WIDEST = 0.8
_NO_DOUBT = -0.5  # log-odds: less is no attack, whatever it is
_DOUBT = 0.5
"""Log-odds that a hit read alone loses: what stands around it may well explain it."""

_MOST_FINDINGS = 50
_MOST_ORDERS = 200
_FEW = 4
"""Characters that were escaped: with fewer, a word that attacks use must show."""

_NO_LETTERS = re.compile("[^a-z]+")


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
    overlap_chars = 2 * BLOCK
    is_learned = True

    def __init__(self, *, attacks: Sequence[str] = ()) -> None:
        self._attacks = tuple(attacks)
        self._store = Store(self._attacks)

    @property
    def version(self) -> str:
        """Of what is read, of the weights, and of the user's own attacks."""
        own = sha256("\0".join(self._attacks).encode("utf-8", "replace")).hexdigest()[:8]
        shipped = f"{_READS}.{model().version}"
        return f"{shipped}+{own}" if self._attacks else shipped

    def with_attacks(self, *texts: str) -> Injection:
        """The same signal, which knows these attacks as well."""
        return Injection(attacks=(*self._attacks, *texts))

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The score of the likeliest window; the shipped threshold is 0.5."""
        del about
        score = 0.0
        found: list[Finding] = []
        folded = without(text.folded)
        alone = iter(range(_MOST_ALONE))
        first = text.once(beginning) if folded == text.folded else None
        for window in self._windows(folded, alone, first):
            score = max(score, window.score)
            if window.score >= THRESHOLD:
                found += window.named or [
                    _finding(window.start, window.end, "injection", window.score)
                ]
        for start, end in islice(bare.commands(text.folded), _MOST_ORDERS):
            score = max(score, bare.SCORE)
            found.append(_finding(start, end, "instruction_override", bare.SCORE))
        for start, end, inner in self._hidden(text, alone):
            score = max(score, inner)
            if inner >= THRESHOLD:
                found.append(_finding(start, end, "encoded", inner))
        return Reading(score=_rounded(score), findings=_placed(text, found))

    def _hidden(self, text: Text, alone: Iterator[int]) -> Iterator[tuple[int, int, float]]:
        """Places of what is encoded or spelt in another way, and how likely it is an attack."""
        for one in respelt(text.folded):
            is_name = one.doubt > 0 or _is_in_address(text.folded, one.start)
            inner = self._likeliest(one.text, alone, one.doubt)
            yield one.start, one.end, inner if is_name else max(inner, _ordered(one.text))
        for layer in text.layers:
            folded = Text(layer.text).folded
            if layer.changed < _FEW and not tells(_NO_LETTERS.sub("", folded)):
                continue  # one word more or less: the rest was read before
            yield layer.start, layer.end, max(self._likeliest(folded, alone), _ordered(folded))
            for one in respelt(folded):
                inner = self._likeliest(one.text, alone, one.doubt)
                yield layer.start, layer.end, inner if one.doubt else max(inner, _ordered(one.text))

    def _likeliest(self, folded: str, alone: Iterator[int], doubt: float = 0.0) -> float:
        """The score of the likeliest window, less sure by so many log-odds."""
        score = max((window.score for window in self._windows(folded, alone)), default=0.0)
        if not doubt or not 0 < score < 1:
            return score
        return _probability(log(score / (1 - score)) - doubt)

    def _windows(
        self, folded: str, alone: Iterator[int], first: Stretch | None = None
    ) -> Iterator[_Window]:
        for passage in passages(folded, first):
            every = enumerate(model().log_odds(passage).tolist())
            scores = [_probability(odds - _doubt(passage, at, odds)) for at, odds in every]
            scores = list(map(max, scores, self._store.likeness(passage.vectors)))
            for at, score in enumerate(scores):
                named = _named(passage, at, score) if score >= THRESHOLD else ()
                yield _Window(*passage.span(at), score, named)
            if max(scores) < THRESHOLD:
                yield from _close(passage, alone)


def _ordered(folded: str) -> float:
    """The score of an order to drop instructions, 0 without one."""
    return bare.SCORE if any(True for _ in bare.commands(folded)) else 0.0


def _is_in_address(folded: str, start: int) -> bool:
    """Whether a place lies in a URL, where words are joined too."""
    return "://" in folded[max(0, start - _NEAR) : start].rpartition(" ")[2]


def _close(passage: Passage, left: Iterator[int]) -> Iterator[_Window]:
    """The sentences of the first hits, each alone: a short attack among much else.

    Args:
        left: counts how many the whole text may still have.
    """
    seen = passage.view
    for hit in passage.hits[:_MOST_CLOSE]:
        start, end = _sentence(seen.text, hit.start, hit.end)
        if end - start > _WIDEST * len(seen) or rules.KINDS[hit.family] == "forced_output":
            continue
        if legal.is_legal(seen.text[max(0, start - 2 * BLOCK) : end + 2 * BLOCK], (hit,)):
            continue
        if next(left, None) is None:
            return
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


def _doubt(passage: Passage, window: int, odds: float) -> float:
    """The log-odds that a window loses which would be an attack, and is but legal language."""
    if odds < _NO_DOUBT:
        return 0.0
    text = passage.view.text[max(0, window - 1) * BLOCK : (window + 3) * BLOCK]
    hits = (hit for hit in passage.hits if window <= hit.start // BLOCK <= window + 1)
    return legal.DOUBT if legal.is_legal(text, hits) else 0.0


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
