"""Tasks of an event loop that go on in the background until they are stopped."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Never

from trimtab.errors import TrimtabError


class Looping(ABC):
    """Does `_loop` in one task; `start` and `stop` are called in the event loop.

    Args:
        name: of the task, as asyncio shows it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; nothing where it has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._loop(), name=self._name)

    async def stop(self) -> None:
        """End at once; a blocking call under way (`kit.threads.finished`) is finished."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    @abstractmethod
    async def _loop(self) -> None:
        """What is done until it is cancelled."""


async def repeated(
    turn: Callable[[], Awaitable[None]], *, every_s: float, log: logging.Logger, failing: str
) -> Never:
    """Do `turn` for ever, `every_s` seconds after the last one ended, whether or not it failed.

    Args:
        failing: what the log says does not work, before the error.
    """
    while True:
        try:
            await turn()
        except TrimtabError as error:
            log.warning("%s: %s", failing, error)
        except Exception:
            log.exception("%s, and that is tried again", failing)
        await asyncio.sleep(every_s)
