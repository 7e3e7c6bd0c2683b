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
_ASCII_APART = {
    code: char if (char := chr(code)) in "abcdefghijklmnopqrstuvwxyz0123456789" else " "
    for code in range(128)
}
_HALF = re.compile(rf"[{_UNSPACED}]")
_FIRST_HALF = "\u0e00"
_GAP = 5
_LIVE = 4
_WHOLE = 8.0
_LEAST = 4.0
_MOST_CHARS = 400_000
_MOST_PLACES = 16

_TELLING, _NUMBERED = 3.0, 1.5
_NUMBER = re.compile("[0-9]{3,}")
_END = re.compile(r"[.!?;]\s|\n|[\u3002\uff01\uff1f\uff1b]")
_MOST_OF, _PARTLY = 0.75, 0.5
_CODES = re.compile(
    r"(?<![\w-])(?=[a-z0-9_-]{0,60}[a-z])(?=[a-z0-9_-]{0,60}[0-9])[a-z0-9]{2,}"
    r"(?:[-_][a-z0-9]+){0,8}(?![\w-])|(?<![\w.,])[0-9]{5,}(?![\w,]|\.[0-9])"
)
"""Codes and identifiers, of letters with digits, and long numbers."""

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
        self._telling = dict.fromkeys(filter(_NUMBER.fullmatch, self.words), _NUMBERED)
        for code in _CODES.findall(folded[:_MOST_CHARS]):
            self._telling.update(dict.fromkeys(words(code), _TELLING))
        self.known = frozenset(self.words)
        self._ends = _ends(folded[:_MOST_CHARS])
        self.weight = sum(map(self.weigh, self.words))
        self.places: dict[tuple[str, str, str], list[int]] = {}
        for at, triple in enumerate(_triples(self.words)):
            self.places.setdefault(triple, []).append(at)
        # What is said over and over points nowhere, and would be followed everywhere.
        for triple in [one for one, places in self.places.items() if len(places) > _MOST_PLACES]:
            del self.places[triple]

    def may_be_in(self, said: Sequence[str]) -> bool:
        """Whether any three words in a row stand in it: without, nothing was copied."""
        return not self.places.keys().isdisjoint(_triples(said))

    def weigh(self, word: str) -> float:
        """How many words a word counts as: what stands in hardly any other text, several."""
        return self._telling.get(word) or _weight(word)

    def has_whole_sentence(self, places: Iterable[int]) -> bool:
        """Whether most words of a sentence are among these, by their places."""
        said = Counter(bisect_right(self._ends, place) for place in places)
        for number, count in said.items():
            last = self._ends[number] if number < len(self._ends) else len(self.words)
            first = self._ends[number - 1] if number else 0
            if count >= _MOST_OF * (last - first):
                return True
        return False


def _ends(folded: str) -> list[int]:
    """How many words there are up to the end of each sentence."""
    found, last = [], 0
    for number, (start, end) in enumerate(spans(folded)):
        if number and _END.search(folded, last, start):
            found.append(number)
        last = end
    return found


def words(folded: str) -> list[str]:
    """The words of a text."""
    if folded.isascii():  # the same words in a fifth of the time
        return folded.translate(_ASCII_APART).split()
    found: list[str] = _WORD.findall(folded)
    return found


def spans(folded: str) -> list[tuple[int, int]]:
    """Where the words of a text stand."""
    pattern = _ASCII_WORD if folded.isascii() else _WORD
    return [match.span() for match in pattern.finditer(folded)]


def copied(
    said: Sequence[str], source: Source, places: Callable[[], list[Span]], *, window: int
) -> tuple[float, list[Passage]]:
    """How much of a source a text repeats in one place, in words, and the copied passages.

    A word of the source counts once within `window` characters. A run of eight words or more counts
    in full, one of four words not at all, as ordinary phrases are that long; of a run that holds no
    sentence of the source, half: it may say the same of the same thing. `places` is asked for
    the places of the words only where something was copied.
    """
    counted: dict[int, tuple[int, float]] = {}
    passages = []
    for run in _runs(said, source):
        size = run.size
        factor = 1.0 if size >= min(_WHOLE, source.weight) else 2.0 * (size - _LEAST) / size
        if factor <= 0:
            continue
        if not source.has_whole_sentence(
            {there + step for _, there in run.pairs for step in (0, 1, 2)}
        ):
            factor *= _PARTLY
        passages.append(Passage(run.first, run.at + 2, factor * size / (size + _WHOLE)))
        for here, there in run.pairs:
            for step in (0, 1, 2):
                if here + step not in counted:
                    counted[here + step] = (there + step, factor * source.weigh(said[here + step]))
    return (_densest(places(), counted, window) if counted else 0.0), passages


class _Run:
    """A chain of triples that follow one another in both texts."""

    __slots__ = ("at", "first", "pairs", "size", "there")

    def __init__(self, at: int, there: int, size: float) -> None:
        self.first = self.at = at
        self.there = there
        self.size = size
        self.pairs = [(at, there)]

    def extend(self, at: int, there: int, said: Sequence[str], source: Source) -> None:
        for word in said[max(at, self.at + 3) : at + 3]:
            self.size += source.weigh(word)
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
            run.extend(at, there, said, source)
        else:
            run = _Run(at, places[0], sum(map(source.weigh, said[at : at + 3])))
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
