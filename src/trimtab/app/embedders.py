"""Embedders that run in this process, by what a setting calls them."""

from __future__ import annotations

from trimtab.config.checks import STATIC, is_local_embedder
from trimtab.embeddings import onnx
from trimtab.embeddings.static import StaticEmbedder
from trimtab.ports import Embedder


def local_embedder(named: str) -> Embedder | None:
    """The embedder of a setting; None where it names a model of a provider.

    Raises:
        ConfigError, MissingExtra: it is a folder that holds no model, or nothing here runs it.

    >>> local_embedder("openai/text-embedding-3-small") is None
    True
    """
    if not is_local_embedder(named):
        return None
    if named == STATIC:
        return StaticEmbedder()
    return onnx.opened(named.removeprefix(onnx.PREFIX))
