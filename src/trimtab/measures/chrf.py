"""chrF and chrF++: F-score of character (and word) n-grams (Popovic, W15-3049 and W17-4770).

Pure. Averages, order and rounding are those of sacreBLEU, and values are equal to its. Scores are
in [0, 100]. White space is not part of an n-gram, so languages without spaces need no tokeniser.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trimtab.errors import MeasureError
from trimtab.measures.bleu import accepted, all_accepted
from trimtab.measures.overlap import Grams, ngrams, shared

__all__ = ["Chrf", "ChrfCounts", "ChrfSettings", "chrf", "chrf_counts", "chrf_of", "corpus_chrf"]

_PUNCTUATION = frozenset(string.punctuation)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChrfSettings:
    """What a chrF score depends on besides the texts; `word_order=2` is chrF++.

    Args:
        char_order: longest character n-gram.
        word_order: longest word n-gram, 0 for none.
        beta: how many times recall counts as much as precision.
        whitespace: whether n-grams run over white space.
    """

    char_order: int = 6
    word_order: int = 0
    beta: float = 2
    lowercase: bool = False
    whitespace: bool = False

    def __post_init__(self) -> None:
        if self.char_order < 1 or self.word_order < 0 or not self.beta > 0:
            raise MeasureError(
                "orders count from 1 (words from 0) and beta is positive",
                char_order=self.char_order,
                word_order=self.word_order,
                beta=self.beta,
            )

    def signature(self, references: int | str) -> str:
        """The settings in sacreBLEU's words; `references` per answer, or `var`.

        >>> ChrfSettings(word_order=2).signature(1)
        'nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|beta:2|impl:trimtab'
        """
        case = "lc" if self.lowercase else "mixed"
        space = "yes" if self.whitespace else "no"
        return (
            f"nrefs:{references}|case:{case}|eff:yes|nc:{self.char_order}|nw:{self.word_order}"
            f"|space:{space}|beta:{self.beta:g}|impl:trimtab"
        )


class Chrf(NamedTuple):
    """A score in [0, 100] and the settings it was made with."""

    score: float
    signature: str


class ChrfCounts(NamedTuple):
    """N-grams of one order: the answer's, the reference's, and those in both."""

    answer: int
    reference: int
    both: int


_DEFAULT = ChrfSettings()


def chrf(
    answer: str, references: str | Sequence[str], *, settings: ChrfSettings = _DEFAULT
) -> Chrf:
    """chrF of one answer, against the reference that gives the highest.

    Raises:
        MeasureError: no reference.

    >>> round(chrf("the cat sat", "the cat slept").score, 4)
    55.0165
    """
    texts = accepted(references)
    return Chrf(
        _f_score(chrf_counts(answer, texts, settings), settings), settings.signature(len(texts))
    )


def corpus_chrf(
    answers: Sequence[str],
    references: Sequence[str | Sequence[str]],
    *,
    settings: ChrfSettings = _DEFAULT,
) -> Chrf:
    """chrF of all answers together: counts are added before they are divided.

    Args:
        references: for each answer one text or several; the best one is counted.
    Raises:
        MeasureError: no answer, an answer without references, or lists of different length.

    >>> corpus_chrf(["a cat", "a dog"], ["a cat", "a dog"]).score
    100.0
    """
    texts, of_each = all_accepted(answers, references)
    found = [chrf_counts(*pair, settings) for pair in zip(answers, texts, strict=True)]
    return chrf_of(found, settings, of_each)


def chrf_of(
    counts: Sequence[list[ChrfCounts]],
    settings: ChrfSettings = _DEFAULT,
    references: int | str = 1,
) -> Chrf:
    """chrF of answers that were counted before.

    Args:
        references: how many there were of each, for the signature alone.
    """
    total = [
        ChrfCounts(*(sum(column) for column in zip(*orders, strict=True)))
        for orders in zip(*counts, strict=True)
    ]
    return Chrf(_f_score(total, settings), settings.signature(references))


def chrf_counts(
    answer: str, references: Sequence[str], settings: ChrfSettings = _DEFAULT
) -> list[ChrfCounts]:
    """What one answer adds to the chrF of a corpus, with the reference that suits it best."""
    given = _grams(answer, settings)
    found = [_matches(given, _grams(reference, settings)) for reference in references]
    return found[0] if len(found) == 1 else max(found, key=lambda each: _f_score(each, settings))


def _matches(given: list[Grams], wanted: list[Grams]) -> list[ChrfCounts]:
    """An order that the reference is too short for does not count against the answer."""
    return [
        ChrfCounts(first.total() if second else 0, second.total(), shared(first, second))
        for first, second in zip(given, wanted, strict=True)
    ]


def _grams(text: str, settings: ChrfSettings) -> list[Grams]:
    if settings.lowercase:
        text = text.lower()
    line = text if settings.whitespace else "".join(text.split())
    grams = [
        Grams([line[start : start + n] for start in range(len(line) - n + 1)])
        for n in range(1, settings.char_order + 1)
    ]
    if settings.word_order:
        words = _words(text)
        grams += [ngrams(words, n) for n in range(1, settings.word_order + 1)]
    return grams


def _words(text: str) -> list[str]:
    """Words with one punctuation mark split off, at the end if there is one, else in front."""
    found: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _PUNCTUATION:
            found += (word[:-1], word[-1])
        elif len(word) > 1 and word[0] in _PUNCTUATION:
            found += (word[0], word[1:])
        else:
            found.append(word)
    return found


def _f_score(orders: list[ChrfCounts], settings: ChrfSettings) -> float:
    """F-beta of the mean precision and mean recall over the orders that both texts have."""
    counted = [order for order in orders if order.answer and order.reference]
    if not counted:
        return 0.0
    precision = sum(order.both / order.answer for order in counted) / len(counted)
    recall = sum(order.both / order.reference for order in counted) / len(counted)
    if not precision + recall:
        return 0.0
    weight = settings.beta**2
    return 100 * (1 + weight) * precision * recall / (weight * precision + recall)
