"""Deadline: `asyncio.timeout` for a path that is taken thousands of times a second.

The same promise with a third of the calls: one timer, no state machine, and the loop is passed in,
for asking which loop is running asks the operating system for the process each time (Python 3.11).
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, cast


class Deadline:
    """Ends the block it is entered for with TimeoutError after `delay_s` seconds.

    Args:
        loop: the running loop.

    >>> async def slow() -> None:
    ...     with Deadline(asyncio.get_running_loop(), 0.01):
    ...         await asyncio.sleep(10)
    >>> asyncio.run(slow())
    Traceback (most recent call last):
    ...
    TimeoutError
    """

    __slots__ = ("_cancelling", "_delay_s", "_loop", "_task", "_timer", "expired")

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_s: float) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self.expired = False

    def __enter__(self) -> Deadline:
        self._task = cast("asyncio.Task[Any]", asyncio.current_task(self._loop))
        self._cancelling = self._task.cancelling()
        self._timer = self._loop.call_later(self._delay_s, self._expire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if not self.expired:
            return
        # Somebody else may have cancelled the task as well, and goes first.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()
