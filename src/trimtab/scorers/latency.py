"""`latency`: how long the answer took."""

from __future__ import annotations

from trimtab.scorers.definition import scorer


@scorer(higher_is_better=False)
def latency(latency_ms: float) -> float:
    """Milliseconds from the request to the end of the answer, as recorded.

    >>> latency(latency_ms=12.5)
    12.5
    """
    return latency_ms
