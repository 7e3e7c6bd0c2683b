"""What is particular to the limiter in this process: exact times, and memory that stays small."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Grant, Quota
from trimtab.stores.limits.memory import MemoryLimiter


class ManualClock:
    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns


class Bucket:
    """A limiter with one key whose time is moved by hand."""

    def __init__(self, *, capacity: float, rate_per_s: float) -> None:
        self.clock = ManualClock()
        self.limiter = MemoryLimiter(self.clock)
        self.quota = Quota("k", capacity, rate_per_s)

    def take(self, cost: float, *, after_ns: int = 0) -> Grant:
        self.clock.ns += after_ns
        return self.limiter.take_now(self.quota, cost)


def test_the_wait_of_a_refusal_is_exact() -> None:
    bucket = Bucket(capacity=10, rate_per_s=4)
    assert bucket.take(10).ok
    assert bucket.take(3) == Grant(ok=False, retry_after_s=0.75, left=0)
    assert bucket.take(3, after_ns=500_000_000) == Grant(ok=False, retry_after_s=0.25, left=2)
    assert not bucket.take(3, after_ns=249_999_000).ok
    assert bucket.take(3, after_ns=1_000).ok


def test_a_bucket_never_holds_more_than_its_capacity() -> None:
    bucket = Bucket(capacity=2, rate_per_s=100)
    grants = [bucket.take(1, after_ns=after) for after in (0, 3600 * NS_PER_S, 0, 0)]
    assert [grant.ok for grant in grants] == [True, True, True, False]


takes = st.lists(
    st.tuples(st.integers(0, 2 * NS_PER_S), st.integers(0, 5)), min_size=1, max_size=60
)


@given(takes=takes, rate_per_s=st.integers(1, 50))
def test_grants_are_those_of_exact_arithmetic(
    takes: list[tuple[int, int]], rate_per_s: int
) -> None:
    """Where the bucket holds the cost within rounding, either answer is right."""
    bucket = Bucket(capacity=5, rate_per_s=rate_per_s)
    tokens, elapsed_ns, granted = Fraction(5), 0, 0
    for after_ns, cost in takes:
        elapsed_ns += after_ns
        tokens = min(Fraction(5), tokens + Fraction(after_ns * rate_per_s, NS_PER_S))
        grant = bucket.take(cost, after_ns=after_ns)
        if abs(tokens - cost) > 1e-6:
            assert grant.ok == (tokens > cost)
        if grant.ok:
            tokens = max(Fraction(0), tokens - cost)
            granted += cost
        else:
            assert grant.retry_after_s == pytest.approx(float((cost - tokens) / rate_per_s))
    assert granted <= 5 + rate_per_s * elapsed_ns / NS_PER_S + 1e-6


@given(cost=st.integers(1, 5), rate_per_s=st.floats(0.01, 1000))
def test_whoever_waits_as_told_is_let_through(cost: int, rate_per_s: float) -> None:
    bucket = Bucket(capacity=5, rate_per_s=rate_per_s)
    bucket.take(5)
    refused = bucket.take(cost)
    # The clock counts whole nanoseconds; the wait is rounded up to the next.
    assert bucket.take(cost, after_ns=int(refused.retry_after_s * NS_PER_S) + 1).ok


def test_full_buckets_and_old_budgets_are_forgotten_and_used_ones_are_not() -> None:
    clock = ManualClock()
    limiter = MemoryLimiter(clock)
    slow, fresh = Quota("slow", 1, rate_per_s=1e-6), Quota("fresh", 1)
    assert limiter.take_now(slow, 1).ok
    assert limiter.take_now(fresh, 1).ok
    for i in range(10_000):
        clock.ns += 1_000_000
        limiter.take_now(Quota(f"bucket {i}", 1, rate_per_s=10), 1)
        limiter.take_now(Quota(f"budget {i}", 1, keep_s=0.1), 1)
    assert not limiter.take_now(slow, 1).ok
    assert not limiter.take_now(fresh, 1).ok
    assert len(limiter._meters) < 2_500


def test_a_clock_that_is_set_back_refills_nothing_twice() -> None:
    bucket = Bucket(capacity=10, rate_per_s=1)
    bucket.take(10, after_ns=5 * NS_PER_S)
    assert not bucket.take(1, after_ns=-4 * NS_PER_S).ok
    assert not bucket.take(1, after_ns=4 * NS_PER_S).ok
    assert bucket.take(1, after_ns=NS_PER_S).ok
