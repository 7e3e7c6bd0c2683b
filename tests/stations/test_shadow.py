"""Copies run beside a request, in a bounded number, and never get in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.stations.virtual import VirtualClock

from trimtab.gateway.shadow import Shadows


def lasting(seconds: float, log: list[str] | None = None) -> Callable[[], Awaitable[None]]:
    async def copy() -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if log is not None:
                log.append("cancelled")
            raise
        if log is not None:
            log.append("done")

    return copy


def test_beyond_the_bound_copies_are_dropped_and_counted() -> None:
    async def work() -> None:
        shadows = Shadows(most=3)
        assert [shadows.start(lasting(1)) for _ in range(5)] == [True] * 3 + [False] * 2
        assert (shadows.counts.running, shadows.counts.dropped) == (3, 2)
        await asyncio.sleep(2)
        assert shadows.counts.running == 0
        assert shadows.start(lasting(1))
        await shadows.aclose()

    VirtualClock().run(work())


def test_an_error_in_a_copy_is_counted_and_reaches_nobody() -> None:
    def not_even_a_coroutine() -> Awaitable[None]:
        raise ValueError("broken before it began")

    async def broken() -> None:
        raise RuntimeError("broken")

    async def work() -> None:
        shadows = Shadows()
        assert shadows.start(broken)
        assert shadows.start(not_even_a_coroutine)
        await asyncio.sleep(0.1)
        assert (shadows.counts.started, shadows.counts.failed) == (2, 2)
        await shadows.aclose()

    VirtualClock().run(work())


def test_draining_waits_for_copies_up_to_a_limit_then_cancels_them() -> None:
    clock, log = VirtualClock(), list[str]()

    async def work() -> None:
        shadows = Shadows()
        for seconds in (1, 100):
            shadows.start(lasting(seconds, log))
        began = clock.seconds
        await shadows.aclose(limit_s=5)
        assert log == ["done", "cancelled"]
        assert 4.9 < clock.seconds - began < 5.1
        assert not shadows.start(lasting(1))
        assert (shadows.counts.running, shadows.counts.dropped) == (0, 1)

    clock.run(work())


def test_a_drain_that_is_cancelled_leaves_nothing_running() -> None:
    clock, log = VirtualClock(), list[str]()

    async def work() -> None:
        shadows = Shadows()
        shadows.start(lasting(100, log))
        draining = asyncio.create_task(shadows.aclose(limit_s=50))
        await asyncio.sleep(1)
        draining.cancel()
        await asyncio.wait([draining])
        await asyncio.sleep(0)
        assert log == ["cancelled"]

    clock.run(work())
