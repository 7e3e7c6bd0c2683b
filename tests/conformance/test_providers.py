"""Every provider keeps the contract."""

from __future__ import annotations

import pytest

from trimtab.kit.clock import SystemClock
from trimtab.ports import Provider
from trimtab.providers.extract import ExtractProvider
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
