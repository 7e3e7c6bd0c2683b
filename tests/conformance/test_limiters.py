"""Every limiter passes the same contract."""

from __future__ import annotations

from uuid import uuid4

import pytest

from trimtab.stores.limits.memory import MemoryLimiter
from trimtab.stores.limits.valkey import ValkeyLimiter
from trimtab.testing.limits import LimiterContract


class TestMemory(LimiterContract):
    @pytest.fixture
    def limiter(self) -> MemoryLimiter:
        return MemoryLimiter()


@pytest.mark.redis
class TestValkey(LimiterContract):
    @pytest.fixture
    def limiter(self, redis_url: str) -> ValkeyLimiter:
        return ValkeyLimiter.open(redis_url, prefix=f"{uuid4()}:")
