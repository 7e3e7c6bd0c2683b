"""Writes answers of the responses API from parts: every event of a stream in order, or one body.

Both come from one account of the output items, so the last event of a stream holds what a whole
body would have said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.error_kinds import openai_code_of_failure
from trimtab.dialects.llm.fields import usage_on_wire
from trimtab.dialects.llm.openai_responses_items import REPEATED, part_of, unsealed
from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    Other,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Used,
)
from trimtab.kit import jsonx, sse

_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


class _Item:
    """One item of the output as it grows, and the text of the part that is open in it."""

    __slots__ = ("index", "part", "place", "text", "wire")

    def __init__(self, index: int, wire: dict[str, Any]) -> None:
        self.index = index
        self.wire = wire
        self.part: str | None = None  # the type of the open part
        self.place = 0
        self.text: list[str] = []


class Writer:
    """Writes one answer; see `dialect.Writer`.

    Items of one message follow each other; calls stay open to the end, as fragments of parallel
    calls may come in any order.
    """

    def __init__(self, envelope: Envelope, *, id: str, created_s: int) -> None:
        self._id = id
        self._model = envelope.model
        self._created_s = created_s
        self._same = {name: envelope.fields.get(name, value) for name, value in REPEATED.items()}
        self._sequence = -1
        self._items: list[_Item] = []
        self._current: _Item | None = None  # the open message or reasoning
        self._calls: dict[int, _Item] = {}
        self._finished: Finished | None = None
        self._usage: dict[str, Any] | None = None
        self._error: dict[str, Any] | None = None
        self._status = "in_progress"
        self._refused = False
        self._lost: dict[str, None] = {}

    @property
    def lost(self) -> Sequence[str]:
        return tuple(self._lost)

    def body(self, parts: Sequence[Part]) -> bytes:
        for part in parts:
            self.stream(part)
        self._ended()
        return jsonx.encode(self._response())

    def stream(self, part: Part) -> bytes:
        if self._status != "in_progress":
            return b""
        head = b""
        if self._sequence < 0:
            head = self._begin(part)
        if getattr(part, "choice", 0):
            self._lost["choices"] = None
            return head
        return head + self._say(part)

    def _say(self, part: Part) -> bytes:
        match part:
            case Text():
                return self._speak("output_text", part.text)
            case Refusal():
                self._refused = True
                return self._speak("refusal", part.text)
            case Reasoning():
                return self._think(part)
            case ToolCall():
                return self._call(part)
            case Failed():
                return self._failed(part)
            case Ended():
                return self._ended()
        self._note(part)
        return b""

    def _note(self, part: Part) -> None:
        """Keep what the last event says, and the kinds of what no event can say."""
        match part:
            case Finished():
                self._finished = part
                if part.stop_sequence is not None:
                    self._lost["stop_sequence"] = None
            case Used():
                self._usage = usage_on_wire(part.usage)
            case Other():
                self._lost[part.kind] = None

    # -- the frame -----------------------------------------------------------------------------

    def _begin(self, part: Part) -> bytes:
        if isinstance(part, Began):
            self._id = part.id or self._id
            self._model = part.model or self._model
        begun = self._event("response.created", response=self._response())
        return begun + self._event("response.in_progress", response=self._response())

    def _failed(self, part: Failed) -> bytes:
        self._error = {"code": openai_code_of_failure(part), "message": part.message}
        self._status = "failed"
        return self._close_all() + self._event("response.failed", response=self._response())

    def _ended(self) -> bytes:
        if self._status != "in_progress":
            return b""
        head = b"" if self._sequence >= 0 else self._begin(Began())
        self._status = "completed" if self._reason is None else "incomplete"
        closed = self._close_all()
        return head + closed + self._event(f"response.{self._status}", response=self._response())

    def _close_all(self) -> bytes:
        return self._close() + b"".join(self._close_call(item) for item in self._calls.values())

    @property
    def _reason(self) -> str | None:
        """Why the answer is incomplete, if it is."""
        if self._finished is None:
            return None
        if self._finished.reason == "refusal" and not self._refused:
            return "content_filter"
        if self._finished.reason == "pause":
            return self._finished.word or "pause"
        return _REASONS.get(self._finished.reason)

    def _response(self) -> dict[str, Any]:
        over = self._status != "in_progress"
        reason = self._reason if self._status == "incomplete" else None
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created_s,
            "status": self._status,
            "background": False,
            "error": self._error,
            "incomplete_details": {"reason": reason} if reason else None,
            "model": self._model,
            "output": [item.wire for item in self._items] if over else [],
            "store": False,
            **self._same,
            "usage": self._usage if over else None,
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._sequence += 1
        wire = {"type": kind, "sequence_number": self._sequence, **fields}
        return sse.encode(jsonx.encode(wire), name=kind)

    # -- items ---------------------------------------------------------------------------------

    def _open(self, prefix: str, wire: dict[str, Any]) -> tuple[_Item, bytes]:
        index = len(self._items)
        tail = self._id.removeprefix("resp_")
        item = _Item(index, {"id": f"{prefix}_{tail}_{index}", **wire, "status": "in_progress"})
        self._items.append(item)
        added = self._event("response.output_item.added", output_index=index, item=item.wire)
        return item, added

    def _done(self, item: _Item) -> bytes:
        cut = self._status in ("incomplete", "failed") and item is self._items[-1]
        item.wire["status"] = "incomplete" if cut else "completed"
        return self._event("response.output_item.done", output_index=item.index, item=item.wire)

    def _at(self, item: _Item) -> dict[str, Any]:
        return {"item_id": item.wire["id"], "output_index": item.index}

    def _close(self) -> bytes:
        """Close the message or reasoning that is open, if one is."""
        item, self._current = self._current, None
        return b"" if item is None else self._close_part(item) + self._done(item)

    def _current_of(self, kind: str, prefix: str, wire: dict[str, Any]) -> tuple[_Item, bytes]:
        """The open item of this type; another one that is open is closed first."""
        if self._current is not None and self._current.wire["type"] == kind:
            return self._current, b""
        closed = self._close()
        self._current, added = self._open(prefix, {"type": kind, **wire})
        return self._current, closed + added

    # -- messages ------------------------------------------------------------------------------

    def _speak(self, kind: str, text: str) -> bytes:
        if not text:
            return b""
        item, said = self._current_of("message", "msg", {"role": "assistant", "content": []})
        if item.part != kind:
            said += self._close_part(item) + self._open_part(item, kind)
        item.text.append(text)
        where = {**self._at(item), "content_index": item.place}
        if kind == "output_text":
            where["logprobs"] = []
        return said + self._event(f"response.{kind}.delta", **where, delta=text)

    def _open_part(self, item: _Item, kind: str) -> bytes:
        item.part, item.text = kind, []
        if kind == "summary_text":
            where = {**self._at(item), "summary_index": item.place}
            part = {"type": kind, "text": ""}
            return self._event("response.reasoning_summary_part.added", **where, part=part)
        where = {**self._at(item), "content_index": item.place}
        return self._event("response.content_part.added", **where, part=part_of(kind, ""))

    def _close_part(self, item: _Item) -> bytes:
        kind, item.part = item.part, None
        if kind is None:
            return b""
        text = "".join(item.text)
        part = part_of(kind, text)
        place, item.place = item.place, item.place + 1
        if kind == "summary_text":
            item.wire["summary"].append(part)
            where = {**self._at(item), "summary_index": place}
            done = self._event("response.reasoning_summary_text.done", **where, text=text)
            return done + self._event("response.reasoning_summary_part.done", **where, part=part)
        item.wire["content"].append(part)
        where = {**self._at(item), "content_index": place}
        told = {"refusal": text} if kind == "refusal" else {"text": text, "logprobs": []}
        done = self._event(f"response.{kind}.done", **where, **told)
        return done + self._event("response.content_part.done", **where, part=part)

    # -- reasoning -----------------------------------------------------------------------------

    def _think(self, part: Reasoning) -> bytes:
        """More of a block of reasoning; a seal closes it."""
        said = b""
        if part.redacted is not None:
            said = self._close()
        own_id = unsealed(part.redacted)[0] if part.redacted else ""
        own = {"id": own_id} if own_id else {}  # a seal is bound to it
        item, added = self._current_of("reasoning", "rs", {"summary": [], **own})
        said += added
        if part.text:
            if item.part is None:
                said += self._open_part(item, "summary_text")
            item.text.append(part.text)
            where = {**self._at(item), "summary_index": item.place}
            said += self._event("response.reasoning_summary_text.delta", **where, delta=part.text)
        seal = part.signature or part.redacted
        if seal is not None:
            item.wire["encrypted_content"] = unsealed(seal)[1]
            said += self._close()
        return said

    # -- calls ---------------------------------------------------------------------------------

    def _call(self, part: ToolCall) -> bytes:
        item, said = self._calls.get(part.index), b""
        if item is None:
            said = self._close()
            call_id = part.id or f"call_{self._id}_{part.index}"
            wire = {"call_id": call_id, "name": part.name or "", "arguments": ""}
            item, added = self._open("fc", {"type": "function_call", **wire})
            self._calls[part.index] = item
            said += added
        if part.name and not item.wire["name"]:
            item.wire["name"] = part.name
        if not part.arguments:
            return said
        item.text.append(part.arguments)
        delta = {**self._at(item), "delta": part.arguments}
        return said + self._event("response.function_call_arguments.delta", **delta)

    def _close_call(self, item: _Item) -> bytes:
        arguments = item.wire["arguments"] = "".join(item.text) or "{}"
        done = {**self._at(item), "name": item.wire["name"], "arguments": arguments}
        return self._event("response.function_call_arguments.done", **done) + self._done(item)
