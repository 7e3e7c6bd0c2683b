"""Gates: cheap patterns that say which costly ones are worth trying, all asked in one pass.

Most texts hold nothing of what a signal looks for. RE2 reads a text once for any number of
patterns, at about 2 ns a character, while asking one by one costs as much for each of them, and as
much again for the encoding of the text.
"""

from __future__ import annotations

from typing import NewType

import re2

Gate = NewType("Gate", int)
"""A pattern by its place among those it is asked with."""

_MEMORY_BYTES = 32 << 20


class Gates:
    """Patterns that are asked together, collected when modules are loaded, compiled when asked.

    A pattern that counts far from many beginnings (`[A-Z][a-z]{25}`) is no gate: with the others it
    makes a state of nearly every character, and RE2 does not turn to its slower engine here.
    """

    def __init__(self) -> None:
        self._patterns: list[str] = []
        self._made: re2.Set | None = None

    def add(self, pattern: str) -> Gate:
        """A further pattern (RE2)."""
        self._patterns.append(pattern)
        self._made = None
        return Gate(len(self._patterns) - 1)

    def open(self, text: str) -> frozenset[Gate]:
        """Which of the patterns stand somewhere in a text."""
        every = self._made
        if every is None:
            self._made = every = self._compiled()
        data = text.encode("utf-8", "replace")  # a lone surrogate opens nothing
        return frozenset(map(Gate, every.Match(data) or ()))

    def _compiled(self) -> re2.Set:
        options = re2.Options()
        options.max_mem = _MEMORY_BYTES
        options.log_errors = False
        every = re2.Set.SearchSet(options)
        for pattern in self._patterns:
            every.Add(pattern)
        every.Compile()
        return every
