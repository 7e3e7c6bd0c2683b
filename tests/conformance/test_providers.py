"""Every provider keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.upstream import upstream_in_thread

from trimtab.kit.clock import SystemClock
from trimtab.kit.http1 import HTTP1Client
from trimtab.ports import Provider
from trimtab.providers.extract import ExtractProvider
from trimtab.providers.openai_compatible import OpenAICompatible
from trimtab.records import ModelCard
from trimtab.retrievers.bm25 import BM25
from trimtab.testing.provider import ProviderContract
from trimtab.testing.retriever import PASSAGES


class TestExtract(ProviderContract):
    @pytest.fixture
    def provider(self) -> Provider:
        return ExtractProvider(default=BM25(PASSAGES), clock=SystemClock())

    @pytest.fixture
    def model(self) -> str:
        return "extract"


class TestOpenAICompatible(ProviderContract):
    @pytest.fixture
    def provider(self) -> Iterator[Provider]:
        card = ModelCard(id="acme/small", provider="acme")
        with upstream_in_thread(key="sk-test-0123456789") as upstream:
            yield OpenAICompatible(
                "acme", upstream.base_url, "sk-test-0123456789", [card], 30.0, HTTP1Client()
            )

    @pytest.fixture
    def model(self) -> str:
        return "small"
