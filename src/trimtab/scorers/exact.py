"""`exact` and `normalised`: the answer is the expected text, as it stands or in normal form."""

from __future__ import annotations

import unicodedata
from typing import Any

from trimtab.dialects.passages import without_citations
from trimtab.scorers.definition import Unscored, scorer
from trimtab.scorers.texts import references

NO_EXPECTED = Unscored("the expected text is empty")


@scorer(version="2")
def exact(output: str, expected: Any) -> bool | Unscored:
    """Passes when the answer is an expected text, white space around both aside.

    `expected` may be a list of texts of which one is enough. Case and punctuation count:
    `normalised` is the lenient one.

    >>> exact(" 8321\\n", "8321"), exact("8321.", "8321")
    (True, False)
    """
    accepted = references(expected)
    if not accepted:
        return NO_EXPECTED
    answer = output.strip()
    return any(answer == reference.strip() for reference in accepted)


@scorer
def normalised(output: str, expected: Any) -> bool | Unscored:
    """Passes when the answer equals an expected text after normalisation.

    Both are compared without citations, in Unicode form NFKC, case-folded, with white space
    collapsed and without full stops, exclamation and question marks at the end. Other punctuation
    counts: `-5` is not `5`.

    >>> normalised("  The Port is 8321. ", "the port is 8321")
    True
    """
    accepted = references(expected)
    if not accepted:
        return NO_EXPECTED
    answer = normal_form(output)
    return any(answer == normal_form(reference) for reference in accepted)


def normal_form(text: str) -> str:
    """A text as `normalised` compares it.

    >>> normal_form("Caf\\u00e9  \\uff11!")
    'caf\\xe9 1'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(without_citations(text).casefold().split()).rstrip(" .!?\u2026")
