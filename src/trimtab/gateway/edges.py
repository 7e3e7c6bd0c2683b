"""Edges: how far guards can decide a text that grows, and from where they have to read it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.ports import Guard, GuardText

Back = Callable[[int, int], int]
"""The place that lies so many characters before a place."""


class Edges:
    """What the guards of one answer say together."""

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards = guards

    def settled(self, text: GuardText, back: Back) -> int:
        """Up to where no guard needs to see what follows the text, counted from its beginning."""
        end = len(text.text)
        found = [end]
        for guard in self._guards:
            settled = getattr(guard, "settled", None)
            window = guard.window_chars or 0
            found.append(back(end, window) if settled is None else settled(text))
        return max(0, min(found))

    def begins(self, text: GuardText, at: int, back: Back) -> int:
        """From where all guards have to read again to decide what follows a place."""
        found = [at]
        for guard in self._guards:
            begins = getattr(guard, "begins", None)
            window = guard.window_chars or 0
            found.append(back(at, window) if begins is None else begins(text, at))
        return max(0, min(found))
