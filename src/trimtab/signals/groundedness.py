"""Groundedness: how far a text rests on the context it was given, sentence by sentence."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from trimtab.signals.finding import Finding, Reading
from trimtab.signals.signal import NOBODY, About, Scale
from trimtab.signals.support import Sentence, Source, Support, sentences, weighted
from trimtab.signals.text import Text

WEIGHTS = np.array(
    Support(meaning=3.0, words=2.5, pairs=2.0, passage=1.5, numbers=1.0, impersonal=1.0)
)
"""Set by hand, none below zero; weights that are fitted to claims of our own making do worse on
sources that neither saw (`training/records/groundedness.md`)."""

_BIAS = -8.8  # fitted, as is that the weights need no factor


class Groundedness:
    """How likely it is that the context says what the text says: 1 for what is copied from it.

    Words, pairs of words and what is like them, no inference: a triage score, to choose what a
    judge or a person reads. Where there is no context, or nothing is said, there is no score.

    Args:
        unsupported_below: sentences that score less are findings of the kind `unsupported`.

    >>> about = About(context=("The widget server listens on port 8321.",))
    >>> Groundedness().read(Text("It listens on port 8321."), about).score > 0.5
    True
    >>> Groundedness().read(Text("Gadgets are free in Norway."), about).findings[0].kind
    'unsupported'
    """

    name = "groundedness"
    version = "1"
    scale: Scale = "unit"
    lookback_chars: int | None = None
    is_learned = True

    def __init__(self, *, unsupported_below: float = 0.1) -> None:
        self.unsupported_below = unsupported_below

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """See `Signal.read`."""
        if not any(about.context):
            return Reading(score=None, reason="there is no context")
        found = sentences(text.plain)
        if not found:
            return Reading(score=None, reason="nothing is said")
        supports = _source(about.context).support(found)
        return Reading(
            score=_likely(weighted(supports, found)),
            findings=tuple(
                self._finding(text, sentence, score)
                for sentence, support in zip(found, supports, strict=True)
                if (score := _likely(np.array(support))) < self.unsupported_below
            ),
        )

    def _finding(self, text: Text, sentence: Sentence, score: float) -> Finding:
        start, end = text.raw_span(sentence.start, sentence.end)
        return Finding(start=start, end=end, kind="unsupported", score=round(1 - score, 4))


def _likely(support: npt.NDArray[np.float64]) -> float:
    return round(float(1 / (1 + np.exp(-(support @ WEIGHTS + _BIAS)))), 4)


@lru_cache(maxsize=4)
def _source(context: tuple[str, ...]) -> Source:
    """Of one context several texts are read: n answers, or one as it grows."""
    return Source([Text(part).plain for part in context])
