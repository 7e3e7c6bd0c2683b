"""Endings: how an answer that a guard has stopped comes to its end, in the caller's dialect.

Clients read a stopped answer as one that ended, for a reason: `content_filter` in OpenAI's
dialects, `refusal` in Anthropic's. They keep what they have, and none of them tries again, as they
would after an error or a connection that breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm.dialect import Writer
from trimtab.dialects.llm.fields import as_dict, plain
from trimtab.dialects.llm.parts import Began, Ended, Finished, Part, Refusal, Used
from trimtab.kit import jsonx, sse

STOPPED = Finished(reason="content_filter", word="content_filter")


def stopped(began: Began | None, message: str, used: Used | None) -> list[Part]:
    """A whole answer in place of one that nobody may see."""
    parts: list[Part] = [began] if began is not None else []
    parts += [Refusal(message), STOPPED]
    return [*parts, *([used] if used is not None else []), Ended()]


class Ending:
    """Watches an answer on its way to the caller, so that it can be ended at any point.

    Args:
        dialect: of the provider's bytes; None where a writer makes them, which knows how to end.
        writer: a new one of the caller's dialect.
    """

    def __init__(self, dialect: str | None, writer: Writer) -> None:
        self._writer = writer
        closing = _CLOSINGS.get(dialect or "")
        self._closing = None if closing is None else closing()
        self._began: Began | None = None
        self._used: Used | None = None
        self._open: dict[int, bool] = {}
        self._sent = False

    def saw(self, data: bytes, parts: Sequence[Part]) -> None:
        """These bytes go to the caller, and say these parts."""
        self._sent = self._sent or bool(data)
        if self._closing is not None and data:
            self._closing.saw(data)
        for part in parts:
            if isinstance(part, Began):
                self._began = part
            elif isinstance(part, Used):
                self._used = part
            elif isinstance(part, Finished):
                self._open[part.choice] = False
            elif (choice := getattr(part, "choice", None)) is not None:
                self._open.setdefault(choice, True)

    def parts(self, message: str) -> list[Part]:
        """What is left to say; the message only where nothing was said before."""
        if not self._sent:
            return stopped(self._began, message, self._used)
        still = [choice for choice, is_open in self._open.items() if is_open] or [0]
        ends = [msgspec.structs.replace(STOPPED, choice=choice) for choice in sorted(still)]
        return [*ends, Ended()]

    def written(self, parts: Sequence[Part]) -> bytes:
        """The bytes of these parts behind those of a provider that speaks the caller's dialect."""
        if self._sent and self._closing is not None:
            return self._closing.end()
        write = self._writer.stream
        for part in (self._began, self._used):
            if self._sent and part is not None:
                write(part)
        return b"".join(map(write, parts))


class _Closing:
    """Closes what a dialect keeps open."""

    def saw(self, data: bytes) -> None:
        raise NotImplementedError

    def end(self) -> bytes:
        raise NotImplementedError


class _Messages(_Closing):
    """Anthropic's: the block that is open is closed before the message."""

    def __init__(self) -> None:
        self._block: Any = None
        self._usage: dict[str, Any] = {"output_tokens": 0}

    def saw(self, data: bytes) -> None:
        if b"content_block_st" not in data and b"message_start" not in data:
            return
        wire = _wire(data)
        kind = wire.get("type")
        if kind == "content_block_start":
            self._block = wire.get("index", 0)
        elif kind == "content_block_stop":
            self._block = None
        elif kind == "message_start":
            self._usage |= as_dict(as_dict(wire.get("message")).get("usage"))

    def end(self) -> bytes:
        events: list[dict[str, Any]] = []
        if self._block is not None:
            events.append({"type": "content_block_stop", "index": self._block})
        delta = {"stop_reason": "refusal", "stop_sequence": None}
        usage = {"output_tokens": self._usage["output_tokens"]}
        events.append({"type": "message_delta", "delta": delta, "usage": usage})
        events.append({"type": "message_stop"})
        return _encoded(events)


class _Responses(_Closing):
    """The responses API: the last event says again all that was said, but for what was stopped."""

    def __init__(self) -> None:
        self._response: dict[str, Any] = {"object": "response"}
        self._items: dict[Any, dict[str, Any]] = {}
        self._sequence = 0

    def saw(self, data: bytes) -> None:
        wire = _wire(data)
        number = wire.get("sequence_number")
        self._sequence = number if type(number) is int else self._sequence + 1
        if wire.get("type") in ("response.created", "response.in_progress"):
            self._response = as_dict(wire.get("response"))
        elif wire.get("type") in ("response.output_item.added", "response.output_item.done"):
            self._items[wire.get("output_index")] = as_dict(wire.get("item"))

    def end(self) -> bytes:
        events: list[dict[str, Any]] = []
        for index, item in self._items.items():
            if item.get("status") == "in_progress":
                item["status"] = "incomplete"
                done = "response.output_item.done"
                events.append({"type": done, "output_index": index, "item": item})
        response = {
            **self._response,
            "status": "incomplete",
            "incomplete_details": {"reason": "content_filter"},
            "output": [item for _, item in sorted(self._items.items())],
        }
        events.append({"type": "response.incomplete", "response": response})
        for number, event in enumerate(events, self._sequence + 1):
            event["sequence_number"] = number
        return _encoded(events)


_CLOSINGS: dict[str, type[_Closing]] = {
    "anthropic.messages": _Messages,
    "openai.responses": _Responses,
}


def _wire(data: bytes) -> dict[str, Any]:
    events = sse.Decoder().feed(data)
    return as_dict(plain(events[0].data or "")) if events else {}


def _encoded(events: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(sse.encode(jsonx.encode(event), name=event["type"]) for event in events)
