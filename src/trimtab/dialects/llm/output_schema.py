"""The JSON schema that a request wants its answer to match, where a dialect has a place for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import as_dict, plain
from trimtab.kit import jsonx

# Of each dialect the fields that may have a schema, and the way to it from there.
_PLACES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "openai.chat": {"response_format": ("json_schema", "schema")},
    "openai.responses": {"text": ("format", "schema")},
    "anthropic.messages": {"output_config": ("format", "schema"), "output_format": ("schema",)},
}
_MESSAGES = {"openai.responses": "input"}


def output_schema(dialect: str, envelope: Envelope) -> dict[str, Any] | None:
    """The schema, or None; whether it is one is for whoever uses it to find out."""
    for name, path in _PLACES.get(dialect, {}).items():
        raw = envelope.fields.get(name)
        if raw is None:
            continue
        value = plain(bytes(raw))
        for key in path:
            value = as_dict(value).get(key)
        if isinstance(value, dict):
            return value
    return None


def continued(
    dialect: str, envelope: Envelope, changes: Mapping[str, Any], said: str, reply: str
) -> dict[str, Any]:
    """`changes`, and those that add an answer and what the user says to it to the messages."""
    name = _MESSAGES.get(dialect, "messages")
    raw = changes.get(name, envelope.fields.get(name, msgspec.Raw(b"[]")))
    data = bytes(raw) if isinstance(raw, msgspec.Raw) else jsonx.encode(raw)
    data = data.strip()
    if data.startswith(b'"'):
        data = b'[{"role":"user","content":' + data + b"}]"
    turns = [{"role": "assistant", "content": said}, {"role": "user", "content": reply}]
    head = data[:-1].rstrip()
    between = b"" if head == b"[" else b","
    return {**changes, name: msgspec.Raw(head + between + jsonx.encode(turns)[1:])}
