"""What a convention is: a table from attribute keys to the fields a span is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

Convert = Callable[[Any], Any]
"""Reads an attribute's value; None says that it is not what it should be and counts as absent."""

Field = Literal[
    "kind",
    "name",
    "title",
    "tool",
    "agent",
    "request_model",
    "session",
    "user",
    "environment",
    "service",
    "prompt",
    "prompt_name",
    "prompt_version",
    "provider",
    "model",
    "failed",
    "error",
    "first_token",
    "first_token_after",
    "input_messages",
    "output_messages",
    "input",
    "output",
    "system",
    "answer_text",
    "answer_calls",
    "conversation",
    "usage",
    "usage_details",
    "tokens_input",
    "tokens_fresh_input",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_cache_write_5m",
    "tokens_cache_write_1h",
    "tokens_audio_input",
    "tokens_output",
    "tokens_reasoning",
    "tokens_audio_output",
    "tokens_total",
    "cost",
    "cost_input",
    "cost_output",
    "tags",
    "metadata",
]
"""What attributes are read into. Most are named after Span's fields. `title` is a name with the
values filled in; `tool`, `agent` and `request_model` tell the kind of a span that does not say it;
`conversation` holds both sides of one; `usage` is counted whole, `usage_details` fill in."""

Rules = tuple[tuple[str, Field, Convert], ...]
"""Keys, the field each feeds, and how its value is read. A key listed twice feeds both fields."""


class Convention(NamedTuple):
    """The table of one convention; of several keys for one field the first that is usable counts.

    `attributes` are exact keys. `lists` are keys of flattened lists: `llm.input_messages` stands
    for `llm.input_messages.0.message.role` and the like, and is converted from (path, value) pairs.
    `below` are prefixes whose entries are wanted under the rest of their key, in the same form.
    """

    name: str
    attributes: Rules = ()
    lists: Rules = ()
    below: Rules = ()
