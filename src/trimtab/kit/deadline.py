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
        timers: of a loop that has many deadlines of one length; its own timer without.

    >>> async def slow() -> None:
    ...     with Deadline(asyncio.get_running_loop(), 0.01):
    ...         await asyncio.sleep(10)
    >>> asyncio.run(slow())
    Traceback (most recent call last):
    ...
    TimeoutError
    """

    __slots__ = ("_cancelling", "_delay_s", "_loop", "_task", "_timer", "_timers", "expired")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, delay_s: float, timers: Timers | None = None
    ) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self._timers = timers
        self.expired = False

    def __enter__(self) -> Deadline:
        self._task = cast("asyncio.Task[Any]", asyncio.current_task(self._loop))
        self._cancelling = self._task.cancelling()
        if self._timers is None:
            self._timer = self._loop.call_later(self._delay_s, self.expire)
        else:
            self._timers.begin(self, self._delay_s)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timers is None:
            self._timer.cancel()
        else:
            self._timers.end(self)
        if not self.expired:
            return
        # Somebody else may have cancelled the task as well, and goes first.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """End the block; what the timer calls."""
        self.expired = True
        self._task.cancel()


class Timers:
    """Timers of one loop that all run equally long and are nearly always cancelled.

    The loop has one timer for all of them: they end in the order they began.

    >>> async def slow() -> None:
    ...     loop = asyncio.get_running_loop()
    ...     with Deadline(loop, 0.01, Timers(loop)):
    ...         await asyncio.sleep(10)
    >>> asyncio.run(slow())
    Traceback (most recent call last):
    ...
    TimeoutError
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[Deadline, float] = {}
        self._next: asyncio.TimerHandle | None = None

    def begin(self, deadline: Deadline, delay_s: float) -> None:
        """Let a deadline expire in `delay_s`, the same in every call."""
        when = self._waiting[deadline] = self._loop.time() + delay_s
        if self._next is None:
            self._next = self._loop.call_at(when, self._due)

    def end(self, deadline: Deadline) -> None:
        """Let go of a deadline, expired or not."""
        self._waiting.pop(deadline, None)

    def _due(self) -> None:
        self._next = None
        now = self._loop.time()
        while self._waiting:
            deadline, when = next(iter(self._waiting.items()))
            if when > now:
                self._next = self._loop.call_at(when, self._due)
                return
            del self._waiting[deadline]
            deadline.expire()
