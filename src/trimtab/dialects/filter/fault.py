"""Errors that point at the place in the text."""

from __future__ import annotations

import unicodedata
from typing import Any

from trimtab.errors import InvalidRequest

_BEFORE, _AFTER = 40, 32


def fault(text: str, start: int, end: int, what: str, *, fix: str, **fields: Any) -> InvalidRequest:
    """An error about `text[start:end]`; `column` counts from 1, `pointer` draws it in two lines.

    >>> fault("cots>1", 0, 4, "there is no field 'cots'", fix="use cost").fields["pointer"]
    'cots>1\\n^^^^'
    """
    return InvalidRequest(
        what,
        where=f"filter, column {start + 1}",
        fix=fix,
        column=start + 1,
        pointer=_pointer(text, start, max(end, start + 1)),
        **fields,
    )


def _pointer(text: str, start: int, end: int) -> str:
    """The text around a place, and carets under the place."""
    left, right = max(0, start - _BEFORE), min(len(text), start + _AFTER)
    before = ("…" if left else "") + _drawn(text[left:start])
    marked = _drawn(text[start : min(end, right)])
    after = _drawn(text[min(end, right) : right]) + ("…" if right < len(text) else "")
    carets = "^" * max(1, _width(marked))
    return f"{before}{marked}{after}\n{' ' * _width(before)}{carets}"


def _drawn(text: str) -> str:
    """One cell or two for each character, so that the carets stand where they should."""
    return "".join(char if char.isprintable() else " " for char in text)


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
