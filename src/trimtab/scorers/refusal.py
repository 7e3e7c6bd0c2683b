"""`refusal`: whether the answer declines to answer."""

from __future__ import annotations

from trimtab.scorers.definition import scorer
from trimtab.signals.refusal import declines


@scorer(scale="binary", higher_is_better=False)
def refusal(output: str) -> float:
    """Whether the answer refuses or says that it does not know, 1 or 0, by English phrases.

    It looks at the first two sentences: a refusal comes first, and what comes later is a caveat.

    >>> refusal("I'm sorry, but I can't help with that."), refusal("The port is 8321.")
    (1.0, 0.0)
    """
    return float(declines(output))
