"""The texts a lexical scorer reads, out of whatever a subject holds. Pure and total."""

from __future__ import annotations

from typing import Any

from trimtab.kit import jsonx
from trimtab.records import Message, text_of

_WRAPPERS = ("text", "content", "answer", "role")


def text(value: Any) -> str:
    """The readable text of messages, content parts or any JSON value.

    An object that wraps no text reads as its JSON.

    >>> text([{"role": "assistant", "content": "8321"}]), text({"port": 8321})
    ('8321', '{"port":8321}')
    """
    if isinstance(value, dict) and not any(key in value for key in _WRAPPERS):
        try:
            return jsonx.encode(value).decode()
        except (TypeError, ValueError, OverflowError, RecursionError):
            return str(value)
    return text_of(value)


def question(value: Any) -> str | None:
    """What was asked: the text of the last user message, or of a plain value; None without one.

    >>> question([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    'Hi'
    """
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    turns = value if isinstance(value, list | tuple) else [value]
    roles = [_role(turn) for turn in turns]
    if not any(roles):
        return text(value)
    for turn, role in zip(reversed(turns), reversed(roles), strict=True):
        if role == "user":
            return text(turn)
    return None


def references(expected: Any) -> list[str]:
    """The acceptable answers: one text, or each text of a list of them.

    >>> references("8321"), references(["8321", "port 8321"])
    (['8321'], ['8321', 'port 8321'])
    """
    several = isinstance(expected, list | tuple) and not any(map(_role, expected))
    found = [text(item) for item in expected] if several else [text(expected)]
    return [reference for reference in found if reference.strip()]


def _role(turn: Any) -> str | None:
    if isinstance(turn, Message):
        return turn.role
    role = turn.get("role") if isinstance(turn, dict) else None
    return role if isinstance(role, str) else None
