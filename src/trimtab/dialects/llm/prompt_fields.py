"""What a prompt brings beside its messages, as fields of a request: tools, a schema, parameters.

A prompt has them in the shape of OpenAI's chat completions. In another dialect they are what a
request with them says and one without them does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.dialect import Dialect, Envelope
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.records import Prompt

_CHAT = "openai.chat"
_BARE: dict[str, Any] = {"model": "-", "messages": [{"role": "user", "content": "-"}]}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
# Dialects whose requests are those of another, for what they do not translate themselves.
_SAME = {"anthropic.count_tokens": "anthropic.messages"}
_COUNTED = frozenset({"tools", "tool_choice", "thinking"})  # what has tokens, and is taken there
# Fields in which the caller may say one thing and the prompt another.
_SHARED = frozenset({"text", "output_config"})


class Fields(NamedTuple):
    """Changes to a request's fields, and the names of what could not be said in its dialect."""

    changes: Mapping[str, Any] = {}
    lost: tuple[str, ...] = ()


def brought(dialect: Dialect, envelope: Envelope, prompt: Prompt) -> Fields:
    """A prompt's tools and its output schema; what the caller says of them wins."""
    wire = _wire(prompt)
    if "functions" in envelope.fields:
        wire.pop("tools", None)
    if not (dialect.translates or dialect.name in _SAME):
        return Fields(lost=tuple(wire))
    try:
        found = spoken(dialect, wire)
    except InvalidRequest:  # A dialect of one text refuses tools.
        return Fields(lost=tuple(wire))
    changes = {}
    for name, value in found.changes.items():
        own = envelope.fields.get(name)
        if own is None:
            changes[name] = value
        elif name in _SHARED and isinstance(value, dict) and bytes(own).startswith(b"{"):
            changes[name] = {**value, **msgspec.json.decode(own, type=dict[str, msgspec.Raw])}
    return Fields(changes, found.lost)


def spoken(dialect: Dialect, wire: Mapping[str, Any]) -> Fields:
    """Fields of a chat completion in another dialect; those that it does not know stay as they are.

    Raises:
        InvalidRequest: a field is not of the type that chat completions have for it.
    """
    if not wire or dialect.name == _CHAT:
        return Fields(wire)
    if dialect.name in _SAME:
        said = _spoken(_SAME[dialect.name], jsonx.encode(wire)).changes
        return Fields({name: said[name] for name in said if name in _COUNTED})
    return _spoken(dialect.name, jsonx.encode(wire)) if dialect.translates else Fields(wire)


def _wire(prompt: Prompt) -> dict[str, Any]:
    wire: dict[str, Any] = {}
    if prompt.tools:
        wire["tools"] = list(prompt.tools)
    schema = prompt.output_schema
    if schema is not None:
        if schema.get("type") != "json_schema":
            name = _NOT_IN_NAMES.sub("_", prompt.name)[:64]
            schema = {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
        wire["response_format"] = schema
    return wire


@lru_cache(maxsize=1024)
def _spoken(dialect: str, encoded: bytes) -> Fields:
    wire = msgspec.json.decode(encoded, type=dict[str, Any])
    limit = wire.get("max_completion_tokens", wire.get("max_tokens"))
    # Some dialects need a limit and have one of their own, which must not hide the same number.
    bare = {**_BARE, "max_tokens": limit + 1} if isinstance(limit, int) else _BARE
    without, _, _ = _asked(dialect, bare)
    asked, unknown, lost = _asked(dialect, {**_BARE, **wire})
    changes = {name: value for name, value in asked.items() if without.get(name) != value}
    changes |= {name: wire[name] for name in unknown if name in wire}
    return Fields(changes, lost)


def _asked(
    dialect: str, wire: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    chat = DIALECTS[_CHAT]
    question = chat.question(chat.envelope(jsonx.encode(wire)))
    asked = DIALECTS[dialect].ask(question, model="-")
    body: dict[str, Any] = msgspec.json.decode(asked.body)
    return body, question.lost, asked.lost
