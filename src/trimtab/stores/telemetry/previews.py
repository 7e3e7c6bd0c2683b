"""Previews: the start of what was asked and answered, for lists of traces only."""

from __future__ import annotations

from typing import Any

from trimtab.kit import jsonx
from trimtab.records import Message, text_of
from trimtab.records.record import Json

PREVIEW_CHARS = 200


def preview_of_input(value: Json) -> str:
    """The start of what was asked: the last user message if there is one, else all text.

    >>> preview_of_input([{"role": "system", "content": "Be brief."},
    ...                   {"role": "user", "content": "Hi"}])
    'Hi'
    """
    if isinstance(value, list):
        for element in reversed(value):
            if _role(element) == "user":
                return _preview(element)
    return _preview(value)


def preview_of_output(value: Json) -> str:
    """The start of what was answered; the JSON itself where it holds no text.

    >>> preview_of_output({"temperature": 21})
    '{"temperature":21}'
    """
    return _preview(value)


def _role(element: Any) -> str | None:
    if isinstance(element, Message):
        return element.role
    role = element.get("role") if isinstance(element, dict) else None
    return role if isinstance(role, str) else None


def _preview(value: Any) -> str:
    text = text_of(value)
    if not text and value and isinstance(value, dict | list):
        text = jsonx.encode(value).decode()
    return text[:PREVIEW_CHARS]
