"""Shadow: copies of requests in the background, whose answers go to nobody.

A copy never delays or fails the request it was made of: it is dropped when too many are running,
and an error in it is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

_log = logging.getLogger("trimtab.gateway")


class ShadowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Copies since the process began; `dropped` were never started."""

    running: int
    started: int
    dropped: int
    failed: int


class Shadows:
    """Runs copies, at most `most` at a time."""

    def __init__(self, *, most: int = 64) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = self._dropped = self._failed = 0
        self._closed = False

    @property
    def counts(self) -> ShadowCounts:
        return ShadowCounts(
            running=len(self._tasks),
            started=self._started,
            dropped=self._dropped,
            failed=self._failed,
        )

    def start(
        self, copy: Callable[[], Awaitable[object]], done: Callable[[], None] = lambda: None
    ) -> bool:
        """Run a copy in the background, or drop it: whether it was started. Never raises for it.

        Args:
            done: called when a copy that was started is over.
        """
        if self._closed or len(self._tasks) >= self._most:
            self._dropped += 1
            return False
        self._started += 1
        task = asyncio.create_task(self._supervised(copy))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: done())
        return True

    async def aclose(self, *, limit_s: float = 5.0) -> None:
        """Take no more copies, wait for those that run, and cancel what is left after a limit."""
        self._closed = True
        if not self._tasks:
            return
        try:
            await asyncio.wait(self._tasks, timeout=limit_s)
        finally:
            for task in (left := set(self._tasks)):
                task.cancel()
        if left:
            await asyncio.wait(left)

    async def _supervised(self, copy: Callable[[], Awaitable[object]]) -> None:
        try:
            await copy()
        except Exception as error:
            # Nobody waits for this task, and the copy's own record says more.
            self._failed += 1
            _log.debug("a shadow copy failed: %s", type(error).__name__)
