"""Answers as parts, and what such parts say together, for tests of writers and their readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm.dialect import Reader
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
from trimtab.kit import sse
from trimtab.records import Usage

USAGE = Usage(input=6, cache_read=4, cache_write_5m=2, output=3, reasoning=2)
_BEGAN = Began(id="resp_1", model="big")
_STOP: list[Part] = [Finished(reason="stop"), Used(USAGE), Ended()]
_TOOLS: list[Part] = [Finished(reason="tool_calls"), Used(USAGE), Ended()]

ANSWERS: dict[str, Sequence[Part]] = {
    "text": [_BEGAN, Text("Héllo "), Text("wörld 👩‍🚀"), *_STOP],
    "nothing": [_BEGAN, *_STOP],
    "bare": [Text("a"), Ended()],
    "call": [
        _BEGAN,
        Text("Let me see."),
        ToolCall(index=0, id="call_a", name="weather"),
        ToolCall(index=0, arguments='{"city":'),
        ToolCall(index=0, arguments='"Oslo"}'),
        *_TOOLS,
    ],
    "parallel": [
        _BEGAN,
        ToolCall(index=0, id="call_a", name="weather"),
        ToolCall(index=1, id="call_b", name="time"),
        ToolCall(index=1, arguments='{"zone":'),
        ToolCall(index=0, arguments='{"city":"Oslo"}'),
        ToolCall(index=1, arguments='"CET"}'),
        *_TOOLS,
    ],
    "reasoning": [
        _BEGAN,
        Reasoning(text="First "),
        Reasoning(text="this."),
        Reasoning(signature="openai.responses:rs_1:gAAAseal"),
        Reasoning(redacted="openai.responses:rs_2:gAAAhidden"),
        Text("So: yes."),
        *_STOP,
    ],
    "refusal": [
        _BEGAN,
        Refusal("I "),
        Refusal("cannot."),
        Finished(reason="refusal"),
        Used(USAGE),
        Ended(),
    ],
    "length": [_BEGAN, Text("Once up"), Finished(reason="length"), Used(USAGE), Ended()],
    "filtered": [_BEGAN, Text("x"), Finished(reason="content_filter"), Used(USAGE), Ended()],
    "failed": [
        _BEGAN,
        Text("Half an"),
        Failed(message="the model is overloaded", kind="server_error", status=500),
    ],
}


def events(stream: bytes) -> list[sse.Event]:
    return sse.Decoder().feed(stream)


def read_stream(reader: Reader, pieces: Iterable[bytes]) -> list[Part]:
    """The parts of a stream that arrives in these pieces and ends cleanly."""
    decoder = sse.Decoder()
    parts = [
        part for piece in pieces for event in decoder.feed(piece) for part in reader.event(event)
    ]
    return [*parts, *reader.end()]


def said(parts: Iterable[Part]) -> dict[str, Any]:
    """What parts say together, however they were cut; calls by their place, the rest in order."""
    whole: dict[str, Any] = {"calls": {}, "sealed": [], "other": []}
    for part in parts:
        match part:
            case Text() | Refusal():
                key = f"{type(part).__name__} {part.choice}"
                whole[key] = whole.get(key, "") + part.text
            case Reasoning():
                whole["thought"] = whole.get("thought", "") + part.text
                seal = part.signature if part.redacted is None else part.redacted
                if seal is not None:
                    whole["sealed"].append((part.signature is None, seal))
            case ToolCall():
                call = whole["calls"].setdefault(part.index, {"arguments": ""})
                call["arguments"] += part.arguments
                call |= {"id": part.id} if part.id else {}
                call |= {"name": part.name} if part.name else {}
            case Finished():
                whole[f"finished {part.choice}"] = part.reason
            case Other():
                whole["other"].append(msgspec.to_builtins(part))
            case Began() | Used() | Failed() | Ended():
                whole[type(part).__name__] = part
    return whole
