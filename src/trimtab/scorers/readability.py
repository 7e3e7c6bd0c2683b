"""`readability`: how hard an English text is to read, by formulae over its sentences and words."""

from __future__ import annotations

from trimtab.measures import readability as measure
from trimtab.scorers.definition import Unscored, scorer


@scorer
def readability(output: str) -> dict[str, float] | Unscored:
    """Flesch reading ease (high is easy) and three school grades (low is easy), for English.

    `ease` (Flesch 1948), `kincaid` (Kincaid et al. 1975), `automated` (Senter & Smith 1967) and
    `coleman_liau` (Coleman & Liau 1975). Meaningless below some hundred words.

    >>> sorted(readability("The cat sat on the mat."))
    ['automated', 'coleman_liau', 'ease', 'kincaid']
    """
    counts = measure.count(output)
    if not counts.words:
        return Unscored("the answer has no words")
    return {
        "ease": measure.flesch_reading_ease(counts),
        "kincaid": measure.flesch_kincaid_grade(counts),
        "automated": measure.automated_readability_index(counts),
        "coleman_liau": measure.coleman_liau_index(counts),
    }
