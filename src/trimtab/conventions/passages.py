"""What a retriever or reranker found, as passages: {"id", "text", "source", "score"}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.conventions.convert import mapping, text, value
from trimtab.conventions.flattened import Pairs, objects

_TEXTS = ("text", "content", "page_content", "pageContent", "document", "memory")
_IDS = ("id", "document_id", "doc_id", "chunk_id")
_SOURCES = ("source", "doc_uri", "file_path", "file_name", "url", "uri", "title")
_SCORES = ("score", "relevance_score", "similarity")
_PASSAGE = frozenset({"id", "text", "source", "score"})
_NOTHING: Mapping[str, Any] = {}
_WRAPPERS = ("documents", "results", "matches", "output", "data")


def flattened(pairs: Pairs) -> list[dict[str, Any]] | None:
    """Passages that came as one attribute per leaf."""
    return [passage(found) for found in objects(pairs)] or None


def recorded(raw: Any) -> list[dict[str, Any]] | None:
    """Passages in an attribute's value, which may be JSON text."""
    return passages(value(raw))


def passages(found: Any) -> list[dict[str, Any]] | None:
    """The passages in a list of documents of any known shape; None when it is not one.

    >>> passages([{"page_content": "Hi", "metadata": {"source": "a.md"}}])
    [{'id': None, 'text': 'Hi', 'source': 'a.md', 'score': None}]
    """
    if isinstance(found, dict):
        found = next((found[key] for key in _WRAPPERS if isinstance(found.get(key), list)), None)
    if not isinstance(found, list) or not found:
        return None
    if all(type(item) is dict and item.keys() == _PASSAGE for item in found):
        return found  # as they were read already
    read = [_document(item) for item in found]
    return None if None in read else read  # type: ignore[return-value]  # no None is left


def passage(found: Mapping[Any, Any]) -> dict[str, Any]:
    """One document as a passage; what its metadata knows fills in what it does not say itself."""
    about = (mapping(found["metadata"]) if "metadata" in found else None) or _NOTHING
    return {
        "id": text(_first(found, _IDS)) or text(_first(about, _IDS)),
        "text": _said(_first(found, _TEXTS)),
        "source": text(_first(found, _SOURCES)) or text(_first(about, _SOURCES)),
        "score": _number(_first(found, _SCORES)) or _number(_first(about, _SCORES)),
    }


def _document(item: Any) -> dict[str, Any] | None:
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("kwargs"), dict):  # LangChain's serialised form
        item = item["kwargs"]
    if item.keys().isdisjoint(_TEXTS) and item.keys().isdisjoint(_IDS):
        return None
    return passage(item)


def _said(found: Any) -> str | None:
    return text(found.get("text")) if isinstance(found, dict) else text(found)


def _number(found: Any) -> float | None:
    return found if type(found) is float or type(found) is int else None


def _first(found: Mapping[Any, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if name in found and (value := found[name]) is not None:
            return value
    return None
