"""Blocking calls in threads, for tasks of an event loop that may be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def finished(call: Callable[[], T]) -> T:
    """A blocking call in a thread, finished even when the caller is cancelled meanwhile.

    What the call uses may be closed as soon as its caller is gone.
    """
    task = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen, so that it is not reported as forgotten
        raise
