"""Retrieval."""

from __future__ import annotations

from typing import Protocol

from trimtab.records import (
    Passage,
    Retrieval,
)


class Retriever(Protocol):
    def search(self, query: str, *, k: int) -> list[Passage]:
        """The k best passages, best first; fewer when fewer match, none when nothing does."""
        ...


class Retrievers(Protocol):
    """Hands out the retriever for a release's settings, building its index once."""

    def retriever(self, settings: Retrieval) -> Retriever:
        """Raises NotFound when the corpus does not exist."""
        ...
