"""Allowance: what writing a template may take: turns of `range`, and time of the processor.

A template is a program. Loops within loops, macros that call each other twice and prompts that take
in another twice can go on for years without writing a word, so whatever they repeat is a step, and
steps end when the time is over. Nested in one another, all of them share one allowance.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

MOST_S = 1.0
"""Seconds of processor time; a prompt of 100 kB takes five thousandths of one."""

_MOST_TURNS = 10_000
_EVERY = 16  # steps between two looks at the clock, which costs as much as some steps


class OutOfTime(OverflowError):
    """A template takes longer than it may."""


class Allowance:
    """What is left of it. Belongs to one thread."""

    def __init__(self) -> None:
        self._until_s = time.thread_time() + MOST_S
        self._turns = _MOST_TURNS
        self._steps = 0

    def step(self) -> None:
        """Raises OutOfTime."""
        self._steps += 1
        if not self._steps % _EVERY and time.thread_time() > self._until_s:
            raise OutOfTime(f"it takes more than {MOST_S:g} s to be written")

    def range(self, numbers: range) -> None:
        """Raises OverflowError."""
        self._turns -= len(numbers) + 1
        if self._turns < 0:
            raise OverflowError(f"range() counts to more than {_MOST_TURNS} in all")


_CURRENT: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def bounded() -> Iterator[Allowance]:
    """The allowance that there is, or a new one until the end of the block."""
    current = _CURRENT.get() or Allowance()
    token = _CURRENT.set(current)
    try:
        yield current
    finally:
        _CURRENT.reset(token)


def current_allowance() -> Allowance:
    """That of the rendering which goes on; where none does, one for this moment."""
    return _CURRENT.get() or Allowance()


def counted(items: Iterable[Any]) -> Iterator[Any]:
    """What a loop goes through, each of them a step."""
    allowance = current_allowance()
    for item in items:
        allowance.step()
        yield item


def counted_range(*bounds: int) -> range:
    """`range` of a template. Raises OverflowError."""
    numbers = range(*bounds)
    current_allowance().range(numbers)
    return numbers
