"""Every retriever keeps the contract."""

from __future__ import annotations

import pytest

from trimtab.retrievers.bm25 import BM25
from trimtab.testing.retriever import Index, RetrieverContract


class TestBM25(RetrieverContract):
    @pytest.fixture
    def index(self) -> Index:
        return BM25


class TestBM25WithoutStemmer(RetrieverContract):
    @pytest.fixture
    def index(self) -> Index:
        return lambda passages: BM25(passages, k1=0.0, b=0.0, stemmer=None)
