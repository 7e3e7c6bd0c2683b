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
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from trimtab.errors import InvalidRequest
from trimtab.ports import Grant, Limiter, Quota

T = TypeVar("T")


def with_limiter(limiter: Limiter, work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, run in an event loop of its own that closes the limiter."""

    async def scenario() -> T:
        try:
            return await work()
        finally:
            await limiter.aclose()

    return asyncio.run(scenario())


async def takes(limiter: Limiter, quota: Quota, *amounts: float) -> list[bool]:
    """Whether each of these was granted, one after the other."""
    return [(await limiter.take(quota, amount)).ok for amount in amounts]


class LimiterContract:
    """Everything `ports.Limiter` promises."""

    def test_a_new_bucket_is_full_and_gives_no_more_than_it_holds(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=7, rate_per_s=1e-6)
        granted = with_limiter(limiter, lambda: takes(limiter, quota, *[1] * 10))
        assert granted == [True] * 7 + [False] * 3

    def test_a_budget_that_counted_less_than_was_taken_is_corrected(self, limiter: Limiter) -> None:
        async def work() -> list[float]:
            budget = Quota("k", capacity=20, taken=3)
            told = [budget, budget._replace(taken=8), budget]
            return [(await limiter.take(quota, 1)).left for quota in told]

        assert with_limiter(limiter, work) == [16, 11, 10]

    def test_concurrent_takers_never_get_more_than_capacity_and_refill(
        self, limiter: Limiter
    ) -> None:
        """320 tokens are asked for by 64 takers, over a time in which few come back."""
        quota = Quota("k", capacity=20, rate_per_s=20)

        async def taker() -> int:
            granted = 0
            for _ in range(5):
                granted += (await limiter.take(quota, 1)).ok
                await asyncio.sleep(0.02)
            return granted

        async def race() -> tuple[int, float]:
            start = time.monotonic()
            counts = await asyncio.gather(*[taker() for _ in range(64)])
            return sum(counts), time.monotonic() - start

        granted, elapsed_s = with_limiter(limiter, race)
        # The clock of a limiter may be another than ours.
        assert 20 <= granted <= 20 + 20 * (1.1 * elapsed_s + 0.2)

    def test_a_refused_taker_is_told_when_it_would_be_let_through(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=4, rate_per_s=20)

        async def refused_then_granted() -> tuple[Grant, Grant]:
            await limiter.take(quota, 4)
            refused = await limiter.take(quota, 2)
            await asyncio.sleep(refused.retry_after_s + 0.005)
            return refused, await limiter.take(quota, 2)

        refused, granted = with_limiter(limiter, refused_then_granted)
        assert (refused.ok, refused.amount) == (False, 0)
        assert 0 < refused.retry_after_s <= 2 / 20
        assert (granted.ok, granted.retry_after_s, granted.amount) == (True, 0, 2)

    def test_a_refusal_takes_nothing(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=3, rate_per_s=1e-6)
        granted = with_limiter(limiter, lambda: takes(limiter, quota, 1, 3, 3, 2))
        assert granted == [True, False, False, True]

    def test_a_taker_gets_what_there_is_when_that_is_enough(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=10)

        async def three() -> list[Grant]:
            return [await limiter.take(quota, 8, at_least=least) for least in (8, 2, 1)]

        whole, rest, nothing = with_limiter(limiter, three)
        assert whole == Grant(ok=True, amount=8, left=2)
        assert rest == Grant(ok=True, amount=2, left=0)
        assert nothing == Grant(ok=False, retry_after_s=math.inf, left=0)

    def test_a_budget_never_refills_and_begins_where_it_was_left(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=9_000_000_000_000, taken=8_999_999_999_990)

        async def spend() -> tuple[list[bool], Grant]:
            granted = await takes(limiter, quota, 7, 7)
            await asyncio.sleep(0.02)
            return granted, await limiter.take(quota, 4)

        granted, refused = with_limiter(limiter, spend)
        assert granted == [True, False]
        assert (refused.ok, refused.retry_after_s, refused.left) == (False, math.inf, 3)

    def test_what_is_given_back_can_be_taken_again(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=10)

        async def again() -> list[bool]:
            await limiter.take(quota, 10)
            await limiter.give_back(quota, 4)
            return await takes(limiter, quota, 5, 4, 1)

        assert with_limiter(limiter, again) == [False, True, False]

    def test_no_more_is_given_back_than_was_used(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=10)

        async def too_much() -> list[bool]:
            await limiter.take(quota, 1)
            await limiter.give_back(quota, 100)
            return await takes(limiter, quota, 10, 1)

        assert with_limiter(limiter, too_much) == [True, False]

    def test_debt_is_paid_before_anything_is_granted(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=10)

        async def owing() -> tuple[Grant, Grant]:
            await limiter.take(quota, 4)
            await limiter.give_back(quota, -26)
            refused = await limiter.take(quota, 1)
            await limiter.give_back(quota, 25)
            return refused, await limiter.take(quota, 5)

        refused, granted = with_limiter(limiter, owing)
        assert (refused.ok, refused.left) == (False, -20)
        assert (granted.ok, granted.left) == (True, 0)

    def test_a_debt_refills_at_the_rate(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=10, rate_per_s=100)

        async def owing() -> tuple[Grant, Grant]:
            await limiter.give_back(quota, -15)
            refused = await limiter.take(quota, 1)
            await asyncio.sleep(refused.retry_after_s + 0.005)
            return refused, await limiter.take(quota, 1)

        refused, granted = with_limiter(limiter, owing)
        assert not refused.ok
        assert 0 < refused.retry_after_s <= 6 / 100
        assert granted.ok

    def test_fractions_count(self, limiter: Limiter) -> None:
        """In floating point 0.3 - 0.1 - 0.1 is less than 0.1; a taker must not notice."""
        quota = Quota("k", capacity=0.3, rate_per_s=1e-20)
        assert sum(with_limiter(limiter, lambda: takes(limiter, quota, *[0.1] * 5))) == 3

    def test_large_quotas_count_every_unit(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=9_007_199_254_740_991)
        rest = 9_007_199_254_740_990
        granted = with_limiter(limiter, lambda: takes(limiter, quota, 1, rest, 1))
        assert granted == [True, True, False]

    def test_keys_are_separate(self, limiter: Limiter) -> None:
        keys = ["a", "b", "a b", "é", "{a}", "a\n"]

        async def one_each() -> list[bool]:
            return [(await limiter.take(Quota(key, capacity=1), 1)).ok for key in keys]

        assert with_limiter(limiter, one_each) == [True] * len(keys)

    def test_a_take_of_nothing_is_always_granted(self, limiter: Limiter) -> None:
        quota = Quota("k", capacity=1, rate_per_s=1e-6)

        async def nothing_from_one_in_debt() -> list[Grant]:
            await limiter.give_back(quota, -2)
            return [await limiter.take(quota, 0), await limiter.take(quota, 5, at_least=0)]

        for grant in with_limiter(limiter, nothing_from_one_in_debt):
            assert (grant.ok, grant.amount) == (True, 0)
            assert grant.left == pytest.approx(-1, abs=1e-3)

    @pytest.mark.parametrize(("capacity", "left"), [(2, 1), (100, 99)])
    def test_a_limit_that_was_changed_holds_at_once(
        self, limiter: Limiter, capacity: float, left: float
    ) -> None:
        async def changed() -> Grant:
            await limiter.take(Quota("k", capacity=10), 1)
            return await limiter.take(Quota("k", capacity=capacity), 0)

        assert with_limiter(limiter, changed).left == left

    @pytest.mark.parametrize(
        ("quota", "wanted", "at_least", "where"),
        [
            (Quota("k", 10, 1), 11, None, "wanted"),
            (Quota("k", 10, 1), 20, 11, "wanted"),
            (Quota("k", 10, 1), 2, 3, "wanted"),
            (Quota("k", 10, 1), -1, None, "wanted"),
            (Quota("k", 10, 1), 1, -1, "wanted"),
            (Quota("k", 10, 1), float("nan"), None, "wanted"),
            (Quota("k", 10, 1), float("inf"), 1, "wanted"),
            (Quota("k", 0, 1), 1, None, "capacity"),
            (Quota("k", float("inf"), 1), 1, None, "capacity"),
            (Quota("k", 10, -1), 1, None, "rate_per_s"),
            (Quota("k", 10, float("nan")), 1, None, "rate_per_s"),
            (Quota("k", 10, keep_s=0), 1, None, "keep_s"),
            (Quota("k", 10, taken=-1), 1, None, "taken"),
        ],
    )
    def test_a_take_that_could_never_be_granted_is_refused_with_the_reason(
        self, limiter: Limiter, quota: Quota, wanted: float, at_least: float | None, where: str
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            with_limiter(limiter, lambda: limiter.take(quota, wanted, at_least=at_least))
        assert caught.value.where == where
        assert caught.value.fix

    def test_a_number_that_is_none_is_not_given_back(self, limiter: Limiter) -> None:
        with pytest.raises(InvalidRequest):
            with_limiter(limiter, lambda: limiter.give_back(Quota("k", 10), float("nan")))
