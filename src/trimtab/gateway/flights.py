"""Flights: one of several equal requests asks, and the others wait for its answer.

Nobody waits for more than two requests that fail: then all the rest ask for themselves, so that a
provider that is down is not asked by a queue, one by one. One whose caller goes away has not
failed: another takes its place.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST_FAILURES = 2


class Flight(Generic[T]):
    """One request that is being answered.

    Once `landed` is set, `answer` is for all that waited. Without one, those that waited try next,
    one of them before the others, or each for itself where they are `parted`.
    """

    __slots__ = ("answer", "failures", "landed", "parted")

    def __init__(self, failures: int) -> None:
        self.landed = asyncio.Event()
        self.answer: T | None = None
        self.failures = failures
        self.parted = False


class Flights(Generic[T]):
    """All requests that others may wait for, by key."""

    def __init__(self) -> None:
        self._open: dict[str, Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def of(self, key: str) -> Flight[T] | None:
        return self._open.get(key)

    def begin(self, key: str, *, failures: int = 0) -> Flight[T]:
        """Take a request on, for all that come while it is answered.

        Args:
            failures: how many failed before it, while somebody waited.
        """
        flight = self._open[key] = Flight(failures)
        return flight

    def part(self) -> None:
        """Let nobody else wait for the requests that are being answered."""
        self._open.clear()

    def land(
        self, key: str, flight: Flight[T], answer: T | None, *, failed: bool, parted: bool = False
    ) -> None:
        """The request is over.

        Args:
            parted: it was answered, but not for others.
        """
        if self._open.get(key) is flight:
            del self._open[key]
        flight.answer = answer
        flight.failures += failed
        flight.parted = parted or flight.failures >= _MOST_FAILURES
        flight.landed.set()
