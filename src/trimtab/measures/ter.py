"""TER: edits and shifts of phrases that turn an answer into its reference (Snover et al. 2006).

"A Study of Translation Edit Rate with Targeted Human Annotation", AMTA, 2006.amta-papers.25. Pure.
Which shifts are tried, how ties between them are broken and the beam of the edit distance are
those of the tool Tercom as sacreBLEU follows it, and values are equal to its. In percent of the
reference's words: 0 is equal, above 100 is possible. Lower is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trimtab.measures.bleu import accepted, all_accepted

__all__ = ["Ter", "TerSettings", "corpus_ter", "ter"]

_MAX_SHIFT_WORDS = 10
_MAX_SHIFT_DISTANCE = 50
_MAX_TRIED = 1000
_BEAM = 25
_NO_PUNCTUATION = str.maketrans("", "", '.,?:;!"()')


@dataclass(frozen=True, slots=True, kw_only=True)
class TerSettings:
    """What TER depends on besides the texts, which are split at white space.

    Args:
        punctuation: whether `. , ? : ; ! " ( )` are kept.
    """

    lowercase: bool = True
    punctuation: bool = True

    def signature(self, references: int | str) -> str:
        """The settings in sacreBLEU's words; `references` per answer, or `var`.

        >>> TerSettings().signature(1)
        'nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|impl:trimtab'
        """
        case = "lc" if self.lowercase else "mixed"
        punctuation = "yes" if self.punctuation else "no"
        return (
            f"nrefs:{references}|case:{case}|tok:tercom|norm:no|punct:{punctuation}|asian:no"
            "|impl:trimtab"
        )


class Ter(NamedTuple):
    """A rate in percent, the edits (a shift is one), and the mean length of the references."""

    score: float
    edits: int
    reference_length: float
    signature: str


_DEFAULT = TerSettings()


def ter(answer: str, references: str | Sequence[str], *, settings: TerSettings = _DEFAULT) -> Ter:
    """TER of one answer: the fewest edits to any reference, per mean word of the references.

    Raises:
        MeasureError: no reference.

    >>> ter("sat the cat here", "the cat sat here").score  # one shift for four words
    25.0
    """
    texts = accepted(references)
    return _rate(*_edits(answer, texts, settings), settings.signature(len(texts)))


def corpus_ter(
    answers: Sequence[str],
    references: Sequence[str | Sequence[str]],
    *,
    settings: TerSettings = _DEFAULT,
) -> Ter:
    """TER of all answers together: edits over words of references.

    Args:
        references: for each answer one text or several.
    Raises:
        MeasureError: no answer, an answer without references, or lists of different length.

    >>> corpus_ter(["a b", "c d"], ["a b", "c x"]).score
    25.0
    """
    texts, of_each = all_accepted(answers, references)
    found = [_edits(*pair, settings) for pair in zip(answers, texts, strict=True)]
    signature = settings.signature(of_each)
    return _rate(sum(edits for edits, _ in found), sum(length for _, length in found), signature)


def _rate(edits: int, length: float, signature: str) -> Ter:
    score = 100 * edits / length if length else 100.0 * bool(edits)
    return Ter(score, edits, length, signature)


def _edits(answer: str, references: Sequence[str], settings: TerSettings) -> tuple[int, float]:
    given = _words(answer, settings)
    wanted = [_words(reference, settings) for reference in references]
    fewest = min(_edits_to(given, words) for words in wanted)
    return fewest, sum(map(len, wanted)) / len(wanted)


def _words(text: str, settings: TerSettings) -> list[str]:
    if settings.lowercase:
        text = text.lower()
    return (text if settings.punctuation else text.translate(_NO_PUNCTUATION)).split()


def _edits_to(words: list[str], reference: list[str]) -> int:
    """Greedy: take the shift that saves most edits until none does, then count what is left."""
    if not reference:
        return len(words)
    distance = _Distance(reference)
    shifts = tried = 0
    while True:
        saved, shifted, tried = _best_shift(words, reference, distance, tried)
        if saved <= 0 or tried >= _MAX_TRIED:
            return shifts + distance.cost(words)
        shifts += 1
        words = shifted


def _best_shift(
    words: list[str], reference: list[str], distance: _Distance, tried: int
) -> tuple[int, list[str], int]:
    """Edits saved, the words after the shift, and how many shifts have been tried by now.

    Of shifts that save as much, the longer, then the one from further left, then the one to
    further left is taken.
    """
    before = distance.cost(words)
    aligned, wrong_words, wrong_reference = distance.alignment(words)
    best: tuple[int, int, int, int, list[str]] | None = None
    for start, at, length in _matches(words, reference):
        if (
            not any(wrong_words[start : start + length])
            or not any(wrong_reference[at : at + length])
            or start <= aligned[at] < start + length
        ):
            continue
        for target in _targets(aligned, at, length):
            shifted = _shift(words, start, length, target)
            saved = before - distance.cost(shifted)
            tried += 1
            found = (saved, length, -start, -target, shifted)
            if best is None or found > best:
                best = found
        if tried >= _MAX_TRIED:
            break
    return (0, words, tried) if best is None else (best[0], best[4], tried)


def _matches(words: list[str], reference: list[str]) -> Iterator[tuple[int, int, int]]:
    """Every run that the texts share, as (start in words, start in reference, length)."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(reference):
        places.setdefault(word, []).append(at)
    for start, word in enumerate(words):
        for at in places.get(word, ()):
            if abs(at - start) > _MAX_SHIFT_DISTANCE:
                continue
            longest = min(_MAX_SHIFT_WORDS, len(words) - start, len(reference) - at)
            for length in range(1, longest + 1):
                if words[start + length - 1] != reference[at + length - 1]:
                    break
                yield start, at, length


def _targets(aligned: list[int], at: int, length: int) -> Iterator[int]:
    """Places to move a phrase to: behind the word aligned with each reference word of it."""
    last = -1
    for position in range(at - 1, at + length):
        target = 0 if position < 0 else aligned[position] + 1
        if target != last:
            yield target
        last = target


def _shift(words: list[str], start: int, length: int, target: int) -> list[str]:
    end = start + length
    phrase = words[start:end]
    if target < start:
        return words[:target] + phrase + words[target:start] + words[end:]
    # a target inside the phrase counts from its end, as in Tercom
    stop = target if target > end else target + length
    return words[:start] + words[end:stop] + phrase + words[stop:]


class _Distance:
    """Word edit distance to one reference within Tercom's beam, with a memory of costs."""

    def __init__(self, reference: list[str]) -> None:
        self._reference = reference
        self._costs: dict[tuple[str, ...], int] = {}

    def cost(self, words: list[str]) -> int:
        key = tuple(words)
        found = self._costs.get(key)
        if found is None:
            found = self._costs[key] = self._cost(words)
        return found

    def _cost(self, words: list[str]) -> int:
        """The unrestricted distance where the beam cannot matter: it holds the whole table, or no
        path as cheap as this one leaves it (one that does strays `_BEAM - 1` words either way)."""
        from rapidfuzz.distance import Levenshtein

        cost = Levenshtein.distance(words, self._reference)
        size = len(self._reference)
        if size < _BEAM or cost < 2 * (_BEAM - 2) - abs(size - len(words)):
            return cost
        return self._table(words)[0]

    def alignment(self, words: list[str]) -> tuple[list[int], list[bool], list[bool]]:
        """For each reference word the place of the word it is read at or after (-1 for before all);
        then which words, and which reference words, are wrong."""
        aligned: list[int] = []
        wrong_words: list[bool] = []
        wrong_reference: list[bool] = []
        for step in reversed(self._table(words)[1]):
            if step != _INSERT:
                wrong_words.append(step != _KEEP)
            if step != _DELETE:
                aligned.append(len(wrong_words) - 1)
                wrong_reference.append(step != _KEEP)
        return aligned, wrong_words, wrong_reference

    def _table(self, words: list[str]) -> tuple[int, list[int]]:
        """Cost and the steps of one cheapest path, last step first; a substitution is preferred to
        a deletion, and that to an insertion."""
        reference = self._reference
        size = len(reference)
        costs = list(range(size + 1))
        steps = [[_INSERT] * (size + 1)]
        for row, (low, high) in enumerate(_band(len(words), size)):
            word = words[row]
            above, costs = costs, [_FAR] * (size + 1)
            step = [_NONE] * (size + 1)
            if low == 0:
                costs[0], step[0] = above[0] + 1, _DELETE
            left = costs[low - 1] if low else costs[0]
            for column in range(max(low, 1), high):
                if word == reference[column - 1]:
                    best, taken = above[column - 1], _KEEP
                else:
                    best, taken = above[column - 1] + 1, _REPLACE
                if above[column] + 1 < best:
                    best, taken = above[column] + 1, _DELETE
                if left + 1 < best:
                    best, taken = left + 1, _INSERT
                costs[column], step[column] = best, taken
                left = best
            steps.append(step)
        return costs[size], _path(steps, len(words), size)


_KEEP, _REPLACE, _DELETE, _INSERT, _NONE = range(5)
_FAR = 10**9


def _band(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """Columns of each row of the table that lie in the beam, which follows the diagonal."""
    ratio = size / rows if rows else 1.0
    width = math.ceil(ratio / 2 + _BEAM) if ratio / 2 > _BEAM else _BEAM
    for row in range(1, rows + 1):
        middle = math.floor(row * ratio)
        high = size + 1 if row == rows else min(size + 1, middle + width)
        yield max(0, middle - width), high


def _path(steps: list[list[int]], row: int, column: int) -> list[int]:
    path: list[int] = []
    while row or column:
        step = steps[row][column]
        path.append(step)
        row -= step != _INSERT
        column -= step != _DELETE
    return path
