"""Redaction: what is hidden in a record before anything is stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from trimtab.guards.case import Case
from trimtab.guards.edits import apart, placeholder
from trimtab.records import Span
from trimtab.signals.signal import Signal
from trimtab.signals.text import Text

_log = logging.getLogger("trimtab.guards")

SURE = 0.5
"""Findings that are less sure stay in the record."""

_OURS = "trimtab."
_QUOTING = frozenset({"trimtab.attempts"})  # of ours, those that quote providers
_NAMES = ("name", "model", "session", "user")  # A person's data may be in them; a secret may not.
_SHORTEST = 6  # characters: nothing shorter is a secret or a person's data
_ENCODED_CHARS = 4096  # of one word: what is longer is a file in base64
_DEEPEST = 100


class Redaction:
    """Hides the findings of some signals, and the values behind the tokens of a call."""

    def __init__(self, signals: Sequence[Signal], case: Case | None = None) -> None:
        self._signals = tuple(signals)
        self._secrets = tuple(one for one in self._signals if one.name == "secrets")
        self._case = case or Case()

    def spans(self, spans: Sequence[Span]) -> list[Span]:
        """Spans as they may be stored."""
        return [self.span(span) for span in spans]

    def span(self, span: Span) -> Span:
        """A span as it may be stored; the same one where nothing is hidden.

        Where that cannot be told, it goes on record without what it says.
        """
        try:
            return self._hidden(span)
        except Exception as error:
            # A signal may be anybody's, and what it could not look at may be a secret.
            _log.error("a record could not be redacted: %s", type(error).__name__)
            attributes = {k: v for k, v in span.attributes.items() if not _quotes(k)}
            attributes["trimtab.redaction"] = "failed"
            return msgspec.structs.replace(
                span,
                name=span.kind,
                model=None,
                session=None,
                user=None,
                input=None,
                output=None,
                error=None,
                attributes=attributes,
            )

    def _hidden(self, span: Span) -> Span:
        changes: dict[str, Any] = {}
        for name in ("input", "output", "error"):
            value = getattr(span, name)
            if value and (new := self.value(value)) is not value:
                changes[name] = new
        for name in _NAMES if self._secrets else ():
            value = getattr(span, name)
            if value and (new := self._without(value, self._secrets)) != value:
                changes[name] = new
        given = {key: one for key, one in span.attributes.items() if _quotes(key)}
        if given and (new := self.value(given)) is not given:
            changes["attributes"] = {**span.attributes, **new}
        return msgspec.structs.replace(span, **changes) if changes else span

    def value(self, value: Any) -> Any:
        """Anything made of JSON's types, with the same parts wherever nothing is hidden."""
        return _walked(value, self.text, 0)

    def text(self, text: str) -> str:
        """A text with placeholders for what is hidden."""
        if len(text) < _SHORTEST or _is_encoded(text):
            return text
        return self._without(self._case.vault.hidden(text), self._signals)

    def _without(self, text: str, signals: Sequence[Signal]) -> str:
        found = []
        view = Text(text)
        for signal in signals:
            found += [one for one in self._case.read(signal, view).findings if one.score >= SURE]
        if not found:
            return text
        parts: list[str] = []
        at = 0
        for one in apart(found):
            parts += (text[at : one.start], placeholder(one.kind))
            at = one.end
        return "".join([*parts, text[at:]])


def _quotes(key: str) -> bool:
    """Whether an attribute may say what others said; the rest of Trimtab's own quotes nobody."""
    return not key.startswith(_OURS) or key in _QUOTING


def _is_encoded(text: str) -> bool:
    return len(text) > _ENCODED_CHARS and not any(char in text[:_ENCODED_CHARS] for char in " \n")


def _walked(value: Any, change: Callable[[str], str], depth: int) -> Any:
    if isinstance(value, str):
        new = change(value)
        return value if new == value else new
    if depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        items = {key: _walked(item, change, depth + 1) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in value) else value
    if isinstance(value, list | tuple):
        found = [_walked(item, change, depth + 1) for item in value]
        if all(new is old for new, old in zip(found, value, strict=True)):
            return value
        return type(value)(found)
    return value
