"""Waiting for what comes to be: a test says what must hold, not how long that takes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

LIMIT_S = 60.0
_EVERY_S = 0.02
_TURN_S = 0.005


def until(
    holds: Callable[[], object],
    what: str = "it never came true",
    *,
    limit_s: float = LIMIT_S,
    every_s: float = _EVERY_S,
) -> None:
    """Look again and again until it holds; the time that looking takes does not count."""
    pause = threading.Event()
    for _ in range(int(limit_s / every_s)):
        if holds():
            return
        pause.wait(every_s)
    raise AssertionError(what)


async def eventually(holds: Callable[[], object], what: str = "it never came true") -> None:
    """`until`, while the event loop goes on."""
    for _ in range(int(LIMIT_S / _TURN_S)):
        if holds():
            return
        await asyncio.sleep(_TURN_S)
    raise AssertionError(what)
