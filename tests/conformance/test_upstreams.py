"""Every upstream client keeps the contract."""

from __future__ import annotations

import pytest

from trimtab.kit.http1 import ClientSettings, HTTP1Client
from trimtab.testing.upstream import Client, UpstreamContract, UpstreamResponseContract


class TestHTTP1(UpstreamContract):
    @pytest.fixture
    def client(self) -> Client:
        return lambda **settings: HTTP1Client(ClientSettings(**settings))


class TestAiohttp(UpstreamContract):
    @pytest.fixture
    def client(self) -> Client:
        pytest.importorskip("aiohttp")
        from trimtab.upstreams.aiohttp import AiohttpClient

        return lambda **settings: AiohttpClient(ClientSettings(**settings))


assert issubclass(UpstreamContract, UpstreamResponseContract)
