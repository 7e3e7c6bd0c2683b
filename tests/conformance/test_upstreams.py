"""Every upstream client keeps the contract."""

from __future__ import annotations

import pytest

from trimtab.kit.http1 import HTTP1Client
from trimtab.testing.upstream import Client, UpstreamContract, UpstreamResponseContract


class TestHTTP1(UpstreamContract):
    @pytest.fixture
    def client(self) -> Client:
        return HTTP1Client


class TestAiohttp(UpstreamContract):
    @pytest.fixture
    def client(self) -> Client:
        pytest.importorskip("aiohttp")
        from trimtab.upstreams.aiohttp import AiohttpClient

        return AiohttpClient


assert issubclass(UpstreamContract, UpstreamResponseContract)
