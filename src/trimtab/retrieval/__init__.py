"""Retrieval: named corpora of documents, and the retriever for a release's settings."""

from trimtab.retrieval.corpora import Corpora

__all__ = ["Corpora"]
