"""Answers with some of their text replaced, everything else in them kept.

A provider's event or body is changed in place: only what was replaced is written anew. Text that a
dialect says again at its end (the responses API) is replaced there as well, and what spells text
out beside it (log probabilities of tokens) is taken away with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.dialects.llm.answer_slots import AGAIN, SLOTS, CannotEdit
from trimtab.dialects.llm.fields import as_dict, plain
from trimtab.dialects.llm.openai_chat_shapes import as_json
from trimtab.dialects.llm.parts import Other, Part, Reasoning, Refusal, Text, ToolCall
from trimtab.dialects.llm.texts import Kind
from trimtab.kit import jsonx, sse

Spot = tuple[Kind, int, int]
"""A text of an answer: kind, choice, and the place of a call among the calls."""


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


_NO_WORDS = frozenset({"logprobs", "images", "bytes"})
_READ_BLOCKS = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
# What the events have in them in which something may be said beside the parts.
_MARKS: Mapping[str, tuple[bytes, ...]] = {
    "openai.responses": (b"response.",),
    "anthropic.messages": (b"partial_json", b"content_block_start"),
}

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
        said = as_dict(part.data).get("transcript", "") if part.kind == "audio" else part.data
        found = ("other", part.choice, 0), said if isinstance(said, str) else as_json(said)
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
    return dialect in SLOTS


class Unread:
    """Finds what events of a stream say beside their parts, which clients read all the same.

    These are pieces of what becomes a part only when it is whole (the input and the results of a
    provider's own tools), and texts that come whole without having come in pieces.
    """

    def __init__(self, dialect: str) -> None:
        self._slots = SLOTS[dialect]
        self._marks = _MARKS.get(dialect, ())
        self._known: set[tuple[Any, ...]] = set()

    def texts(self, raw: bytes, *, told: bool) -> list[tuple[Spot, str]]:
        """The texts of the next event; `told`: its parts have said what it says."""
        if not any(mark in raw for mark in self._marks):
            return []
        events = sse.Decoder().feed(raw)
        wire = as_dict(plain(events[0].data or "")) if events else {}
        slots = [slot for slot in self._slots(wire) if slot.text]
        found = [] if told else [slot.text for slot in slots if slot.name not in self._known]
        self._known |= {slot.name for slot in slots if slot.name}
        if not told and not slots:
            found = _pieces(wire)
        index = wire.get("output_index", wire.get("index"))
        place = index if type(index) is int else 0
        return [(("other", 0, place + 1), text) for text in found if text]


def _pieces(wire: dict[str, Any]) -> list[str]:
    delta, block = wire.get("delta"), as_dict(wire.get("content_block"))
    if isinstance(delta, str):
        return [delta]
    return [as_json(block)] if block and block.get("type") not in _READ_BLOCKS else []


class Editor:
    """Edits the events, or the body, of one answer in the provider's own dialect, in order."""

    def __init__(self, dialect: str) -> None:
        self._slots = SLOTS[dialect]
        self._again = dialect in AGAIN
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
