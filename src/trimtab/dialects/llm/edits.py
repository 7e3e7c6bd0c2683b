"""Answers with some of their text replaced, everything else in them kept.

A provider's event or body is changed in place: only what was replaced is written anew. Text that a
dialect says again at its end (the responses API) is replaced there as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.dialects.llm.answer_slots import SLOTS, CannotEdit
from trimtab.dialects.llm.answer_spelling import may_spell, unspelt
from trimtab.dialects.llm.fields import as_dict, plain
from trimtab.dialects.llm.openai_chat_shapes import as_json
from trimtab.dialects.llm.parts import Other, Part, Reasoning, Refusal, Text, ToolCall
from trimtab.dialects.llm.texts import Kind
from trimtab.kit import jsonx, sse

Spot = tuple[Kind, int, int]
"""A text of an answer: kind, choice, and the place among those of the kind, as of calls."""


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
Changes = Mapping[Spot, Sequence[Change]]
"""Per spot, in order, none over another."""


def spoken(part: Part) -> tuple[Spot, str] | None:
    """What a part adds to which text; None for a part without text."""
    if isinstance(part, Text):
        found: tuple[Spot, str] = ("text", part.choice, part.item), part.text
    elif isinstance(part, ToolCall):
        found = ("tool_arguments", part.choice, part.index), part.arguments
    elif isinstance(part, Reasoning):
        found = ("reasoning", part.choice, part.item), part.text
    elif isinstance(part, Refusal):
        found = ("refusal", part.choice, part.item), part.text
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
    if isinstance(part, Other):
        return msgspec.structs.replace(part, data=_other(part, text))
    raise CannotEdit


def _other(part: Other, text: str) -> Any:
    if part.kind == "audio":
        return {**as_dict(part.data), "transcript": text}
    if isinstance(part.data, str):
        return text
    value = plain(text)
    if type(value) is not type(part.data):
        raise CannotEdit
    return value


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


class Editor:
    """Edits the events, or the body, of one answer in the provider's own dialect."""

    def __init__(self, dialect: str) -> None:
        self._slots = SLOTS[dialect]

    def event(self, raw: bytes, spans: Sequence[Span], changes: Changes) -> bytes:
        """One event of a stream; the very bytes where nothing in it changes.

        Args:
            spans: the texts of the event, as `answer_layout.Layout` has them.
        Raises:
            CannotEdit: a changed text is not found.
        """
        if not _touches(spans, changes) and not may_spell(raw):
            return raw
        (event,) = sse.Decoder().feed(raw)
        wire = plain(event.data or "")
        if not isinstance(wire, dict) or not self._edit(wire, spans, changes):
            return raw
        name = event.name if b"event:" in raw else None
        return sse.encode(jsonx.encode(wire), name=name)

    def body(self, raw: bytes, spans: Sequence[Span], changes: Changes) -> bytes:
        """A whole answer. Raises as `event`."""
        if not _touches(spans, changes) and not may_spell(raw):
            return raw
        wire = plain(raw)
        if not isinstance(wire, dict) or not self._edit(wire, spans, changes):
            return raw
        return jsonx.encode(wire)

    def _edit(self, wire: dict[str, Any], spans: Sequence[Span], changes: Changes) -> bool:
        edited = unspelt(wire)
        left = list(spans)
        for slot in self._slots(wire):
            text = slot.text
            if not text or not left or not left[0].text.endswith(text):
                continue
            span = left.pop(0)
            start = span.start + len(span.text) - len(text)
            new = changed(text, start, changes.get(span.spot, ()))
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
