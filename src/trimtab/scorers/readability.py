"""`readability` and `grade_level`: how hard an English text is to read."""

from __future__ import annotations

from trimtab.measures import readability as measure
from trimtab.scorers.definition import Unscored, scorer

_NO_WORDS = Unscored("the answer has no words")


@scorer
def readability(output: str) -> float | Unscored:
    """Flesch's reading ease of an English text: 90 is easy, 30 is hard.

    206.835 - 1.015 words / sentences - 84.6 syllables / words (Flesch 1948). Meaningless below some
    hundred words.

    >>> readability("The cat sat on the mat.") > 90
    True
    """
    counts = measure.count(output)
    return measure.flesch_reading_ease(counts) if counts.words else _NO_WORDS


@scorer(higher_is_better=False)
def grade_level(output: str) -> dict[str, float] | Unscored:
    """Years of school that an English text asks for, by three formulae.

    `kincaid` (Kincaid et al. 1975), `automated` (Senter & Smith 1967) and `coleman_liau` (Coleman &
    Liau 1975). Meaningless below some hundred words.

    >>> sorted(grade_level("The cat sat on the mat."))
    ['automated', 'coleman_liau', 'kincaid']
    """
    counts = measure.count(output)
    if not counts.words:
        return _NO_WORDS
    return {
        "kincaid": measure.flesch_kincaid_grade(counts),
        "automated": measure.automated_readability_index(counts),
        "coleman_liau": measure.coleman_liau_index(counts),
    }
