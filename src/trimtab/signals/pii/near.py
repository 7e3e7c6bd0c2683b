"""Where a slow pattern is worth trying: near what a quick one, which lets more through, found.

`re` tries a pattern at every place, RE2 reads on in one pass and cannot look around. So RE2 says
where, and `re` decides there. What is found is the same as in the whole text, if a match has one of
the quick pattern's finds in it or over it and is no longer than `reach`: matches that could get in
each other's way are then in one part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ENOUGH = 100
"""Finds after which the parts must leave half of a text out, or the rest of it is one part."""


def near(quick: re.Pattern[str], text: str, reach: int) -> Iterator[tuple[int, int]]:
    """The parts of a text around what `quick` (RE2) finds, so many characters on either side."""
    first = last = -1
    covered = 0
    for number, found in enumerate(quick.finditer(text), 1):
        start, end = found.span()
        start = max(0, start - reach)
        if first < 0:
            first = start
        elif start > last:
            yield first, last
            covered += last - first
            first = start
        last = min(len(text), end + reach)
        if number % _ENOUGH == 0 and 2 * (covered + last - first) > last:
            last = len(text)
            break
    if first >= 0:
        yield first, last
