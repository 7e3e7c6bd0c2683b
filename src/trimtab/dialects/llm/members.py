"""Members of a request decoded as a guard must see them: what a provider reads, or nothing at all.

Of an object that has a member twice, readers take either one. What a guard passed would not be what
a model is told, so such a request is refused.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.dialects.llm.fields import plain
from trimtab.errors import InvalidRequest


def items(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    """The members of a list, or the one value there is."""
    if raw is None:
        return []
    data = bytes(raw).lstrip()
    if not data.startswith(b"["):
        return [raw]
    return msgspec.json.decode(data, type=list[msgspec.Raw])


def whole(raw: msgspec.Raw, name: str) -> Any:
    """A value that may be written again. Raises InvalidRequest where it would not be the same."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise _unread(name) from None
    return _single(bytes(raw), value, name)


def shown(data: bytes, name: str) -> Any:
    """A value that is only looked at: it may have numbers beyond Python's.

    Raises:
        InvalidRequest: it is no JSON, or an object in it has a member twice.
    """
    value = plain(data)
    if value is None and data.strip() != b"null":
        raise _unread(name)
    return _single(data, value, name)


def _unread(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"{name!r} cannot be read",
        where=name,
        fix="send JSON without halves of surrogate pairs",
    )


def _single(data: bytes, value: Any, name: str) -> Any:
    if names_twice(data, value):
        raise InvalidRequest(
            f"an object in {name!r} has a member twice", where=name, fix="send one of them"
        )
    return value


def names_twice(data: bytes, value: Any) -> bool:
    """Whether an object in this JSON text has a member twice, of which readers take either one.

    Args:
        value: what the text decodes to.

    >>> names_twice(b'[{"a": ":", "a": 2}]', [{"a": 2}])
    True
    """
    unescaped = data
    if b"\\" in data:
        unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    written = sum(part.count(b":") for part in unescaped.split(b'"')[::2])
    return written != _members(value)


def _members(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_members, value.values()))
    if isinstance(value, list):
        return sum(map(_members, value))
    return 0
