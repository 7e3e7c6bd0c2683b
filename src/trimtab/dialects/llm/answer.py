"""What the record of a call keeps of its answer: parts in, one message with its usage out.

Whatever dialect an answer came in, its parts fold to one message in OpenAI's chat shape. Of a huge
answer the beginning is kept; nothing here raises for a strange one.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    FinishReason,
    Other,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Used,
)
from trimtab.records import Usage

MAX_TEXT_BYTES = 8 << 20
"""Of one answer so much text is kept for the record: its content, refusal, reasoning and calls."""
CONTENT = (Text, Refusal, Reasoning, ToolCall, Other)
"""Parts that the caller waits for: the first of them is the first token."""

_MAX_NAME_CHARS = 1_000  # Of a model, an id, a reason: one that is longer is none of these.
_MAX_ERROR_CHARS = 10_000
_MAX_TOOL_CALLS = 1_000


class Fold:
    """Takes the parts of an answer as it passes and keeps what the record needs.

    Only the first of several choices is kept. After `MAX_TEXT_BYTES` of text `truncated` becomes
    True and the rest is left out; `complete` says that the answer's end was seen.

    >>> fold = Fold()
    >>> fold.take([Text("Hel"), Text("lo"), Finished(reason="stop"), Ended()])
    True
    >>> fold.message, fold.complete
    ({'role': 'assistant', 'content': 'Hello'}, True)
    """

    def __init__(self) -> None:
        self.id: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.finished: Finished | None = None
        self.reasons: set[FinishReason] = set()  # of all choices
        self.error: str | None = None
        self.complete = False
        self.truncated = False
        self._room_bytes = MAX_TEXT_BYTES
        self._text = StringIO()
        self._extra: dict[str, StringIO] = {}
        self._tool_calls: dict[int, _Call] = {}

    def take(self, parts: Sequence[Part]) -> bool:
        """Take some parts, in order; return whether there was content for the caller."""
        content = False
        for part in parts:
            if type(part) is Text:
                content = True
                if part.choice == 0:
                    self._keep(self._text, part.text)
            elif isinstance(part, CONTENT):
                content = True
                if part.choice == 0:
                    self._content(part)
            else:
                self._mark(part)
        return content

    @property
    def text(self) -> str:
        return self._text.getvalue()

    @property
    def refusal(self) -> str:
        return self._said("refusal")

    @property
    def reasoning(self) -> str:
        return self._said("reasoning_content")

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls in OpenAI's shape, in the order of their places."""
        return [call.wire for _, call in sorted(self._tool_calls.items())]

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended, in the provider's own word where it has one."""
        return None if self.finished is None else self.finished.word or self.finished.reason

    @property
    def message(self) -> dict[str, Any]:
        """The answer as one message in the shape of OpenAI's chat."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        message |= {key: text.getvalue() for key, text in self._extra.items()}
        if self._tool_calls:
            message["tool_calls"] = self.tool_calls
        return message

    def _said(self, key: str) -> str:
        kept = self._extra.get(key)
        return "" if kept is None else kept.getvalue()

    def _content(self, part: Part) -> None:
        if isinstance(part, ToolCall):
            self._tool_call(part)
        elif isinstance(part, Reasoning) and part.text:
            self._keep(self._extra.setdefault("reasoning_content", StringIO()), part.text)
        elif isinstance(part, Refusal) and part.text:
            self._keep(self._extra.setdefault("refusal", StringIO()), part.text)

    def _mark(self, part: Part) -> None:
        if isinstance(part, Used):
            self.usage = part.usage
        elif isinstance(part, Began):
            self.id = _name(part.id) or self.id
            self.model = _name(part.model) or self.model
        elif isinstance(part, Finished):
            self.reasons.add(part.reason)
            if part.choice == 0 and len(part.word) <= _MAX_NAME_CHARS:
                self.finished = part
        elif isinstance(part, Failed):
            self.error = part.message[:_MAX_ERROR_CHARS] or part.kind or "an error without a text"
        elif isinstance(part, Ended):
            self.complete = True

    def _keep(self, kept: StringIO, text: str) -> None:
        """Add a text, or as much of it as there is room for."""
        size_bytes = len(text) if text.isascii() else len(text.encode())
        if size_bytes > self._room_bytes:
            self.truncated = True
            text = text.encode()[: self._room_bytes].decode(errors="ignore")
            size_bytes = self._room_bytes
        self._room_bytes -= size_bytes
        kept.write(text)

    def _tool_call(self, part: ToolCall) -> None:
        """Merge a fragment: id and name come once, arguments piece by piece."""
        call = self._tool_calls.get(part.index)
        if call is None:
            if len(self._tool_calls) >= _MAX_TOOL_CALLS:
                self.truncated = True
                return
            call = self._tool_calls[part.index] = _Call()
        call.id = _name(part.id) or call.id
        call.name = _name(part.name) or call.name
        self._keep(call.arguments, part.arguments)


class _Call:
    """A tool call that comes in fragments."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.arguments = StringIO()

    @property
    def wire(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": self.arguments.getvalue()}
        return {"id": self.id, "type": "function", "function": function}


def _name(value: str | None) -> str | None:
    return value if value and len(value) <= _MAX_NAME_CHARS else None
