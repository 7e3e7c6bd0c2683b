"""A slot for what knows names and places better: a model of the language, such as Presidio's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from typing import Any, Protocol

import msgspec

from trimtab.errors import ConfigError


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What a recogniser found, in characters of the text it was given."""

    start: int
    end: int
    kind: str
    score: float


class Recogniser(Protocol):
    """Finds spans in a text. It is called once for a text, and by many threads."""

    def __call__(self, text: str) -> Iterable[Span]: ...


class Presidio:
    """presidio-analyzer as a recogniser; it is imported, and its model loaded, at the first text.

    Args:
        language: as Presidio names it.
        entities: the entity types to ask for, as `PERSON`; None for names, places and groups.
        engine: an `AnalyzerEngine` of your own; None makes one as Presidio does.

    Raises:
        ConfigError: at the first text, where presidio-analyzer is not installed.
    """

    def __init__(
        self,
        *,
        language: str = "en",
        entities: tuple[str, ...] | None = ("PERSON", "LOCATION", "NRP", "ORGANIZATION"),
        engine: Any = None,
    ) -> None:
        self._language = language
        self._entities = list(entities) if entities is not None else None
        self._given = engine

    def __call__(self, text: str) -> list[Span]:
        """What Presidio finds, by its entity types in lower case."""
        found = self._engine.analyze(text=text, language=self._language, entities=self._entities)
        return [
            Span(start=each.start, end=each.end, kind=each.entity_type.lower(), score=each.score)
            for each in found
        ]

    @cached_property
    def _engine(self) -> Any:
        if self._given is not None:
            return self._given
        try:
            engine = import_module("presidio_analyzer").AnalyzerEngine
        except ImportError:
            raise ConfigError(
                "the recogniser Presidio needs presidio-analyzer",
                fix="run: pip install presidio-analyzer, and a spaCy model for the language",
            ) from None
        return engine()
