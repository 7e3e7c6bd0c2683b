"""Any Python value as the text of an attribute: never raises, never longer than a limit."""

from __future__ import annotations

from typing import Any

import msgspec

MAX_CHARS = 1_000_000
_MAX_REPR_CHARS = 1_000
# Without its warnings, which are about the application's models and would be printed by us.
_DUMP: dict[str, Any] = {"mode": "json", "exclude_none": True, "warnings": False}


def text_of(value: Any) -> tuple[str, str]:
    """The text of a value and its media type.

    >>> text_of("plain"), text_of({"a": 1})
    (('plain', 'text/plain'), ('{"a":1}', 'application/json'))
    """
    if isinstance(value, str):
        return limited(value), "text/plain"
    text = json_text(value)
    kind = "application/json" if len(text) <= MAX_CHARS else "text/plain"
    return limited(text), kind


def json_text(value: Any) -> str:
    """JSON of anything; what JSON has no form for is shown as Python shows it."""
    try:
        return _ENCODER.encode(value).decode()
    except Exception:
        return _ENCODER.encode(_shown(value)).decode()


def plain(value: Any) -> Any:
    """Lists, dicts and scalars of a value made of anything; None when there is no such form."""
    try:
        return msgspec.to_builtins(value, enc_hook=_converted, str_keys=True)
    except Exception:
        return None


def loaded(text: Any) -> dict[str, Any]:
    """The object in a JSON text; an empty one when there is none."""
    try:
        found = msgspec.json.decode(text) if isinstance(text, str) else None
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def limited(text: str) -> str:
    """Text that can be encoded, cut at the limit with a note of what is missing."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    if len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]}... ({len(text) - MAX_CHARS} more characters)"


def _converted(value: Any) -> Any:
    """What msgspec does not know: pydantic's models by their data, the rest as it is shown."""
    for name, settings in (("model_dump", _DUMP), ("dict", {})):
        method = getattr(value, name, None)
        if callable(method) and hasattr(type(value), name):
            try:
                return method(**settings)
            except Exception:
                return _shown(value)
    if isinstance(value, (set, frozenset, range)):
        return list(value)
    return _shown(value)


def _shown(value: Any) -> str:
    try:
        text = repr(value)[:_MAX_REPR_CHARS]
    except Exception:
        text = f"<{type(value).__qualname__}>"
    return text.encode("utf-8", "replace").decode()


_ENCODER = msgspec.json.Encoder(enc_hook=_converted, decimal_format="string")
