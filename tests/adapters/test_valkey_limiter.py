"""What is particular to the limiter in a server: sharing, expiry, and a server that is gone."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from trimtab.errors import ConfigError, InvalidRequest, MissingExtra, StoreError
from trimtab.ports import Grant, Quota
from trimtab.stores.limits.valkey import ValkeyLimiter


def slow(key: str) -> Quota:
    return Quota(key, capacity=50, rate_per_s=1e-6)


@pytest.fixture
def prefix() -> str:
    return f"{uuid4()}:"


def take_once(limiter: ValkeyLimiter, *, key: str = "k") -> Grant:
    async def take() -> Grant:
        try:
            return await limiter.take(slow(key), 1)
        finally:
            await limiter.aclose()

    return asyncio.run(take())


@pytest.mark.redis
class TestServer:
    def test_two_limiters_share_a_bucket(self, redis_url: str, prefix: str) -> None:
        async def race() -> int:
            limiters = [ValkeyLimiter.open(redis_url, prefix=prefix) for _ in range(2)]
            takes = [limiters[i % 2].take(slow("k"), 1) for i in range(128)]
            granted = sum(grant.ok for grant in await asyncio.gather(*takes))
            for limiter in limiters:
                await limiter.aclose()
            return granted

        assert asyncio.run(race()) == 50

    def test_another_prefix_is_another_bucket(self, redis_url: str, prefix: str) -> None:
        async def take_all_then_elsewhere() -> bool:
            one = ValkeyLimiter.open(redis_url, prefix=prefix)
            two = ValkeyLimiter.open(redis_url, prefix=prefix + "two:")
            await one.take(slow("k"), 50)
            granted = (await two.take(slow("k"), 50)).ok
            await one.aclose()
            await two.aclose()
            return granted

        assert asyncio.run(take_all_then_elsewhere())

    def test_an_idle_bucket_disappears_once_it_would_be_full(
        self, redis_url: str, prefix: str
    ) -> None:
        async def lifetimes() -> list[int]:
            limiter = ValkeyLimiter.open(redis_url, prefix=prefix)
            await limiter.take(Quota("soon", 10, 10), 5)
            await limiter.take(Quota("late", 10, 0.001), 5)
            await limiter.take(Quota("never", 10, 1e-300), 5)
            await limiter.take(Quota("budget", 10, keep_s=500), 5)
            await limiter.aclose()
            keys = ("soon", "late", "never", "budget")
            async with Redis.from_url(redis_url) as client:
                return [await client.pttl(f"{prefix}{key}") for key in keys]

        soon_ms, late_ms, never_ms, budget_ms = asyncio.run(lifetimes())
        assert 500 <= soon_ms <= 1500
        assert 4_990_000 <= late_ms <= 5_001_000
        assert 2_990_000_000 <= never_ms <= 3_000_000_000  # however slowly: `keep_s`
        assert 490_000 <= budget_ms <= 500_000

    def test_buckets_survive_a_server_that_forgot_the_script(
        self, redis_url: str, prefix: str
    ) -> None:
        async def forget() -> Grant:
            limiter = ValkeyLimiter.open(redis_url, prefix=prefix)
            await limiter.take(slow("k"), 50)
            async with Redis.from_url(redis_url) as client:
                await client.script_flush()
            grant = await limiter.take(slow("k"), 1)
            await limiter.aclose()
            return grant

        assert not asyncio.run(forget()).ok

    def test_connections_the_server_dropped_are_replaced(self, redis_url: str, prefix: str) -> None:
        async def drop() -> Grant:
            limiter = ValkeyLimiter.open(redis_url, prefix=prefix)
            await limiter.take(slow("k"), 1)
            async with Redis.from_url(redis_url) as client:
                await client.client_kill_filter(_type="normal", skipme=True)
            grant = await limiter.take(slow("k"), 1)
            await limiter.aclose()
            return grant

        assert asyncio.run(drop()).ok

    def test_a_wrong_password_is_an_error_that_repeats_none(self, redis_url: str) -> None:
        limiter = ValkeyLimiter.open(redis_url.replace("correct-horse", "wrong-horse"))
        with pytest.raises(StoreError, match=r"127\.0\.0\.1") as caught:
            take_once(limiter)
        assert "horse" not in f"{caught.value!r} {caught.value} {limiter!r}"
        assert caught.value.__suppress_context__

    def test_a_key_of_broken_text_is_refused(self, redis_url: str, prefix: str) -> None:
        with pytest.raises(InvalidRequest):
            take_once(ValkeyLimiter.open(redis_url, prefix=prefix), key="\ud800")


def test_a_server_that_is_gone_is_named_without_the_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        limiter = ValkeyLimiter.open(f"redis://u:correct-horse@127.0.0.1:{port}/3")
        with pytest.raises(StoreError, match=f"redis://127.0.0.1:{port}/3") as caught:
            take_once(limiter)
    assert "horse" not in f"{caught.value!r} {caught.value} {limiter!r}"


def test_a_server_that_does_not_answer_is_an_error_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        limiter = ValkeyLimiter.open(f"valkey://127.0.0.1:{port}?socket_timeout=0.2")
        start = time.monotonic()
        with pytest.raises(StoreError):
            take_once(limiter)
    assert time.monotonic() - start < 60, "a bound against hanging, not a figure"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://u:correct-horse@localhost",
        "redis://",
        "redis://u:correct-horse@localhost:port",
        "redis://u:correct-horse@localhost/first",
        "redis://u:correct-horse@localhost?colour=red",
        "redis://u:12#correct-horse@localhost",
        "redis://u:12/correct-horse@localhost",
        "redis://u:12?correct-horse@localhost",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ValkeyLimiter.open(url)
    assert caught.value.fix
    assert "horse" not in f"{caught.value!r} {caught.value}"


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(MissingExtra, match=r"trimtab\[valkey\]"):
        ValkeyLimiter.open("redis://localhost")


async def changed(limiter: ValkeyLimiter, quota: Quota, before: float) -> float:
    """What is left as soon as it is something else."""
    for _ in range(300):
        left = (await limiter.take(quota, 0)).left
        if left != before:
            return left
        await asyncio.sleep(0.05)
    return before


@pytest.mark.redis
class TestWhatTheDeadHeld:
    BUDGET = Quota("daily", capacity=100)

    def test_the_living_put_back_what_the_dead_held(self, redis_url: str, prefix: str) -> None:
        """Of 50 that were taken 10 came back and 15 were spent: 25 were held."""

        async def work() -> float:
            def opened() -> ValkeyLimiter:
                return ValkeyLimiter.open(redis_url, prefix=prefix, beat_s=0.1, release_s=2)

            dead, alive = opened(), opened()
            await dead.take(self.BUDGET, 50)
            await dead.give_back(self.BUDGET, 10, spent=15)
            await alive.take(self.BUDGET, 7)
            await asyncio.sleep(0.3)  # in which both said that they live
            await dead.aclose()
            left = await changed(alive, self.BUDGET, 100 - 40 - 7)
            await alive.aclose()
            return left

        assert asyncio.run(work()) == 100 - 15 - 7

    def test_who_was_taken_for_dead_holds_again(self, redis_url: str, prefix: str) -> None:
        async def work() -> float:
            limiter = ValkeyLimiter.open(redis_url, prefix=prefix, beat_s=0.1, release_s=60)
            await limiter.take(self.BUDGET, 30)
            await asyncio.sleep(0.3)
            async with Redis.from_url(redis_url) as redis:
                # As after a pause of its own, in which another has put back what it held.
                await redis.zrem(f"{prefix}holders", limiter._name)
                await redis.delete(limiter._own)
                await redis.hset(f"{prefix}daily", "used", "0")
            left = await changed(limiter, self.BUDGET, 100)
            await limiter.aclose()
            return left

        assert asyncio.run(work()) == 70
