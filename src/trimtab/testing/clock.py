"""What every clock does, as tests: subclass and provide the fixture `clock`."""

from __future__ import annotations

from trimtab.ports import Clock

_YEAR_2020_NS = 1_577_836_800_000_000_000


class ClockContract:
    """Everything `ports.Clock` promises."""

    def test_now_is_unix_time_in_whole_nanoseconds(self, clock: Clock) -> None:
        now_ns = clock.now_ns()
        assert isinstance(now_ns, int)
        assert now_ns > _YEAR_2020_NS

    def test_the_monotonic_counter_never_goes_back(self, clock: Clock) -> None:
        readings = [clock.monotonic_ns() for _ in range(1000)]
        assert all(isinstance(reading, int) for reading in readings)
        assert readings == sorted(readings)
