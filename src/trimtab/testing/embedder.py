"""What every embedder does, as tests: subclass and provide the fixture `embedding`.

    class TestMyEmbedder(EmbedderContract):
        @pytest.fixture
        def embedding(self):
            return opened  # an async context manager that yields one

The contract is about shape; whether vectors say what texts mean must be measured, not asserted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from math import dist, hypot, isfinite

from trimtab.ports import Embedder

Embedding = Callable[[], AbstractAsyncContextManager[Embedder]]
_TEXTS = ("A widget is green.", "Which port?", "", "Grüße, 世界 🚢", "A widget is green.")


_EXACT = 1e-4  # of the length of a vector


def _far(one: list[float], other: list[float]) -> float:
    return dist(one, other) / (hypot(*one) or 1.0)


def _used(embedding: Embedding, use: Callable[[Embedder], Awaitable[None]]) -> None:
    async def work() -> None:
        async with asyncio.timeout(60), embedding() as embedder:
            await use(embedder)

    asyncio.run(work())


class EmbedderContract:
    """Everything `ports.Embedder` promises."""

    def test_each_text_has_one_vector_and_all_have_one_length(self, embedding: Embedding) -> None:
        async def use(embedder: Embedder) -> None:
            vectors = await embedder.embed(_TEXTS)
            assert len(vectors) == len(_TEXTS)
            assert len({len(vector) for vector in vectors}) == 1
            assert all(isfinite(value) for vector in vectors for value in vector)

        _used(embedding, use)

    def test_vectors_come_in_the_order_of_the_texts(self, embedding: Embedding) -> None:
        async def use(embedder: Embedder) -> None:
            there = await embedder.embed(_TEXTS)
            back = await embedder.embed(_TEXTS[::-1])
            for one, same in zip(there, back[::-1], strict=True):
                assert _far(one, same) < _EXACT
            assert _far(there[0], there[-1]) < _EXACT
            assert _far(there[0], there[1]) > _EXACT

        _used(embedding, use)

    def test_nothing_has_no_vectors(self, embedding: Embedding) -> None:
        async def use(embedder: Embedder) -> None:
            assert await embedder.embed([]) == []

        _used(embedding, use)

    def test_it_has_a_name(self, embedding: Embedding) -> None:
        async def use(embedder: Embedder) -> None:
            assert embedder.name

        _used(embedding, use)
