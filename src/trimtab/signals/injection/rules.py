"""Families of attacks found in a text: weighed by the model, and named in findings; never alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import re2

from trimtab.signals.injection.families import FAMILIES

NAMES = tuple(family.name for family in FAMILIES)
KINDS = tuple(family.kind for family in FAMILIES)


class Hit(NamedTuple):
    """A place in the view where a family's pattern stands."""

    family: int
    start: int
    end: int


def families(text: str) -> list[int]:
    """Which families a view's text has.

    RE2 looks for the words that each cannot do without in one pass, and then for those families
    alone. As one automaton they would make a new state of nearly every place in a new text.
    """
    return sorted(_filter().Match(text) or ())


def hits(text: str, found: list[int], most: int = 20) -> Iterator[Hit]:
    """Where the families that were found stand, at most so many of each."""
    for family in found:
        for number, match in enumerate(_patterns()[family].finditer(text)):
            if number >= most:
                break
            yield Hit(family, match.start(), match.end())


@lru_cache(maxsize=1)
def _filter() -> re2.Filter:
    every = re2.Filter()
    options = re2.Options()
    options.log_errors = False  # of a text that needs more memory, RE2 would tell standard error
    for family in FAMILIES:
        every.Add(family.pattern, options)
    every.Compile()
    return every


@lru_cache(maxsize=1)
def _patterns() -> tuple[re2._Regexp[str], ...]:
    return tuple(_filter().re(family) for family in range(len(FAMILIES)))
