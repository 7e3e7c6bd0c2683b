"""A column as the content of a prompt: its words as templates, its settings over the prompt's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.playground.column import Column
from trimtab.records import Message, Prompt, Shots, Variable
from trimtab.records.prompt import Syntax

_MARKS = {"jinja": ("{{", "{%", "{#"), "mustache": ("{{",)}


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a version of a prompt would say."""

    messages: tuple[Message, ...]
    syntax: Syntax = "jinja"
    declared: tuple[Variable, ...] = ()
    shots: Shots | None = None
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | None = None


def content_of(column: Column, stored: Prompt | None, *, with_messages: bool) -> Content:
    """The content of a column.

    Args:
        stored: the prompt that it names, if it names one.
        with_messages: its conversation too, which else is only what it was tried with; a column
            that has no other words has it in any case.
    Raises:
        InvalidRequest: a message of the conversation cannot stand in a template.
    """
    own = _own(column, stored)
    turns: Sequence[Message] = ()
    if with_messages or not own.messages:
        turns = [literal(turn, own.syntax, place) for place, turn in enumerate(column.messages)]
    return msgspec.structs.replace(
        own,
        messages=(*own.messages, *turns),
        parameters={**own.parameters, **column.parameters},
        tools=own.tools if column.tools is None else column.tools,
        output_schema=own.output_schema if column.output_schema is None else column.output_schema,
    )


def literal(turn: Message, syntax: Syntax, place: int) -> Message:
    """A message as a template that is nothing but its text. Raises InvalidRequest."""
    message = Message(**{name: getattr(turn, name) for name in Message.__struct_fields__})
    text = message.content
    if not isinstance(text, str) or not any(mark in text for mark in _MARKS[syntax]):
        return message
    if syntax == "jinja" and "endraw" not in text:
        return msgspec.structs.replace(message, content=f"{{% raw %}}{text}{{% endraw %}}")
    raise InvalidRequest(
        f"the message would be read as a template in {syntax}",
        where=f"messages[{place}].content",
        fix="leave the conversation out, or take the braces out of it",
    )


def _own(column: Column, stored: Prompt | None) -> Content:
    if stored is not None:
        names = Content.__struct_fields__
        return Content(**{name: getattr(stored, name) for name in names})
    if column.draft is not None:
        draft = column.draft
        messages = tuple(
            Message(**{name: getattr(turn, name) for name in Message.__struct_fields__})
            for turn in draft.messages
        )
        return Content(messages=messages, syntax=draft.syntax, declared=draft.declared)
    return Content(messages=())
