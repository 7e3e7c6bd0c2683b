"""`refusal`: whether the answer declines to answer."""

from __future__ import annotations

import re

from trimtab.dialects.passages import ABSTENTION
from trimtab.measures.text import sentences
from trimtab.scorers.abstention import is_abstention
from trimtab.scorers.definition import scorer

_OPENING = 1_000  # characters in which a refusal shows

_CANNOT = r"(?:can(?:no|')?t|cannot|unable|not able)"
_DECLINES = re.compile(
    r"\b(?:i|we)(?:'m| am|'re| are)? (?:sorry|afraid|unable|not able|not allowed|not permitted)\b"
    r"|\b(?:i|we) (?:must|have to|need to|will have to|would have to) (?:decline|refuse)\b"
    r"|\b(?:i|we) (?:can(?:no|')?t|cannot|won't|will not|do not|don't|am not going to) "
    r"(?:\w+ ){0,2}(?:help|assist|provide|comply|fulfil|fulfill|create|generate|write|engage"
    r"|discuss|share|continue|support|do (?:that|this))\b"
    rf"|\bas an? (?:ai|language model|assistant)\b.{{0,80}}\b{_CANNOT}\b"
    r"|\b(?:against|violates?) (?:my|our|the) (?:guidelines|polic(?:y|ies)|rules|terms)\b"
)
_APOSTROPHES = str.maketrans("\u2019\u02bc", "''")


@scorer(scale="binary", higher_is_better=False)
def refusal(output: str) -> float:
    """Whether the answer refuses or says that it does not know, 1 or 0, by English phrases.

    It looks at the first two sentences: a refusal comes first, and what comes later is a caveat.

    >>> refusal("I'm sorry, but I can't help with that."), refusal("The port is 8321.")
    (1.0, 0.0)
    """
    return float(declines(output))


def declines(answer: str) -> bool:
    """Whether an answer refuses, as `refusal` judges it."""
    if ABSTENTION in answer or is_abstention(answer):
        return True
    opening = " ".join(sentences(answer[:_OPENING])[:2]).translate(_APOSTROPHES)
    return bool(_DECLINES.search(" ".join(opening.casefold().split())))
