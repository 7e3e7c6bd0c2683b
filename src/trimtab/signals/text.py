"""A text as signals read it: one object, so that what several of them need is made once.

Signals look at `plain`, which is what a reader sees: without invisible characters, look-alike
letters and styles undone, so that what cannot be seen hides nothing. `raw_span` leads from
there back to the text as it was given.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.signals.normal import Normal


class Text:
    """A text and its views, each made when it is first asked for."""

    def __init__(self, raw: str) -> None:
        self.raw = raw

    @cached_property
    def normal(self) -> Normal:
        """The normalised text, where its characters came from, and what was undone."""
        from trimtab.signals.normal import normal  # which needs arrays

        return normal(self.raw)

    @property
    def plain(self) -> str:
        """The text as it is seen; of ASCII without control characters, the text itself."""
        return self.normal.text

    @cached_property
    def folded(self) -> str:
        """`plain` without case, character for character: places in it are places in `plain`."""
        plain = self.plain
        lower = plain.lower()
        if len(lower) == len(plain):
            return lower
        return "".join(low if len(low := char.lower()) == 1 else char for char in plain)

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """The part of `raw` that stands behind a part of `plain`."""
        return self.normal.raw_span(start, end)
