"""The same work by several threads at one time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def at_once(work: Callable[[int], T], times: int) -> list[T]:
    """The results of `work(0) ... work(times - 1)`, run by threads that wait for one another."""
    with ThreadPoolExecutor(max_workers=min(times, 16)) as threads:
        return list(threads.map(work, range(times)))
