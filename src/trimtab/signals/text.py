"""A text as signals read it: one object, so that what several of them need is made once.

Signals look at `plain`, which is what a reader sees: without invisible characters, look-alike
letters and styles undone, so that what cannot be seen hides nothing. `raw_span` leads from
there back to the text as it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from trimtab.signals.layer import Layer
    from trimtab.signals.normal import Normal


T = TypeVar("T")


class Text:
    """A text and its views, each made when it is first asked for."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self._made: dict[Callable[[Text], Any], Any] = {}

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
    def layers(self) -> tuple[Layer, ...]:
        """What is encoded in `plain`, decoded; most often nothing."""
        from trimtab.signals.encoded import layers

        return layers(self.plain)

    @cached_property
    def unmarked(self) -> tuple[Layer, ...]:
        """What in `plain` has markup within its words, without it; most often nothing."""
        from trimtab.signals.marked import unmarked

        return unmarked(self.plain)

    @cached_property
    def folded(self) -> str:
        """`plain` without case, character for character: places in it are places in `plain`."""
        plain = self.plain
        lower = plain.lower()
        if len(lower) == len(plain):
            return lower
        # Of all letters, only this one is two in lower case.
        return "\u0130".join(part.lower() for part in plain.split("\u0130"))

    def once(self, make: Callable[[Text], T]) -> T:
        """What `make` makes of the text, made by the first who asks and kept for the others."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """The part of `raw` that stands behind a part of `plain`."""
        return self.normal.raw_span(start, end)
