"""The content blocks of an answer of Anthropic's messages, as events that follow one another."""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.dialects.llm.parts import Other, Part, Reasoning, Refusal, Text, ToolCall

# Blocks of the provider's own tools, besides those whose kind ends in _tool_result.
_OWN = ("server_tool_use", "mcp_tool_use", "container_upload", "compaction")


class Blocks:
    """The blocks of one answer, of which one at a time is open."""

    def __init__(self) -> None:
        self.call: int | None = None  # the index of the call whose block is open
        self.calls: dict[int, None] = {}
        self.lost: dict[str, None] = {}
        self._kind: str | None = None
        self._signed = False
        self._next = 0
        self._arguments: list[str] = []
        self._is_whole = False

    @property
    def may_close(self) -> bool:
        """False while the open block is a call whose arguments are not yet whole."""
        if self.call is None or self._is_whole:
            return True
        self._is_whole = whole_object("".join(self._arguments)) is not None
        return self._is_whole

    def write(self, part: Part) -> list[dict[str, Any]]:
        if isinstance(part, Text | Refusal):
            delta = {"type": "text_delta", "text": part.text}
            return [*self._open("text", {"text": ""}), self._delta(delta)]
        if isinstance(part, ToolCall):
            return self._tool_call(part)
        if isinstance(part, Reasoning):
            return self._thought(part)
        return self._other(part) if isinstance(part, Other) else []

    def close(self) -> list[dict[str, Any]]:
        if self._kind is None:
            return []
        events: list[dict[str, Any]] = []
        if self._kind == "thinking" and not self._signed:
            # Clients throw a turn away whose thinking has no signature at all.
            events.append(self._delta({"type": "signature_delta", "signature": ""}))
        self._kind = self.call = None
        return [*events, {"type": "content_block_stop", "index": self._next - 1}]

    def _open(
        self, kind: str, block: dict[str, Any], *, anew: bool = False
    ) -> list[dict[str, Any]]:
        """Begin a block, unless one of its kind is open."""
        if self._kind == kind and not anew:
            return []
        events = self.close()
        self._kind, self._signed = kind, False
        self._next += 1
        start = {"type": kind, **block}
        return [
            *events,
            {"type": "content_block_start", "index": self._next - 1, "content_block": start},
        ]

    def _delta(self, delta: dict[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self._next - 1, "delta": delta}

    def _thought(self, part: Reasoning) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        if part.text or part.signature:
            sealed = self._kind == "thinking" and self._signed
            events += self._open("thinking", {"thinking": "", "signature": ""}, anew=sealed)
        if part.text:
            events.append(self._delta({"type": "thinking_delta", "thinking": part.text}))
        if part.signature:
            self._signed = True
            events.append(self._delta({"type": "signature_delta", "signature": part.signature}))
        if part.redacted is not None:
            events += self._open("redacted_thinking", {"data": part.redacted}, anew=True)
        return events

    def _tool_call(self, part: ToolCall) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        if part.index != self.call:
            if part.index in self.calls:
                if part.arguments.strip():
                    self.lost["tool_calls"] = None
                return []
            self.calls[part.index] = None
            called = part.id or f"toolu_{len(self.calls)}"
            block = {"id": called, "name": part.name or "", "input": {}}
            events += self._open("tool_use", block, anew=True)
            self.call, self._arguments, self._is_whole = part.index, [], False
        if part.arguments:
            self._arguments.append(part.arguments)
            self._is_whole = False
            delta = {"type": "input_json_delta", "partial_json": part.arguments}
            events.append(self._delta(delta))
        return events

    def _other(self, part: Other) -> list[dict[str, Any]]:
        if part.kind == "citation":
            delta = self._open("text", {"text": ""})
            return [*delta, self._delta({"type": "citations_delta", "citation": part.data})]
        own = part.kind in _OWN or part.kind.endswith("_tool_result")
        if own and isinstance(part.data, dict):
            return self._open(part.kind, part.data, anew=True)
        self.lost[part.kind] = None
        return []


def whole_object(text: str) -> msgspec.Raw | None:
    """A JSON object as it is written; None where the text is not one, or not all of it."""
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return None
    return msgspec.Raw(text.encode())
