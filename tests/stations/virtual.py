"""An event loop whose time is a number: what waits an hour is over at once, and always alike."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
NS_PER_S = 1_000_000_000


class VirtualLoop(asyncio.SelectorEventLoop):
    """Skips the time in which nothing happens, instead of waiting for it."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_Skipping(clock))
        self._virtual = clock

    def time(self) -> float:
        return self._virtual.seconds


class VirtualClock:
    """Implements `ports.Clock` on the time of a `VirtualLoop`, or of a test that moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now_ns(self) -> int:
        return 1_700_000_000 * NS_PER_S + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        return round(self.seconds * NS_PER_S)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(self)) as runner:
            return runner.run(work)


class _Skipping(selectors.DefaultSelector):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("everything waits, and nothing will ever happen")
        if not ready and timeout:
            self._clock.seconds += timeout
        return ready
