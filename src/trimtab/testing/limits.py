"""What every limiter does, as tests: subclass and provide the fixture `limiter`.

    class TestMyLimiter(LimiterContract):
        @pytest.fixture
        def limiter(self):
            return MyLimiter()

`limiter` is not connected yet; each test uses it in one event loop and closes it. Real time passes,
so bounds are generous to a slow machine and strict where it matters: never too much.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from trimtab.errors import InvalidRequest
from trimtab.ports import Grant, Limiter

T = TypeVar("T")

ROUNDING = 1e-6


def with_limiter(limiter: Limiter, work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, run in an event loop of its own that closes the limiter."""

    async def scenario() -> T:
        try:
            return await work()
        finally:
            await limiter.aclose()

    return asyncio.run(scenario())


class LimiterContract:
    """Everything `ports.Limiter` promises."""

    def test_a_new_bucket_is_full_and_gives_no_more_than_it_holds(self, limiter: Limiter) -> None:
        async def take_all() -> list[Grant]:
            shape = {"cost": 1, "capacity": 7, "rate_per_s": 1e-6}
            return [await limiter.take("k", **shape) for _ in range(10)]

        grants = with_limiter(limiter, take_all)
        assert [grant.ok for grant in grants] == [True] * 7 + [False] * 3

    def test_concurrent_takers_never_get_more_than_capacity_and_refill(
        self, limiter: Limiter
    ) -> None:
        capacity, rate_per_s = 20.0, 200.0

        async def taker(stop_at: float) -> int:
            granted = 0
            while time.monotonic() < stop_at:
                grant = await limiter.take("k", cost=1, capacity=capacity, rate_per_s=rate_per_s)
                granted += grant.ok
                await asyncio.sleep(0)
            return granted

        async def race() -> tuple[int, float]:
            start = time.monotonic()
            counts = await asyncio.gather(*[taker(start + 0.3) for _ in range(64)])
            return sum(counts), time.monotonic() - start

        granted, elapsed_s = with_limiter(limiter, race)
        assert capacity <= granted <= capacity + rate_per_s * elapsed_s + ROUNDING

    def test_a_refused_taker_is_told_when_it_would_be_let_through(self, limiter: Limiter) -> None:
        shape = {"capacity": 4.0, "rate_per_s": 20.0}

        async def refused_then_granted() -> tuple[Grant, Grant]:
            await limiter.take("k", cost=4, **shape)
            refused = await limiter.take("k", cost=2, **shape)
            await asyncio.sleep(refused.retry_after_s + 0.005)
            return refused, await limiter.take("k", cost=2, **shape)

        refused, granted = with_limiter(limiter, refused_then_granted)
        assert not refused.ok
        assert 0 < refused.retry_after_s <= 2 / 20
        assert granted == Grant(ok=True, retry_after_s=0.0)

    def test_a_refusal_takes_nothing(self, limiter: Limiter) -> None:
        shape = {"capacity": 3.0, "rate_per_s": 1e-6}

        async def large_then_small() -> list[bool]:
            costs = (1.0, 3.0, 3.0, 2.0)
            return [(await limiter.take("k", cost=cost, **shape)).ok for cost in costs]

        assert with_limiter(limiter, large_then_small) == [True, False, False, True]

    def test_fractions_of_a_token_count(self, limiter: Limiter) -> None:
        """In floating point 0.3 - 0.1 - 0.1 is less than 0.1; a taker must not notice."""

        async def tenths() -> int:
            shape = {"cost": 0.1, "capacity": 0.3, "rate_per_s": 1e-20}
            return sum([(await limiter.take("k", **shape)).ok for _ in range(5)])

        assert with_limiter(limiter, tenths) == 3

    def test_large_buckets_count_every_token(self, limiter: Limiter) -> None:
        async def almost_all() -> list[bool]:
            shape = {"capacity": 12_345_678.0, "rate_per_s": 1e-6}
            costs = (1.0, 12_345_677.0, 1.0)
            return [(await limiter.take("k", cost=cost, **shape)).ok for cost in costs]

        assert with_limiter(limiter, almost_all) == [True, True, False]

    def test_keys_are_separate(self, limiter: Limiter) -> None:
        keys = ["a", "b", "a b", "é", "{a}", "a\n"]

        async def one_each() -> list[bool]:
            shape = {"cost": 1, "capacity": 1, "rate_per_s": 1e-6}
            return [(await limiter.take(key, **shape)).ok for key in keys]

        assert with_limiter(limiter, one_each) == [True] * len(keys)

    def test_a_take_of_nothing_is_always_granted(self, limiter: Limiter) -> None:
        shape = {"capacity": 1.0, "rate_per_s": 1e-6}

        async def nothing_from_an_empty_bucket() -> Grant:
            await limiter.take("k", cost=1, **shape)
            return await limiter.take("k", cost=0, **shape)

        assert with_limiter(limiter, nothing_from_an_empty_bucket).ok

    def test_a_bucket_follows_a_limit_that_was_lowered(self, limiter: Limiter) -> None:
        async def full_then_lowered() -> list[bool]:
            await limiter.take("k", cost=1, capacity=100, rate_per_s=1e-6)
            shape = {"cost": 1, "capacity": 2, "rate_per_s": 1e-6}
            return [(await limiter.take("k", **shape)).ok for _ in range(3)]

        assert with_limiter(limiter, full_then_lowered) == [True, True, False]

    @pytest.mark.parametrize(
        ("cost", "capacity", "rate_per_s", "where"),
        [
            (11, 10, 1, "cost"),
            (-1, 10, 1, "cost"),
            (float("nan"), 10, 1, "cost"),
            (1, 0, 1, "capacity"),
            (1, float("inf"), 1, "capacity"),
            (1, 10, 0, "rate_per_s"),
            (1, 10, float("nan"), "rate_per_s"),
        ],
    )
    def test_a_take_that_could_never_be_granted_is_refused_with_the_reason(
        self, limiter: Limiter, cost: float, capacity: float, rate_per_s: float, where: str
    ) -> None:
        async def take() -> Grant:
            return await limiter.take("k", cost=cost, capacity=capacity, rate_per_s=rate_per_s)

        with pytest.raises(InvalidRequest) as caught:
            with_limiter(limiter, take)
        assert caught.value.where == where
        assert caught.value.fix
