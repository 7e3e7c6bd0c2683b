"""Time as people read it, and as durations need it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trimtab.kit.clock import NS_PER_MS, SystemClock, iso

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INT64 = st.integers(0, (1 << 63) - 1)


@given(INT64)
def test_a_time_is_written_in_utc_and_cut_to_the_millisecond(ns: int) -> None:
    text = iso(ns)
    assert text.endswith("Z")
    assert len(text) == len("2023-11-14T22:13:20.123Z")
    # Whole milliseconds by timedelta's own arithmetic, which has no floating point in it.
    since = datetime.fromisoformat(text) - EPOCH
    assert since // timedelta(milliseconds=1) == ns // NS_PER_MS
    assert since % timedelta(milliseconds=1) == timedelta(0)


@given(INT64, INT64)
def test_times_written_sort_as_they_passed(one: int, other: int) -> None:
    if one // NS_PER_MS < other // NS_PER_MS:
        assert iso(one) < iso(other)


def test_the_system_clock_tells_unix_time_and_a_counter_that_never_goes_back() -> None:
    clock = SystemClock()
    before = datetime.now(UTC)
    told = clock.now_ns()
    after = datetime.now(UTC)
    assert before - timedelta(milliseconds=1) <= EPOCH + timedelta(microseconds=told // 1000)
    assert EPOCH + timedelta(microseconds=told // 1000) <= after + timedelta(milliseconds=1)
    counted = [clock.monotonic_ns() for _ in range(1000)]
    assert counted == sorted(counted)
