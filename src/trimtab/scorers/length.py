"""`length`: how long the answer is, and whether that is within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from trimtab.scorers.definition import Judgement, scorer


@scorer(scale=(0, None), higher_is_better=False)
def length(
    output: str,
    *,
    unit: Literal["characters", "words", "lines"] = "words",
    least: int = 0,
    most: int | None = None,
) -> Judgement:
    """The length of the answer; with bounds, whether it is within them.

    Args:
        unit: words are what white space separates.
        least, most: bounds, both allowed.

    >>> length("one two three").value, length("one two three", most=2).passed
    (3.0, False)
    """
    size = _COUNTS[unit](output)
    reason = f"{size} {unit}"
    if least == 0 and most is None:
        return Judgement(value=float(size), reason=reason)
    return Judgement(passed=least <= size and (most is None or size <= most), reason=reason)


def _words(text: str) -> int:
    return len(text.split())


def _lines(text: str) -> int:
    return len(text.splitlines())


_COUNTS: dict[str, Callable[[str], int]] = {"characters": len, "words": _words, "lines": _lines}
