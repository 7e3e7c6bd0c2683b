"""Lane: one thread beside an event loop, for work that must not block it and must keep its order.

What an executor does with a future of each kind, two locks and three turns of the loop takes one
queue here and one turn: half of the processor's time for work that is short.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Done(NamedTuple, Generic[T]):
    """What became of a piece of work."""

    value: T | None = None
    error: BaseException | None = None


class Lane:
    """Does one piece of work after the other; `close` ends the thread.

    >>> async def main() -> Done[int]:
    ...     lane, loop = Lane("example"), asyncio.get_running_loop()
    ...     done: asyncio.Future[Done[int]] = loop.create_future()
    ...     lane.do(loop, lambda: 6 * 7, done.set_result)
    ...     try:
    ...         return await done
    ...     finally:
    ...         lane.close()
    >>> asyncio.run(main())
    Done(value=42, error=None)
    """

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name)
        self._begun = False

    def do(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], T],
        then: Callable[[Done[T]], Any],
    ) -> None:
        """Have `work` done, and `then` called in the loop; never if the loop is closed by then."""

        def turn() -> None:
            try:
                done = Done(work())
            except BaseException as error:
                done = Done(error=error)
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(then, done)

        if not self._begun:
            self._begun = True
            self._thread.start()
        self._queue.put(turn)

    def close(self) -> None:
        """Return when all that was handed in is done. May be called from any thread, once."""
        if self._begun:
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (turn := self._queue.get()) is not None:
            turn()
