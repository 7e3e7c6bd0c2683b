"""Deadline: as `asyncio.timeout`, with the loop passed in."""

from __future__ import annotations

import asyncio

import pytest

from trimtab.kit.deadline import Deadline, Timers


def test_work_in_time_is_not_touched() -> None:
    async def work() -> int:
        with Deadline(asyncio.get_running_loop(), 30) as limit:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not limit.expired
        return 7

    assert asyncio.run(work()) == 7


def test_work_that_takes_too_long_ends_with_a_timeout_and_the_task_goes_on() -> None:
    async def work() -> str:
        with pytest.raises(TimeoutError), Deadline(asyncio.get_running_loop(), 0.01):
            await asyncio.sleep(30)
        await asyncio.sleep(0)
        return "still here"

    assert asyncio.run(work()) == "still here"


def test_a_task_that_others_cancel_is_cancelled_whether_time_is_up_or_not() -> None:
    async def work(delay_s: float) -> None:
        with Deadline(asyncio.get_running_loop(), delay_s):
            await asyncio.sleep(30)

    async def main() -> None:
        for delay_s in (30, 0.005):
            task = asyncio.create_task(work(delay_s))
            await asyncio.sleep(0)
            loop = asyncio.get_running_loop()
            loop.call_later(0.005, task.cancel)
            with pytest.raises((asyncio.CancelledError, TimeoutError)) as caught:
                await task
            if delay_s == 30:
                assert caught.type is asyncio.CancelledError

    asyncio.run(main())


def test_an_error_of_the_work_is_its_own_even_when_time_is_up() -> None:
    async def work() -> None:
        with Deadline(asyncio.get_running_loop(), 0.005):
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                raise ValueError("on the way out") from None

    with pytest.raises(ValueError, match="on the way out"):
        asyncio.run(work())


def test_one_in_another() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        with Deadline(loop, 30) as outer:
            with pytest.raises(TimeoutError), Deadline(loop, 0.005):
                await asyncio.sleep(30)
            await asyncio.sleep(0)
        assert not outer.expired

    asyncio.run(work())


def test_deadlines_that_share_a_timer_each_end_their_own_work_and_no_other() -> None:
    async def work() -> list[str]:
        loop = asyncio.get_running_loop()
        timers = Timers(loop)

        async def one(takes_s: float) -> str:
            try:
                with Deadline(loop, 0.05, timers):
                    await asyncio.sleep(takes_s)
            except TimeoutError:
                return "late"
            return "in time"

        first = await asyncio.gather(one(0), one(30), one(0.001), one(30))
        later = await asyncio.gather(one(30), one(0))
        return [*first, *later]

    assert asyncio.run(work()) == ["in time", "late", "in time", "late", "late", "in time"]
