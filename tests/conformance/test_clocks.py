"""Every clock keeps the contract."""

import pytest

from trimtab.kit.clock import SystemClock
from trimtab.testing.clock import ClockContract


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> SystemClock:
        return SystemClock()
