"""Deadline: `asyncio.timeout` for a path that is taken thousands of times a second.

The same promise with a third of the calls: one timer, no state machine, and the loop is passed in,
for asking which loop is running asks the operating system for the process each time (Python 3.11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
        later = self._loop.call_later if self._timers is None else self._timers.call_later
        self._timer = later(self._delay_s, self._expire)
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
        self._waiting: dict[_Timer, None] = {}
        self._next: asyncio.TimerHandle | None = None

    def call_later(self, delay_s: float, call: Callable[[], None]) -> _Timer:
        """Call back in `delay_s`, the same in every call."""
        timer = _Timer(self._waiting, self._loop.time() + delay_s, call)
        self._waiting[timer] = None
        if self._next is None:
            self._next = self._loop.call_at(timer.when, self._due)
        return timer

    def _due(self) -> None:
        self._next = None
        now = self._loop.time()
        while self._waiting:
            timer = next(iter(self._waiting))
            if timer.when > now:
                self._next = self._loop.call_at(timer.when, self._due)
                return
            del self._waiting[timer]
            timer.call()


class _Timer:
    __slots__ = ("_among", "call", "when")

    def __init__(self, among: dict[_Timer, None], when: float, call: Callable[[], None]) -> None:
        self._among = among
        self.when = when
        self.call = call

    def cancel(self) -> None:
        self._among.pop(self, None)
