from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.stations.embedding import Vectors
from tests.stations.wiring import CALLER, wired

from trimtab.gateway.embedding import AskedEmbedder
from trimtab.ports import Embedder
from trimtab.testing.embedder import EmbedderContract, Embedding


class TestAskedEmbedder(EmbedderContract):
    @pytest.fixture
    def embedding(self, tmp_path: Path) -> Embedding:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Embedder]:
            async with wired(tmp_path, providers=[Vectors()]) as room:
                yield AskedEmbedder(room.gateway.ask, "vec/small", CALLER)

        return opened
