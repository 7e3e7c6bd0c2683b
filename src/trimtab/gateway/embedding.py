"""Embeddings of texts from a model of the gateway itself, so that they are on record and paid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.dialect import Dialect
from trimtab.errors import ProviderError
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller
from trimtab.kit import jsonx

Asking = Callable[[Dialect, bytes, Caller], Awaitable[Answer]]


class _Row(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Embeddings(msgspec.Struct):
    data: list[_Row]


_read = msgspec.json.Decoder(_Embeddings).decode


class AskedEmbedder:
    """Asks a model for vectors, in the dialect `openai.embeddings`; implements `ports.Embedder`.

    The project of whoever asks pays for them, and none of its keys: a key that may not use the
    model can still have its route cached, and its limits count what it asked for itself.

    Args:
        ask: `Gateway.ask`.
        model: `provider/model`.
        caller: on whose behalf.
    """

    def __init__(self, ask: Asking, model: str, caller: Caller) -> None:
        self.name = model
        self._ask = ask
        self._caller = Caller(
            principal=f"cache:{caller.principal}",
            project=caller.project,
            environment=caller.environment,
            attributes={"trimtab.purpose": "cache"},
        )

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See `ports.Embedder`."""
        if not texts:
            return []
        asked = {"model": self.name, "input": list(texts), "encoding_format": "float"}
        answer = await self._ask(DIALECTS["openai.embeddings"], jsonx.encode(asked), self._caller)
        try:
            body = b"".join([chunk async for chunk in answer.chunks])
        finally:
            await answer.chunks.aclose()
        try:
            rows = sorted(_read(body).data, key=lambda row: row.index)
        except (msgspec.DecodeError, RecursionError):
            rows = []
        if answer.status != 200 or len(rows) != len(texts):
            raise ProviderError(
                f"{self.name} gave no vectors: HTTP {answer.status}",
                fix="see the trace for what it said",
                status=answer.status,
            )
        return [row.embedding for row in rows]
