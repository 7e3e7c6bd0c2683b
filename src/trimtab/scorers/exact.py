"""`exact`: the answer is the expected text, after normalisation."""

from __future__ import annotations

import unicodedata
from typing import Any

from trimtab.dialects.passages import without_citations
from trimtab.scorers.definition import Unscored, scorer
from trimtab.scorers.texts import references


@scorer
def exact(output: str, expected: Any) -> bool | Unscored:
    """Passes when the answer equals an expected text; `expected` may be a list of those.

    Both are compared without citations, in Unicode form NFKC, case-folded, with white space
    collapsed and without full stops, exclamation and question marks at the end. Other punctuation
    counts: `-5` is not `5`.

    >>> exact("  The Port is 8321. ", "the port is 8321")
    True
    """
    accepted = references(expected)
    if not accepted:
        return Unscored("the expected text is empty")
    answer = normalised(output)
    return any(answer == normalised(reference) for reference in accepted)


def normalised(text: str) -> str:
    """A text as `exact` compares it.

    >>> normalised("Caf\\u00e9  \\uff11!")
    'caf\\xe9 1'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(without_citations(text).casefold().split()).rstrip(" .!?\u2026")
