"""Messages of a conversation and the passages retrieved for it."""

from __future__ import annotations

from typing import Any

from trimtab.records.record import Json, Record


class Message(Record, frozen=True, kw_only=True):
    """One turn of a chat.

    `content` is text, a list of content parts (kept as they came), or None for a turn that only
    calls tools. Tool calls are kept in the wire's own shape, so nothing is lost in between; None,
    as clients send back what they were answered, means the same as no calls.
    """

    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = []
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The readable text of this message; other parts are skipped."""
        return text_of(self.content)


class ToolCall(Record, frozen=True, kw_only=True):
    """A tool that was called: `arguments` as JSON values, text where they were no JSON.

    `result` is what the tool gave back, `error` what went wrong in it; None where neither is known.
    """

    name: str
    arguments: Json = None
    result: Json = None
    error: str | None = None


class TokenLogprob(Record, frozen=True, kw_only=True):
    """A token of an answer with its natural log probability, and those of the likeliest tokens."""

    token: str
    logprob: float
    top: tuple[float, ...] = ()


class Passage(Record, frozen=True, kw_only=True):
    """A piece of a document that a retriever found.

    `id` is stable for the same document and chunking (`docs/gateway.md#routes/2`); `score` is the
    retriever's own scale, higher is better.
    """

    id: str
    text: str
    source: str
    heading: str = ""
    score: float = 0.0


def text_of(value: Json | Message | list[Message]) -> str:
    """The readable text of a message, a list of messages, content parts or plain JSON.

    >>> text_of([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}])
    'Hi'
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Message):
        return value.text
    if isinstance(value, list):
        return "\n".join(text for item in value if (text := text_of(item)))
    if isinstance(value, dict):
        inner = value.get("text", value.get("content", value.get("answer")))
        return text_of(inner) if isinstance(inner, str | list | dict) else ""
    return str(value)
