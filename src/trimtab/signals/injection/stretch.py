"""Stretches of a text: as much of it as is read at once, with its n-grams.

What bounds memory, however long a text is. Signals that learned from the same n-grams share the
first stretch through `Text.once`, and most texts have no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trimtab.signals.injection.features import BLOCK, MOST_BLOCKS, Grams, grams
from trimtab.signals.injection.view import View, view
from trimtab.signals.text import Text

STRETCH = (MOST_BLOCKS - 2) * BLOCK
"""Characters from one stretch to the next; each takes a window of the next one along."""


class Stretch(NamedTuple):
    """A stretch of a folded text, and where in it it starts."""

    offset: int
    view: View
    grams: Grams


def stretch(folded: str, offset: int = 0) -> Stretch:
    """The stretch that starts there."""
    seen = view(folded[offset : offset + STRETCH + 2 * BLOCK])
    return Stretch(offset, seen, grams(seen))


def beginning(text: Text) -> Stretch:
    """The first stretch, for `Text.once`."""
    return stretch(text.folded)


def stretches(folded: str, first: Stretch | None = None) -> Iterator[Stretch]:
    """All of a text, stretch by stretch; `first` is the first where it was made before."""
    yield first or stretch(folded)
    for offset in range(STRETCH, len(folded) - 2 * BLOCK, STRETCH):
        yield stretch(folded, offset)
