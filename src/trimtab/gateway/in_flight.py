"""InFlight: how many requests are under way, and when those of a moment are over. No I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial


class _Era:
    """The requests that began between two calls of `over`."""

    __slots__ = ("count", "ended")

    def __init__(self) -> None:
        self.count = 0
        self.ended: asyncio.Event | None = None


class InFlight:
    """Counts requests in one event loop.

    >>> in_flight = InFlight()
    >>> leave = in_flight.enter()
    >>> in_flight.count
    1
    >>> leave(); in_flight.count
    0
    """

    def __init__(self) -> None:
        self.count = 0
        self._era = _Era()
        self._before: list[_Era] = []

    def enter(self, *, counts: bool = True) -> Callable[[], None]:
        """One more; what is returned is called once when it is over.

        Args:
            counts: False for what only has to be waited for.
        """
        size = 1 if counts else 0
        self.count += size
        self._era.count += 1
        return partial(self._leave, self._era, size)

    async def over(self) -> None:
        """Return when all that are under way now are over."""
        era, self._era = self._era, _Era()
        if era.count:
            era.ended = asyncio.Event()
            self._before.append(era)
        for earlier in list(self._before):
            if earlier.ended is not None:
                await earlier.ended.wait()

    def _leave(self, era: _Era, size: int) -> None:
        self.count -= size
        era.count -= 1
        if not era.count and era.ended is not None:
            era.ended.set()
            self._before.remove(era)
