"""Retrievers: documents in, the passages that fit a question out. All in memory, no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.records import Retrieval
from trimtab.retrievers.bm25 import BM25
from trimtab.retrievers.chunk import chunk_markdown

__all__ = ["build_bm25"]


def build_bm25(settings: Retrieval, documents: Sequence[tuple[str, str]]) -> BM25:
    """A BM25 index over chunked Markdown documents, given as (name, text).

    Raises:
        InvalidRequest: a setting is outside its range.

    >>> settings = Retrieval(corpus="docs", chunk_words=60)
    >>> index = build_bm25(settings, [("docs/a.md", "# Ports\\nThe port is 8321.")])
    >>> [passage.id for passage in index.search("port", k=1)]
    ['docs/a.md#ports/0']
    """
    passages = [
        passage
        for name, text in documents
        for passage in chunk_markdown(text, source=name, chunk_words=settings.chunk_words)
    ]
    return BM25(passages, k1=settings.k1, b=settings.b, stemmer=settings.stemmer)
