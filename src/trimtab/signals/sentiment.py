"""Sentiment: whether a text praises or complains, from a list of words and a few rules.

Words count by their strength; `not good` turns a word round, `very` and capitals make it stronger,
and what follows `but` weighs more than what came before.
"""

from __future__ import annotations

import math
import re

from trimtab.signals.finding import Reading
from trimtab.signals.sentiment_words import NEGATIONS, STRONGER, TURNS, WEAKER, strengths
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_TOKEN = re.compile(
    r"[^\W\d_]+(?:'[^\W\d_]+)?|[:;=]'?-?[()/dp]|<3|[\u2600-\u27bf\U0001f300-\U0001faff]|[.!?\n]"
)
_REACH = 4  # tokens that a negation turns round
_NEUTRAL = 0.25


class Sentiment:
    """Score in [-1, 1], and `negative`, `neutral` or `positive` as its label. English.

    Args:
        neutral: how far from 0 a score may lie and still be neutral.

    >>> from trimtab.signals.text import Text
    >>> [Sentiment().read(Text(t)).label for t in ("I love it!", "not good", "It is Monday")]
    ['positive', 'negative', 'neutral']
    """

    name = "sentiment"
    version = "1"
    scale = "number"
    lookback_chars = None
    is_learned = False

    def __init__(self, *, neutral: float = _NEUTRAL) -> None:
        self._neutral = neutral

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """How good or bad the words are together; the more of them agree, the further from 0."""
        del about
        total = _total(_TOKEN.findall(text.folded))
        score = round(total / math.sqrt(total * total + 12.0), 4)
        label = "neutral"
        if abs(score) > self._neutral:
            label = "positive" if score > 0 else "negative"
        return Reading(score=score, label=label)


def _total(tokens: list[str]) -> float:
    known = strengths()
    total, left, factor, sign = 0.0, 0, 1.0, 1.0
    for each in tokens:
        if each in NEGATIONS:
            left, sign = _REACH, _TURNED
        elif (strength := known.get(each)) is not None:
            total += strength * factor * sign
            factor = 1.0
        if each in STRONGER or each in WEAKER:
            factor = 1.4 if each in STRONGER else 0.6
        elif each in TURNS:
            total *= 0.6
        elif each in _ENDS:
            left = 0
            total *= _ENDS[each]
        left -= 1
        if left <= 0:
            sign = 1.0
    return total


_TURNED = -0.7
_ENDS = {".": 1.0, "?": 1.0, "\n": 1.0, "!": 1.1}
