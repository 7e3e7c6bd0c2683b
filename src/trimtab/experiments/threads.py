"""Threads that run what would block the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """Daemon threads, as many as there is work at once: one that hangs keeps nobody from leaving.

    Not `asyncio.to_thread`, whose threads are few and are waited for when the process ends.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._free = 0
        self._counting = threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """What a call returns or raises, in the context of whoever asks."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def work() -> None:
            try:
                value = context.run(call)
            except BaseException as error:
                self._deliver(loop, _fail, done, error)
            else:
                self._deliver(loop, _succeed, done, value)

        with self._counting:
            spare = self._free > 0
            if spare:
                self._free -= 1
        self._work.put(work)
        if not spare:
            threading.Thread(target=self._serve, name="trimtab-task", daemon=True).start()
        return await done

    def _serve(self) -> None:
        while True:
            self._work.get()()
            with self._counting:
                self._free += 1

    def _deliver(self, loop: asyncio.AbstractEventLoop, how: Any, *what: Any) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(how, *what)


def _succeed(done: asyncio.Future[T], value: T) -> None:
    if not done.done():
        done.set_result(value)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if done.done():
        return
    if isinstance(error, StopIteration):
        error = RuntimeError("the task raised StopIteration")
    elif not isinstance(error, Exception):
        error = RuntimeError(f"the task raised {type(error).__name__}: {error}")
    done.set_exception(error)
