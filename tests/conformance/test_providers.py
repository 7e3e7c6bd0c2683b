"""Every provider keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.far import compatible
from tests.upstream import upstream_in_thread

from trimtab.kit.clock import SystemClock
from trimtab.ports import Provider
from trimtab.providers.extract import ExtractProvider
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
            yield compatible(upstream.base_url, "acme", api_key="sk-test-0123456789", cards=(card,))

    @pytest.fixture
    def model(self) -> str:
        return "small"
