"""What of a request no message says: names, descriptions of tools, schemas, unknown members."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Members whose words choose something and tell a model nothing, as long as they are no sentences.
_CHOICES = frozenset({"id", "role", "type"})
_WORD = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
# Names of members as shapes have them; others may say anything.
_NAME = re.compile(r"[$A-Za-z_][A-Za-z0-9_]{0,63}")
# Files in base64, with or without the head of a data URL.
_ENCODED = re.compile(r"(?:data:[^,\s]{0,256},)?[A-Za-z0-9+/_-]{256,}={0,2}")

Taken = frozenset[tuple[int, Any]]
"""Places that are read as something else: the `id` of what holds them, and the key there."""


def strings(value: Any, taken: Taken = frozenset()) -> Iterator[str]:
    """Every string of a decoded value in its order, names of members that are no single word too.

    Left out are words that only choose something (`type`, `role`, ids) and files in base64.

    >>> list(strings([{"type": "function", "description": "Adds", "of two": {"strict": True}}]))
    ['Adds', 'of two']
    """
    if isinstance(value, str):
        if value and not is_encoded(value):
            yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            if not _NAME.fullmatch(name):
                yield name
            if (id(value), name) not in taken and not is_choice(name, member):
                yield from strings(member, taken)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            if (id(value), place) not in taken:
                yield from strings(item, taken)


def is_encoded(text: str) -> bool:
    """Whether a string is a file in base64."""
    return _ENCODED.fullmatch(text) is not None


def is_choice(name: str, value: Any) -> bool:
    """Whether a member only chooses something."""
    if name not in _CHOICES and not name.endswith("_id"):
        return False
    return value is None or (isinstance(value, str) and _WORD.fullmatch(value) is not None)
