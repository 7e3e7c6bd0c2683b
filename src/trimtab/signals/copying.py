"""Copying: which words of a text were taken from another, through small edits and in any order.

Runs of shared word triples are chained over gaps of a few words (seed and extend, as for near
duplicates: Broder 1997, "On the resemblance and containment of documents", for the shingles).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

# Scripts written without spaces: each character counts as half a word.
_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_HALF = re.compile(rf"[{_UNSPACED}]")
_FIRST_HALF = "\u0e00"
_GAP = 5
_LIVE = 4
_WHOLE = 8.0
_LEAST = 4.0
_MOST_CHARS = 400_000
_MOST_PLACES = 16

Span = tuple[int, int]


class Passage(NamedTuple):
    """A part of a text that was copied: its first and last word, and how sure that is."""

    first: int
    last: int
    certainty: float


class Source:
    """What may have been copied from: its words, by the triples they stand in."""

    def __init__(self, folded: str) -> None:
        self.words = words(folded[:_MOST_CHARS])
        self.weight = sum(map(_weight, self.words))
        self.places: dict[tuple[str, str, str], list[int]] = {}
        for at, triple in enumerate(_triples(self.words)):
            self.places.setdefault(triple, []).append(at)
        # What is said over and over points nowhere, and would be followed everywhere.
        for triple in [one for one, places in self.places.items() if len(places) > _MOST_PLACES]:
            del self.places[triple]


def words(folded: str) -> list[str]:
    """The words of a text."""
    found: list[str] = _pattern(folded).findall(folded)
    return found


def spans(folded: str) -> list[tuple[int, int]]:
    """Where the words of a text stand."""
    return [match.span() for match in _pattern(folded).finditer(folded)]


def _pattern(folded: str) -> re.Pattern[str]:
    # The same words in a third of the time.
    return _ASCII_WORD if folded.isascii() else _WORD


def copied(
    said: Sequence[str], source: Source, places: Callable[[], list[Span]], *, window: int
) -> tuple[float, list[Passage]]:
    """How much of a source a text repeats in one place, in words, and the copied passages.

    A word of the source counts once within `window` characters. A run of eight words or more counts
    in full, one of four words not at all, as ordinary phrases are that long. `places` is asked for
    the places of the words only where something was copied.
    """
    counted: dict[int, tuple[int, float]] = {}
    passages = []
    for run in _runs(said, source):
        size = run.size
        factor = 1.0 if size >= min(_WHOLE, source.weight) else 2.0 * (size - _LEAST) / size
        if factor <= 0:
            continue
        passages.append(Passage(run.first, run.at + 2, factor * size / (size + _WHOLE)))
        for here, there in run.pairs:
            for step in (0, 1, 2):
                if here + step not in counted:
                    counted[here + step] = (there + step, factor * _weight(said[here + step]))
    return (_densest(places(), counted, window) if counted else 0.0), passages


class _Run:
    """A chain of triples that follow one another in both texts."""

    __slots__ = ("at", "first", "pairs", "size", "there")

    def __init__(self, at: int, there: int, size: float) -> None:
        self.first = self.at = at
        self.there = there
        self.size = size
        self.pairs = [(at, there)]

    def extend(self, at: int, there: int, said: Sequence[str]) -> None:
        for word in said[max(at, self.at + 3) : at + 3]:
            self.size += _weight(word)
        self.at, self.there = at, there
        self.pairs.append((at, there))


def _runs(said: Sequence[str], source: Source) -> list[_Run]:
    live: deque[_Run] = deque(maxlen=_LIVE)
    runs: list[_Run] = []
    for at, places in enumerate(map(source.places.get, _triples(said))):
        if places is None:
            continue
        found = _going_on(live, at, places)
        if found is not None:
            run, there = found
            run.extend(at, there, said)
        else:
            run = _Run(at, places[0], sum(map(_weight, said[at : at + 3])))
            live.appendleft(run)
            runs.append(run)
    return runs


def _going_on(live: Iterable[_Run], at: int, places: list[int]) -> tuple[_Run, int] | None:
    """The run that a triple carries on, best without a word put in or left out."""
    found, least = None, _GAP
    last = places[-1]
    for run in live:
        if run.there >= last or at - run.at > _GAP:
            continue
        there = places[bisect_right(places, run.there)]
        if there - run.there > _GAP:
            continue
        shift = abs((there - run.there) - (at - run.at))
        if shift == 0:
            return run, there
        if shift < least:
            found, least = (run, there), shift
    return found


def _densest(places: Sequence[Span], counted: dict[int, tuple[int, float]], window: int) -> float:
    """The most words of the source that stand within `window` characters of the text."""
    best = total = 0.0
    inside: Counter[int] = Counter()
    held: deque[tuple[int, int, float]] = deque()
    for at in sorted(counted, key=places.__getitem__):
        (start, end), (there, weight) = places[at], counted[at]
        held.append((start, there, weight))
        inside[there] += 1
        if inside[there] == 1:
            total += weight
        while end - held[0][0] > window and len(held) > 1:
            _, gone, lost = held.popleft()
            inside[gone] -= 1
            if inside[gone] == 0:
                total -= lost
        best = max(best, total)
    return best


def _triples(said: Sequence[str]) -> zip[tuple[str, str, str]]:
    return zip(said, said[1:], said[2:], strict=False)


def _weight(word: str) -> float:
    return 0.5 if word >= _FIRST_HALF and len(word) == 1 and _HALF.match(word) else 1.0
