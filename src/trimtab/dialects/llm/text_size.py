"""How much there is to read in a request, for estimates of its tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

_INSIDE = ("content", "output", "arguments")  # of a message, a tool's answer and a call of one


def text_size(contents: Iterable[Any]) -> int:
    """Characters of some contents: texts, or lists of parts, whose files count nothing.

    >>> text_size(["Hello", [{"type": "text", "text": "you"}, {"type": "image_url"}], None])
    8
    """
    total = 0
    for content in contents:
        if isinstance(content, str):
            total += len(content)
        elif isinstance(content, list):
            for part in content:
                text = part.get("text") if isinstance(part, dict) else None
                if isinstance(text, str):
                    total += len(text)
                elif isinstance(part, dict):
                    total += text_size(part[name] for name in _INSIDE if name in part)
    return total


def raw_size(fields: dict[str, msgspec.Raw], *names: str) -> int:
    """Bytes of some fields as they came."""
    return sum(memoryview(fields[name]).nbytes for name in names if name in fields)
