"""Answers with some of their text replaced, everything else in them kept.

A provider's event or body is changed in place: only what was replaced is written anew. Text that a
dialect says again at its end (the responses API) is replaced there as well, and what spells text
out beside it (log probabilities of tokens) is taken away with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.dialects.llm.openai_chat_shapes import as_json
from trimtab.dialects.llm.openai_fields import as_dict, as_dicts, plain
from trimtab.dialects.llm.parts import Other, Part, Reasoning, Refusal, Text, ToolCall
from trimtab.dialects.llm.texts import Kind
from trimtab.kit import jsonx, sse

Spot = tuple[Kind, int, int]
"""A text of an answer: kind, choice, and the place of a call among the calls."""


class CannotEdit(Exception):
    """A text is not where it should be in a provider's answer."""


class Change(NamedTuple):
    """Other text for the characters from `start` to `end` of all that is said at a spot."""

    start: int
    end: int
    text: str


class Span(NamedTuple):
    """The text of one part: at which spot, and after how many characters there."""

    spot: Spot
    start: int
    text: str


_NO_WORDS = frozenset({"logprobs", "images", "audio", "bytes"})

Changes = Mapping[Spot, Sequence[Change]]
"""Per spot, in order, none over another."""


def spoken(part: Part) -> tuple[Spot, str] | None:
    """What a part adds to which text; None for a part without text."""
    if isinstance(part, Text):
        found: tuple[Spot, str] = ("text", part.choice, 0), part.text
    elif isinstance(part, ToolCall):
        found = ("tool_arguments", part.choice, part.index), part.arguments
    elif isinstance(part, Reasoning):
        found = ("reasoning", part.choice, 0), part.text
    elif isinstance(part, Refusal):
        found = ("refusal", part.choice, 0), part.text
    elif isinstance(part, Other) and part.kind not in _NO_WORDS:
        found = ("other", part.choice, 0), as_json(part.data)
    else:
        return None
    return found if found[1] else None


def respoken(part: Part, text: str) -> Part:
    """The part with another text. Raises CannotEdit for one that only its provider can write."""
    if isinstance(part, ToolCall):
        return msgspec.structs.replace(part, arguments=text)
    if isinstance(part, Text | Refusal | Reasoning):
        return msgspec.structs.replace(part, text=text)
    raise CannotEdit


def changed(text: str, start: int, changes: Sequence[Change]) -> str:
    """A piece of a longer text after its changes; what is put in stands where a change begins.

    >>> [changed(piece, at, [Change(2, 5, "-")]) for piece, at in [("abc", 0), ("def", 3)]]
    ['ab-', 'f']
    """
    found: list[str] = []
    at, end = start, start + len(text)
    for change in changes[bisect_left(changes, start, key=_end) :]:
        if change.start >= end:
            break
        if change.end == start and change.start < start:
            continue
        if change.start >= start:
            found += (text[at - start : change.start - start], change.text)
        at = max(at, change.end)
    return "".join(found) + text[at - start :]


def _end(change: Change) -> int:
    return change.end


def has_texts(dialect: str) -> bool:
    """Whether answers of a dialect have texts that can be told apart and replaced."""
    return dialect in _SLOTS


class Editor:
    """Edits the events, or the body, of one answer in the provider's own dialect, in order."""

    def __init__(self, dialect: str) -> None:
        self._slots = _SLOTS[dialect]
        self._again = dialect in _AGAIN
        self._astray = False  # what was said where is not known any more
        self._known: dict[tuple[Any, ...], tuple[Spot, int]] = {}

    def event(self, raw: bytes, spans: Sequence[Span], changes: Changes) -> bytes:
        """One event of a stream; the very bytes where nothing in it changes.

        Args:
            spans: the texts of the event's parts, in order.
        Raises:
            CannotEdit: a changed text is not found.
        """
        touched = any(changes.values())
        if not (self._again and (spans or touched)) and not _touches(spans, changes):
            return raw
        (event,) = sse.Decoder().feed(raw)
        wire = plain(event.data or "")
        try:
            if not isinstance(wire, dict) or not self._edit(wire, spans, changes):
                return raw
        except CannotEdit:
            self._astray = True
        if self._astray:
            if touched:
                raise CannotEdit
            return raw
        name = event.name if b"event:" in raw else None
        return sse.encode(jsonx.encode(wire), name=name)

    def body(self, raw: bytes, spans: Sequence[Span], changes: Changes) -> bytes:
        """A whole answer. Raises as `event`."""
        if not _touches(spans, changes):
            return raw
        wire = plain(raw)
        if not isinstance(wire, dict) or not self._edit(wire, spans, changes):
            return raw
        return jsonx.encode(wire)

    def _edit(self, wire: dict[str, Any], spans: Sequence[Span], changes: Changes) -> bool:
        left = list(spans)
        edited = False
        for slot in self._slots(wire):
            text = slot.text
            if not text:
                continue
            known = self._known.get(slot.name) if slot.again else None
            if known is None:
                if not left or not left[0].text.endswith(text):
                    raise CannotEdit
                span = left.pop(0)
                known = span.spot, span.start + len(span.text) - len(text)
                if slot.name:
                    self._known.setdefault(slot.name, known)
            spot, start = known
            new = changed(text, start, changes.get(spot, ()))
            if new != text:
                slot.put(new)
                edited = True
        if _touches(left, changes):
            raise CannotEdit
        return edited


def _touches(spans: Sequence[Span], changes: Changes) -> bool:
    return any(
        changed(text, start, changes[spot]) != text
        for spot, start, text in spans
        if changes.get(spot)
    )


class _Slot(NamedTuple):
    """A text in an answer. `again`: it may have been said before, under the same `name`."""

    holder: dict[str, Any]
    keys: tuple[str, ...]
    name: tuple[Any, ...] = ()
    again: bool = False
    is_json: bool = False
    beside: tuple[dict[str, Any], str, Any] | None = None

    @property
    def text(self) -> str:
        value = self.holder.get(self.keys[0])
        return jsonx.encode(value or {}).decode() if self.is_json else str(value)

    def put(self, text: str) -> None:
        value: Any = text
        if self.is_json:
            value = plain(text)
            if not isinstance(value, dict):
                raise CannotEdit
        for key in self.keys:
            self.holder[key] = value
        if self.beside is not None:
            holder, key, nothing = self.beside
            if key in holder:
                holder[key] = nothing


def _text(holder: Any, *keys: str, **more: Any) -> Iterator[_Slot]:
    there = tuple(key for key in keys if isinstance(as_dict(holder).get(key), str) and holder[key])
    if there:
        yield _Slot(holder, there, **more)


# -- chat completions, completions -------------------------------------------------------------


def _chat(wire: dict[str, Any]) -> Iterator[_Slot]:
    for choice in as_dicts(wire.get("choices")):
        said = as_dict(choice.get("delta") or choice.get("message"))
        beside = (choice, "logprobs", None)
        yield from _text(said, "reasoning_content", "reasoning")
        yield from _text(said, "content", beside=beside)
        yield from _text(said, "refusal", beside=beside)
        if said.get("tool_calls"):
            for call in as_dicts(said["tool_calls"]):
                yield from _text(call.get("function"), "arguments")
        else:
            yield from _text(said.get("function_call"), "arguments")


def _completions(wire: dict[str, Any]) -> Iterator[_Slot]:
    for choice in as_dicts(wire.get("choices")):
        yield from _text(choice, "text", beside=(choice, "logprobs", None))


# -- Anthropic's messages ----------------------------------------------------------------------


def _messages(wire: dict[str, Any]) -> Iterator[_Slot]:
    if wire.get("type") == "content_block_delta":
        yield from _text(wire.get("delta"), "text")
        yield from _text(wire.get("delta"), "thinking")
        yield from _text(wire.get("delta"), "partial_json")
        return
    starting = as_dict(wire.get("content_block"))
    for block in (starting, *as_dicts(wire.get("content"))):
        if block.get("type") == "tool_use":
            # What starts without arguments gets them in pieces.
            if block is not starting or block.get("input"):
                yield _Slot(block, ("input",), is_json=True)
        elif block.get("type") in ("text", "thinking"):
            yield from _text(block, "text")
            yield from _text(block, "thinking")


# -- responses ---------------------------------------------------------------------------------

_DELTAS = {
    "response.output_text": "output_text",
    "response.refusal": "refusal",
    "response.reasoning_summary_text": "summary_text",
    "response.reasoning_text": "reasoning_text",
    "response.function_call_arguments": "arguments",
}
_DONE = {"output_text": "text", "summary_text": "text", "reasoning_text": "text"}


def _responses(wire: dict[str, Any]) -> Iterator[_Slot]:
    kind = str(wire.get("type"))
    index = wire.get("output_index")
    at = wire.get("summary_index", wire.get("content_index", 0))
    head, _, what = kind.rpartition(".")
    said = _DELTAS.get(head)
    if said is not None:
        key = "delta" if what == "delta" else _DONE.get(said, said)
        more: dict[str, Any] = {"name": (index, said, at), "again": what == "done"}
        yield from _text(wire, key, beside=(wire, "logprobs", []), **more)
    elif head in ("response.content_part", "response.reasoning_summary_part"):
        yield from _part(as_dict(wire.get("part")), index, at)
    elif head == "response.output_item":
        yield from _item(as_dict(wire.get("item")), index)
    else:
        whole = as_dict(wire.get("response")) or wire
        for place, item in enumerate(as_dicts(whole.get("output"))):
            yield from _item(item, place)


def _item(item: dict[str, Any], index: Any) -> Iterator[_Slot]:
    if item.get("type") == "function_call":
        yield from _text(item, "arguments", name=(index, "arguments", 0), again=True)
    elif item.get("type") in ("message", "reasoning"):
        for name in ("summary", "content"):
            for place, part in enumerate(as_dicts(item.get(name))):
                yield from _part(part, index, place)


def _part(part: dict[str, Any], index: Any, place: Any) -> Iterator[_Slot]:
    kind = part.get("type")
    key = "refusal" if kind == "refusal" else "text"
    beside: tuple[dict[str, Any], str, Any] = (part, "logprobs", [])
    yield from _text(part, key, name=(index, kind, place), again=True, beside=beside)


_SLOTS: Mapping[str, Callable[[dict[str, Any]], Iterator[_Slot]]] = {
    "openai.chat": _chat,
    "openai.completions": _completions,
    "openai.responses": _responses,
    "anthropic.messages": _messages,
}
_AGAIN = frozenset({"openai.responses"})
"""Dialects whose streams say texts again when they are whole."""
