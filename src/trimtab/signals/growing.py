"""Growing: how much of a text that grows is settled, and from where it has to be read again.

A stretch such as a key, a link or a row of codes is read as one thing however long it is. While a
stretch goes on, nothing of it is settled, and no reading begins within one.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import re2

from trimtab.signals import characters
from trimtab.signals.encodings import CODES
from trimtab.signals.text import Text

MOST_CHARS = 65_536
"""A stretch that is longer than this is taken apart, unless something was found in it."""

WORD = r"[0-9A-Za-z+/=_.~%&#;\\:@?-]{48,}"
"""A word as long as keys are: tokens, addresses, rows of escapes."""

CODED = tuple(code.pattern for code in CODES)
"""What may be decoded."""


class Stretches(NamedTuple):
    """What is read as one thing, by patterns for RE2."""

    patterns: tuple[str, ...]

    def cut(self, plain: str, at: int) -> int:
        """The last place up to `at` that lies within none of them.

        >>> Stretches((r"<[^>]*>?",)).cut("a <b c", 5), Stretches((r"<[^>]*>?",)).cut("a <b> c", 6)
        (2, 6)
        """
        found = at
        for each in _compiled(self.patterns):
            for one in each.finditer(plain):
                start, end = one.span()
                if start >= found:
                    break
                if found < end:
                    found = start
                    break
        return found


ENCODED = Stretches((WORD, *CODED))
"""Codes that may be decoded, and words that may be parts of them."""


@cache
def _compiled(patterns: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(re2.compile(pattern) for pattern in patterns)


def seen(text: Text, at: int) -> int:
    """The place in `text.plain` of a place in the text as it was given."""
    origins = text.normal.origins
    return at if origins is None else int(np.searchsorted(origins, at, "left"))


def given(text: Text, at: int) -> int:
    """The place in the text as it was given of a place in `text.plain`, with no code split."""
    origins, size = text.normal.origins, len(text.raw)
    if origins is None:
        return at
    place = int(origins[at]) if at < len(origins) else size
    codes = _codes()
    while 0 < place < size and codes.match(text.raw, place) and codes.match(text.raw, place - 1):
        place -= 1
    return place


@cache
def _codes() -> Any:
    """Characters that say something only in a row."""
    return characters.one_of(characters.TAGS + characters.SELECTORS, "")
