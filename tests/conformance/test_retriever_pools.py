"""What hands out retrievers keeps the contract."""

from pathlib import Path

import pytest

from trimtab.retrieval.corpora import Corpora
from trimtab.retrievers import build_bm25
from trimtab.testing.retrievers import ANIMALS, RetrieversContract


class TestCorpora(RetrieversContract):
    @pytest.fixture
    def retrievers(self, tmp_path: Path) -> Corpora:
        (tmp_path / "zebras.md").write_text(ANIMALS)
        return Corpora({"animals": tmp_path}, build=build_bm25)
