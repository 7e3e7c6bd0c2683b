"""Relevance: how far a text is about what was asked."""

from __future__ import annotations

from trimtab.embeddings.table import table
from trimtab.signals.finding import Reading
from trimtab.signals.signal import NOBODY, About, Scale
from trimtab.signals.support import Source, sentences
from trimtab.signals.text import Text

_HALF = 0.5


class Relevance:
    """How near a text is to its question: the mean of two numbers, 1 for one that repeats it.

    One is the cosine of their static embeddings, or of the nearest sentence's where that is higher;
    the other, of the weight of the question's words, how much the text has, or has like it. It says
    whether the subject is the same, not whether the answer is right. Where there is no question, or
    one of the two has no known word, there is no score.

    >>> about = About(question="Which port does the server listen on?")
    >>> near = Relevance().read(Text("The server listens on port 8321."), about).score
    >>> far = Relevance().read(Text("Bananas are rich in potassium."), about).score
    >>> near > 0.6 > 0.3 > far
    True
    """

    name = "relevance"
    version = "1"
    scale: Scale = "unit"
    lookback_chars: int | None = None
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """See `Signal.read`."""
        if not about.question:
            return Reading(score=None, reason="there is no question")
        asked = Text(about.question).plain
        wanted, found = sentences(asked), sentences(text.plain)
        if not wanted or not found:
            return Reading(score=None, reason="one of the two says nothing")
        parts = [text.plain, *(text.plain[one.start : one.end] for one in found)]
        vectors = table().embed([asked, *parts])
        cosine = max(float((vectors[1:] @ vectors[0]).max()), 0.0)
        supports = Source([text.plain]).support(wanted)
        counts = [len(one.words) for one in wanted]
        covered = sum(
            one.meaning * count for one, count in zip(supports, counts, strict=True)
        ) / sum(counts)
        return Reading(score=round(min(_HALF * cosine + _HALF * covered, 1.0), 4))
