"""Writes answers of Anthropic's messages: the events of a stream, and bodies put together of them.

Blocks follow one another: each is closed before the next begins. Where a provider mixes the
fragments of several calls, those of the later ones wait until the call before them is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.dialects.llm.anthropic_blocks import Blocks, whole_object
from trimtab.dialects.llm.anthropic_reader import REASONS
from trimtab.dialects.llm.anthropic_usage import usage_on_wire
from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.error_kinds import anthropic_kind_of_failure
from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    FinishReason,
    Part,
    Refusal,
    ToolCall,
    Used,
)
from trimtab.kit import jsonx, sse
from trimtab.records import Usage

Event = dict[str, Any]

_WORDS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
}
_Key = int | str  # what may share a block: the index of a call, or a kind of content


class MessagesWriter:
    """Writes one answer; see `Writer`."""

    def __init__(self, envelope: Envelope, *, id: str, created_s: int) -> None:
        del created_s  # This dialect tells no times.
        self._id, self._model = id, envelope.model
        self._usage: Usage | None = None
        self._finished: Finished | None = None
        self._begun = self._failed = self._refused = False
        self._blocks = Blocks()
        self._held: list[tuple[_Key, list[Part]]] = []
        self._lost: dict[str, None] = {}

    @property
    def lost(self) -> Sequence[str]:
        return (*self._lost, *self._blocks.lost)

    def stream(self, part: Part) -> bytes:
        events = self._events(part)
        return b"".join(sse.encode(jsonx.encode(event), name=event["type"]) for event in events)

    def body(self, parts: Sequence[Part]) -> bytes:
        message = _Message()
        for part in parts:
            for event in self._events(part):
                if event["type"] == "error":
                    return jsonx.encode(event)
                message.add(event)
        if not any(isinstance(part, Ended) for part in parts):
            for event in self._end():
                message.add(event)
        return jsonx.encode({**message.wire, "id": self._id, "model": self._model})

    def _events(self, part: Part) -> list[Event]:
        if isinstance(part, Used):
            self._usage = part.usage
        elif isinstance(part, Began):
            self._id, self._model = part.id or self._id, part.model or self._model
        elif isinstance(part, Ended):
            return self._end()
        elif isinstance(part, Failed):
            self._failed = True
            error = {"type": anthropic_kind_of_failure(part), "message": part.message}
            return [{"type": "error", "error": error}]
        elif part.choice != 0:
            self._lost["choices"] = None
        elif isinstance(part, Finished):
            self._finished = part
        else:
            self._refused = self._refused or isinstance(part, Refusal)
            return [*self._start(), *self._content(part)]
        return []

    def _start(self) -> list[Event]:
        if self._begun:
            return []
        self._begun = True
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_on_wire(self._usage or Usage()),
        }
        return [{"type": "message_start", "message": message}]

    def _content(self, part: Part) -> list[Event]:
        key = _key(part)
        blocks = self._blocks
        if key != blocks.call and (self._held or not blocks.may_close):
            self._hold(key, part)
            return self._let_go(all=False)
        return blocks.write(part)

    def _hold(self, key: _Key, part: Part) -> None:
        for known, parts in reversed(self._held):
            if known == key:
                parts.append(part)
                return
            if isinstance(key, str):
                break
        self._held.append((key, [part]))

    def _let_go(self, *, all: bool) -> list[Event]:
        events: list[Event] = []
        while self._held and (all or self._blocks.may_close):
            _, parts = self._held.pop(0)
            for part in parts:
                events += self._blocks.write(part)
        return events

    def _end(self) -> list[Event]:
        if self._failed:
            return []
        events = [*self._start(), *self._let_go(all=True), *self._blocks.close()]
        finished = self._finished
        delta = {
            "stop_reason": self._word(),
            "stop_sequence": None if finished is None else finished.stop_sequence,
        }
        usage = usage_on_wire(self._usage or Usage())
        events.append({"type": "message_delta", "delta": delta, "usage": usage})
        return [*events, {"type": "message_stop"}]

    def _word(self) -> str:
        finished = self._finished
        if finished is None:
            return "tool_use" if self._blocks.calls else "end_turn"
        if REASONS.get(finished.word) == finished.reason:
            return finished.word
        if finished.reason == "stop" and self._refused:
            return "refusal"
        if finished.reason == "stop" and finished.stop_sequence is not None:
            return "stop_sequence"
        return _WORDS[finished.reason]


class _Message:
    """The events of an answer put together, as clients do."""

    def __init__(self) -> None:
        self.wire: dict[str, Any] = {}
        self._pieces: dict[str, list[str]] = {}

    def add(self, event: Event) -> None:
        kind = event["type"]
        if kind == "message_start":
            self.wire = event["message"]
        elif kind == "message_delta":
            self.wire |= {**event["delta"], "usage": event["usage"]}
        elif kind == "content_block_start":
            self.wire["content"].append(dict(event["content_block"]))
        elif kind == "content_block_delta":
            self._delta(event["delta"])
        elif kind == "content_block_stop":
            self._stop(self.wire["content"][-1])

    def _delta(self, delta: dict[str, Any]) -> None:
        if delta["type"] == "citations_delta":
            self.wire["content"][-1].setdefault("citations", []).append(delta["citation"])
            return
        for name in ("text", "thinking", "signature", "partial_json"):
            if name in delta:
                self._pieces.setdefault(name, []).append(delta[name])

    def _stop(self, block: dict[str, Any]) -> None:
        for name, pieces in self._pieces.items():
            if name == "partial_json":
                block["input"] = whole_object("".join(pieces)) or {}
            else:
                block[name] = "".join(pieces)
        self._pieces = {}


def _key(part: Part) -> _Key:
    return part.index if isinstance(part, ToolCall) else "content"
