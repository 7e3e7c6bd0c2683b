"""Reads answers of Anthropic's messages: events of a stream and whole bodies.

As for the chat dialect, the usual types are decoded into structs, and an answer with others into
plain values that are put right. Tools that the provider runs itself come as `Other`: a caller must
not run them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm.anthropic_usage import Counts
from trimtab.dialects.llm.error_kinds import ANTHROPIC_STATUSES
from trimtab.dialects.llm.fields import as_dict, as_dicts, plain
from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    FinishReason,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    Used,
)
from trimtab.kit import jsonx, sse

REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
}
NOT_JSON = "the provider's answer is not JSON"


class _Delta(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Event(msgspec.Struct, gc=False):
    type: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    content_block: Any = None
    message: Any = None
    usage: Any = None
    error: Any = None


class _Block:
    """A block that is open: a call, or one kept back until it is whole."""

    __slots__ = ("call", "data", "has_input", "json")

    def __init__(self, *, call: int | None = None, data: dict[str, Any]) -> None:
        self.call = call
        self.data = data
        self.has_input = bool(data.get("input"))
        self.json: list[str] = []


_decode = msgspec.json.Decoder(_Event).decode


class MessagesReader:
    """Reads one answer; see `Reader`."""

    __slots__ = ("_blocks", "_calls", "_counts")

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._counts = Counts()

    def event(self, event: sse.Event) -> Sequence[Part]:
        data = event.data
        if data is None:
            return ()
        try:
            said = _decode(data)
        except (msgspec.DecodeError, RecursionError):
            wire = plain(data)
            if not isinstance(wire, dict):
                return ()
            said = _strange(wire)
        delta = said.delta
        if said.type == "content_block_delta":
            return () if delta is None else self._delta(said.index or 0, delta)
        return self._mark(said)

    def body(self, body: bytes) -> Sequence[Part]:
        wire = plain(body)
        if not isinstance(wire, dict):
            return (Failed(message=NOT_JSON),)
        if wire.get("type") == "error" or wire.get("error"):
            return (failed(wire.get("error") or wire),)
        parts: list[Part] = [_began(wire)]
        for block in as_dicts(wire.get("content")):
            parts += self._whole(block)
        parts += self._why(_strange_delta(wire))
        parts += self._used(wire.get("usage"))
        return [*parts, Ended()]

    def end(self) -> Sequence[Part]:
        """Only `message_stop` ends a stream of this dialect."""
        return ()

    def _mark(self, said: _Event) -> Sequence[Part]:
        """An event that is not a delta of a block."""
        kind = said.type
        if kind == "content_block_start":
            return self._start(said.index or 0, as_dict(said.content_block))
        if kind == "content_block_stop":
            return self._stop(said.index or 0)
        if kind == "message_start":
            message = as_dict(said.message)
            return [_began(message), *self._used(message.get("usage"))]
        if kind == "message_delta":
            return [*self._why(said.delta), *self._used(said.usage)]
        if kind == "message_stop":
            return (Ended(),)
        if kind == "error" or said.error:
            return (failed(said.error or said.message),)
        return ()

    def _delta(self, index: int, delta: _Delta) -> Sequence[Part]:
        if delta.text:
            return (Text(delta.text),)
        if delta.thinking:
            return (Reasoning(text=delta.thinking),)
        if delta.partial_json:
            return self._json(index, delta.partial_json)
        if delta.signature:
            return (Reasoning(signature=delta.signature),)
        if delta.citation:
            return (Other(kind="citation", data=delta.citation),)
        return ()

    def _json(self, index: int, piece: str) -> Sequence[Part]:
        block = self._blocks.get(index)
        if block is None:
            return ()
        block.has_input = True
        if block.call is not None:
            return (ToolCall(index=block.call, arguments=piece),)
        block.json.append(piece)
        return ()

    def _start(self, index: int, block: dict[str, Any]) -> Sequence[Part]:
        kind = block.get("type")
        if kind == "tool_use":
            parts = self._call(block)
            self._blocks[index] = _Block(call=self._calls - 1, data=block)
            return parts
        if kind in ("text", "thinking", "redacted_thinking"):
            return _said(block)
        self._blocks[index] = _Block(data=block)
        return ()

    def _stop(self, index: int) -> Sequence[Part]:
        block = self._blocks.pop(index, None)
        if block is None:
            return ()
        if block.call is not None:
            # A call without arguments has no fragment of them, and is one with an empty object.
            return () if block.has_input else (ToolCall(index=block.call, arguments="{}"),)
        data = block.data
        if block.json:
            given = plain("".join(block.json))
            data = {**data, "input": {} if given is None else given}
        return _other(data)

    def _whole(self, block: dict[str, Any]) -> Sequence[Part]:
        kind = block.get("type")
        if kind == "tool_use":
            call = self._call(block)
            empty = ToolCall(index=self._calls - 1, arguments="{}")
            return call if block.get("input") else [*call, empty]
        if kind in ("text", "thinking", "redacted_thinking"):
            return _said(block)
        return _other(block)

    def _call(self, block: dict[str, Any]) -> list[Part]:
        given = block.get("input")
        self._calls += 1
        name, called = _string(block.get("name")), _string(block.get("id"))
        arguments = _text(given) if given else ""
        return [ToolCall(index=self._calls - 1, id=called, name=name, arguments=arguments)]

    def _why(self, delta: _Delta | None) -> Sequence[Part]:
        if delta is None or not delta.stop_reason:
            return ()
        word = delta.stop_reason
        reason = REASONS.get(word, "stop")
        return (Finished(reason=reason, word=word, stop_sequence=delta.stop_sequence),)

    def _used(self, wire: Any) -> Sequence[Part]:
        usage = self._counts.add(wire)
        return () if usage is None else (Used(usage),)


def failed(error: Any) -> Failed:
    """What an error on the wire says; its text is never empty."""
    fields = as_dict(error)
    kind = _string(fields.get("type")) or ""
    said = fields.get("message") or error
    text = said if isinstance(said, str) else _text(said)
    status = ANTHROPIC_STATUSES.get(kind)
    return Failed(message=text or "an error that cannot be read", kind=kind, status=status)


def _began(message: dict[str, Any]) -> Began:
    return Began(id=_string(message.get("id")), model=_string(message.get("model")))


def _said(block: dict[str, Any]) -> list[Part]:
    """Text or thinking as far as a block has it, which at its start is usually nothing."""
    parts: list[Part] = []
    if text := _string(block.get("text")):
        parts.append(Text(text))
    if thought := _string(block.get("thinking")):
        parts.append(Reasoning(text=thought))
    if signature := _string(block.get("signature")):
        parts.append(Reasoning(signature=signature))
    if block.get("type") == "redacted_thinking":
        parts.append(Reasoning(redacted=_string(block.get("data")) or ""))
    parts += [Other(kind="citation", data=data) for data in as_dicts(block.get("citations"))]
    return parts


def _other(block: dict[str, Any]) -> Sequence[Part]:
    kind = _string(block.get("type"))
    return (Other(kind=kind, data=block),) if kind else ()


# -- answers of any type -----------------------------------------------------------------------


def _strange(wire: dict[str, Any]) -> _Event:
    """An event as far as it can be read, whatever the types in it."""
    index, delta = wire.get("index"), wire.get("delta")
    return _Event(
        type=_string(wire.get("type")),
        index=index if type(index) is int else None,
        delta=_strange_delta(delta) if isinstance(delta, dict) else None,
        content_block=wire.get("content_block"),
        message=wire.get("message"),
        usage=wire.get("usage"),
        error=wire.get("error"),
    )


def _strange_delta(wire: dict[str, Any]) -> _Delta:
    names = [name for name in _Delta.__struct_fields__ if name != "citation"]
    strings = {name: _string(wire.get(name)) for name in names}
    return _Delta(citation=wire.get("citation"), **strings)


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _text(value: Any) -> str:
    """A JSON value as text; empty where it is nested too deep to be written again."""
    try:
        return jsonx.encode(value).decode()
    except RecursionError:
        return ""
