"""How likely an extracted answer is right: a few features and a logistic curve fitted to them.

Pure numbers. The coefficients are fitted by `python bench/calibrate_extract.py` on the calibration
split of examples/docs_assistant/golden.jsonl (English questions about Trimtab's documentation);
that command prints them, with how well they hold on questions they were not fitted on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["COEFFICIENTS", "INTERCEPT", "Features", "confidence"]


class Features(NamedTuple):
    """What the reader knows about its best sentence.

    Shares are of the summed weights of the question's terms, in [0, 1].
    """

    answered: float
    """Share that the sentence and the headings above it contain."""
    found: float
    """Share that all passages together contain."""
    matched: float
    """log(1 + number of the question's terms in the sentence)."""
    in_sequence: float
    """Share of the question's neighbouring terms that are neighbours in the sentence as well."""


INTERCEPT = -5.89
COEFFICIENTS = Features(answered=4.43, found=1.56, matched=1.73, in_sequence=1.65)


def confidence(features: Features) -> float:
    """Probability that an answer with these features is right, in (0, 1).

    Platt's logistic curve (1999) over several features instead of one margin.

    >>> confidence(Features(0.0, 0.0, 0.0, 0.0)) < 0.1
    True
    """
    logit = INTERCEPT + sum(map(float.__mul__, COEFFICIENTS, features))
    return 1 / (1 + math.exp(-logit))
