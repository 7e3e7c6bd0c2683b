"""Model APIs on the wire: requests and answers of each dialect, and one neutral form of both.

`DIALECTS` has every dialect by its name; a dialect is loaded when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.dialects.llm.dialect import Dialect

__all__ = ["DIALECTS"]

# The module of each dialect and the name of it there.
_PLACES = {
    "openai.chat": ("openai_chat", "OPENAI_CHAT"),
    "openai.responses": ("openai_responses", "OPENAI_RESPONSES"),
    "openai.completions": ("openai_completions", "OPENAI_COMPLETIONS"),
    "openai.embeddings": ("openai_embeddings", "OPENAI_EMBEDDINGS"),
    "openai.moderations": ("openai_moderations", "OPENAI_MODERATIONS"),
    "passthrough": ("passthrough", "PASSTHROUGH"),
    "anthropic.messages": ("anthropic_messages", "ANTHROPIC_MESSAGES"),
    "anthropic.count_tokens": ("anthropic_count_tokens", "ANTHROPIC_COUNT_TOKENS"),
    "gemini.generate": ("gemini", "GEMINI_GENERATE"),
    "bedrock.converse": ("bedrock_converse", "BEDROCK_CONVERSE"),
}


class _Dialects(Mapping[str, "Dialect"]):
    """The table above, loaded entry by entry."""

    def __init__(self, places: Mapping[str, tuple[str, str]]) -> None:
        self._places = places
        self._loaded: dict[str, Dialect] = {}

    def __getitem__(self, name: str) -> Dialect:
        dialect = self._loaded.get(name)
        if dialect is None:
            module, attribute = self._places[name]
            dialect = getattr(import_module(f"{__name__}.{module}"), attribute)
            self._loaded[name] = dialect
        return dialect

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


DIALECTS: Mapping[str, Dialect] = _Dialects(_PLACES)
