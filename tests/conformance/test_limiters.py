"""Every limiter passes the same contract."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from trimtab.stores.limits.address import socket_path
from trimtab.stores.limits.client import SocketLimiter
from trimtab.stores.limits.memory import MemoryLimiter
from trimtab.stores.limits.supervisor import LimitServer
from trimtab.stores.limits.valkey import ValkeyLimiter
from trimtab.testing.limits import LimiterContract


class TestMemory(LimiterContract):
    @pytest.fixture
    def limiter(self) -> MemoryLimiter:
        return MemoryLimiter()


class TestSocket(LimiterContract):
    @pytest.fixture
    def limiter(self, tmp_path: Path) -> Iterator[SocketLimiter]:
        """One whose server runs in an event loop, and a thread, of its own."""
        path = socket_path(tmp_path)
        loop = asyncio.new_event_loop()
        thread = Thread(target=loop.run_forever)
        thread.start()
        server = LimitServer(path, MemoryLimiter())
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(60)
        yield SocketLimiter(path)
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@pytest.mark.redis
class TestValkey(LimiterContract):
    @pytest.fixture
    def limiter(self, redis_url: str) -> ValkeyLimiter:
        return ValkeyLimiter.open(redis_url, prefix=f"{uuid4()}:")
