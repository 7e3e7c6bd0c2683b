"""Reads answers of the responses API: typed events of a stream, and whole bodies.

A stream has no terminator of its own: `response.completed`, `.incomplete` and `.failed` end it, and
carry the usage. Built-in tools and what else has no part of its own come as `Other`, when done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec

from trimtab.dialects.llm.fields import (
    as_dict,
    as_dicts,
    as_text,
    plain,
    usage_of,
    without_halves,
)
from trimtab.dialects.llm.openai_responses_items import call, failed, name_of, seal, thoughts
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
from trimtab.kit import sse

_PARAGRAPH = "\n\n"


class _Event(msgspec.Struct, gc=False):
    """The fields of an event that mean something here; any of them may be of any type."""

    type: Any = None
    delta: Any = None
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None


class _Whole(_Event, gc=False):
    """Those that only a few events have."""

    item: Any = None
    response: Any = None
    annotation: Any = None
    error: Any = None
    code: Any = None
    message: Any = None


_event = msgspec.json.Decoder(_Event).decode
_whole = msgspec.json.Decoder(_Whole).decode


class Reader:
    """Reads one answer; see `dialect.Reader`."""

    __slots__ = ("_began", "_calls", "_items", "_open", "_over", "_refused", "_thought")

    def __init__(self) -> None:
        self._began = False
        self._over = False
        self._refused = False
        self._items: set[Any] = set()  # output indexes of which something was said
        self._calls: dict[Any, int] = {}  # output index of a function call to its place
        self._open: dict[str, dict[Any, int]] = {}  # the places of items that are not done
        self._thought: Any = None  # the paragraph of reasoning said last

    def event(self, event: sse.Event) -> Sequence[Part]:
        data = event.data
        if data is None or self._over:
            return ()
        try:
            said = _event(data)
        except (msgspec.DecodeError, RecursionError):
            return self._strange(event)
        kind = said.type
        if kind == "response.output_text.delta":
            if isinstance(said.delta, str) and said.delta:
                self._said(said)
                return (Text(said.delta, 0, self._place("text", _key(said.output_index))),)
            return ()
        if kind.__class__ is not str:
            kind = event.name
        delta = self._DELTAS.get(kind)
        if delta is not None:
            return delta(self, said) if isinstance(said.delta, str) and said.delta else ()
        whole = self._WHOLES.get(kind)
        return () if whole is None else self._read(whole, data)

    def body(self, body: bytes) -> Sequence[Part]:
        wire = plain(body)
        if not isinstance(wire, dict):
            return (Failed(message="the provider's answer is not JSON"),)
        if wire.get("error") and "output" not in wire:
            return (failed(wire["error"]),)
        return (*self._begin(wire), *self._end(wire))

    def end(self) -> Sequence[Part]:
        return ()

    def _strange(self, event: sse.Event) -> Sequence[Part]:
        """An event that is no object, or holds half a surrogate pair; that can be mended, once."""
        mended = without_halves(event.data or "")
        return () if mended == event.data else self.event(event._replace(data=mended))

    def _read(self, whole: Callable[[Reader, _Whole], Sequence[Part]], data: str) -> Sequence[Part]:
        try:
            return whole(self, _whole(data))
        except (msgspec.DecodeError, RecursionError):
            return ()

    def _said(self, said: _Event) -> None:
        self._items.add(_key(said.output_index))

    def _place(self, kind: str, index: Any) -> int:
        """The place of an item's text of one kind: texts of items that come by turns are several.

        Those of items that follow each other are one text, as clients join them.
        """
        places = self._open.setdefault(kind, {})
        place = places.get(index)
        if place is None:
            taken = places.values()
            place = places[index] = next(n for n in range(len(places) + 1) if n not in taken)
        return place

    def _close(self, index: Any) -> None:
        for places in self._open.values():
            places.pop(index, None)

    # -- deltas --------------------------------------------------------------------------------

    def _refusal(self, said: _Event) -> Sequence[Part]:
        self._said(said)
        self._refused = True
        return (Refusal(said.delta, 0, self._place("refusal", _key(said.output_index))),)

    def _reasoning(self, said: _Event) -> Sequence[Part]:
        self._said(said)
        paragraph = (said.output_index, said.summary_index, said.content_index)
        last, self._thought = self._thought, paragraph
        follows = last is not None and last != paragraph and last[0] == paragraph[0]
        text = _PARAGRAPH + said.delta if follows else said.delta
        return (Reasoning(text=text, item=self._place("reasoning", _key(said.output_index))),)

    def _arguments(self, said: _Event) -> Sequence[Part]:
        self._said(said)
        index = self._calls.setdefault(_key(said.output_index), len(self._calls))
        return (ToolCall(index=index, arguments=said.delta),)

    # -- whole events --------------------------------------------------------------------------

    def _started(self, said: _Whole) -> Sequence[Part]:
        return self._begin(as_dict(said.response))

    def _begin(self, wire: dict[str, Any]) -> Sequence[Part]:
        if self._began:
            return ()
        self._began = True
        return (Began(id=name_of(wire.get("id")), model=name_of(wire.get("model"))),)

    def _added(self, said: _Whole) -> Sequence[Part]:
        item = as_dict(said.item)
        if item.get("type") != "function_call":
            return ()
        index = self._calls.setdefault(_key(said.output_index), len(self._calls))
        arguments = as_text(item.get("arguments"))
        if arguments:
            self._said(said)
        return (call(item, index, arguments),)

    def _done(self, said: _Whole) -> Sequence[Part]:
        index = _key(said.output_index)
        parts = self._last(as_dict(said.item), index)
        self._close(index)
        return parts

    def _last(self, item: dict[str, Any], index: int) -> Sequence[Part]:
        """What the end of an item says that was not said before."""
        if index in self._items:
            return seal(item, thought=True) if item.get("type") == "reasoning" else ()
        self._items.add(index)
        known = self._calls.get(index)
        if known is None:
            return self._item(item, index)
        arguments = as_text(item.get("arguments"))
        return (ToolCall(index=known, arguments=arguments),) if arguments else ()

    def _annotated(self, said: _Whole) -> Sequence[Part]:
        return (Other(kind="annotation", data=said.annotation),)

    def _closed(self, said: _Whole) -> Sequence[Part]:
        wire = as_dict(said.response)
        return (*self._begin(wire), *self._end(wire))

    def _error(self, said: _Whole) -> Sequence[Part]:
        self._over = True
        return (failed(said.error or {"message": said.message, "code": said.code}),)

    def _unnamed(self, said: _Whole) -> Sequence[Part]:
        return self._error(said) if said.error else ()

    _DELTAS: ClassVar[dict[str, Callable[[Any, _Event], Sequence[Part]]]] = {
        "response.refusal.delta": _refusal,
        "response.reasoning_summary_text.delta": _reasoning,
        "response.reasoning_text.delta": _reasoning,
        "response.function_call_arguments.delta": _arguments,
    }
    _WHOLES: ClassVar[dict[str, Callable[[Any, _Whole], Sequence[Part]]]] = {
        "response.created": _started,
        "response.queued": _started,
        "response.in_progress": _started,
        "response.output_item.added": _added,
        "response.output_item.done": _done,
        "response.output_text.annotation.added": _annotated,
        "response.completed": _closed,
        "response.incomplete": _closed,
        "response.failed": _closed,
        "response.cancelled": _closed,
        "error": _error,
        "message": _unnamed,
    }

    # -- whole answers -------------------------------------------------------------------------

    def _end(self, wire: dict[str, Any]) -> list[Part]:
        """What a response says when it is over: its items, if not said before, and how it ended."""
        self._over = True
        parts: list[Part] = []
        if not self._items and not self._calls:
            for index, item in enumerate(as_dicts(wire.get("output"))):
                parts += self._item(item, index)
                self._close(index)
        usage = usage_of(wire.get("usage"))
        used: list[Part] = [] if usage is None else [Used(usage)]
        status = wire.get("status")
        if status in ("failed", "cancelled"):
            reason = wire.get("error") or {"code": status, "message": f"the response was {status}"}
            return [*parts, *used, failed(reason)]
        if status not in ("queued", "in_progress"):
            parts.append(self._finished(wire))
        return [*parts, *used, Ended()]

    def _finished(self, wire: dict[str, Any]) -> Finished:
        if wire.get("status") == "incomplete":
            word = as_text(as_dict(wire.get("incomplete_details")).get("reason"))
            return Finished(reason=_INCOMPLETE.get(word, "pause"), word=word or "incomplete")
        reason: FinishReason = "tool_calls" if self._calls else "stop"
        if self._refused and not self._calls:
            reason = "refusal"
        return Finished(reason=reason, word=as_text(wire.get("status")) or "completed")

    def _item(self, item: dict[str, Any], index: int) -> list[Part]:
        """Everything an item of the output says."""
        kind = item.get("type")
        if kind == "message":
            return self._message(item, index)
        if kind == "reasoning":
            texts = thoughts(item)
            place = self._place("reasoning", index)
            whole = [Reasoning(text=_PARAGRAPH.join(texts), item=place)] if texts else []
            return [*whole, *seal(item, thought=bool(texts))]
        if kind == "function_call":
            place = self._calls.setdefault(index, len(self._calls))
            return [call(item, place, as_text(item.get("arguments")))]
        if kind == "custom_tool_call":
            self._calls.setdefault(index, len(self._calls))
        return [Other(kind=kind, data=item)] if isinstance(kind, str) else []

    def _message(self, item: dict[str, Any], index: int) -> list[Part]:
        parts: list[Part] = []
        for content in as_dicts(item.get("content")):
            if text := as_text(content.get("text")):
                parts.append(Text(text, 0, self._place("text", index)))
            if refusal := as_text(content.get("refusal")):
                self._refused = True
                parts.append(Refusal(refusal, 0, self._place("refusal", index)))
            notes = as_dicts(content.get("annotations"))
            parts += [Other(kind="annotation", data=note) for note in notes]
        return parts


_INCOMPLETE: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


def _key(value: Any) -> Any:
    """An index as a key; what is none counts as the first."""
    return value if value.__class__ is int else 0
