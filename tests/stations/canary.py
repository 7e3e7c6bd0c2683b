"""A guard that fires on a marker, and providers of every dialect to try it on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from tests.stations.wiring import JSON, STREAM

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Finished,
    Part,
    Reasoning,
    Text,
    ToolCall,
    Used,
)
from trimtab.kit import sse
from trimtab.ports import Call, Edit, GuardSubject, Reply, Ruling
from trimtab.records import ModelCard, Usage

MARKER = "CANARY-7F"
HIDDEN = "[hidden]"
ASKED_IN = ("openai.chat", "openai.responses", "openai.completions", "anthropic.messages")


class Canary:
    """Rules as `action` says on texts with the marker in them, and lets all others pass."""

    name = "canary"
    version = "3"

    def __init__(
        self,
        action: Any = "replace",
        *,
        stage: Any = "both",
        parallel: bool = False,
        window_chars: int | None = len(MARKER),
        on_error: Any = "closed",
        budget_ms: float = 5_000,
        fails: BaseException | None = None,
        waits: asyncio.Event | None = None,
        name: str = "canary",
    ) -> None:
        self.name = name
        self.action = action
        self.stage = stage
        self.parallel = parallel
        self.window_chars = window_chars
        self.on_error = on_error
        self.budget_ms = budget_ms
        self.fails = fails
        self.waits = waits
        self.seen: list[GuardSubject] = []
        self.asked = asyncio.Event()

    async def check(self, subject: GuardSubject) -> Ruling:
        self.seen.append(subject)
        self.asked.set()
        if self.waits is not None:
            await self.waits.wait()
        if self.fails is not None:
            raise self.fails
        edits = [
            Edit(one.place, at, at + len(MARKER), HIDDEN)
            for one in subject.texts
            for at in _found(one.text)
        ]
        if not edits:
            return Ruling()
        return Ruling(
            action=self.action,
            edits=edits if self.action in ("replace", "block") else (),
            reason="it has the marker",
            message="not this" if self.action == "block" else None,
            value=1.0,
            threshold=0.5,
        )

    @property
    def shown(self) -> str:
        return "\n".join(one.text for subject in self.seen for one in subject.texts)


def _found(text: str) -> Iterable[int]:
    at = text.find(MARKER)
    while at >= 0:
        yield at
        at = text.find(MARKER, at + 1)


class Speaker:
    """A provider of one dialect that says the same parts to everybody."""

    def __init__(self, dialect: str, parts: Sequence[Part] = (), *, cut: int | None = None) -> None:
        self.name = "far"
        self.dialect = dialect
        self.parts = parts
        self.cut = cut
        self.calls: list[Call] = []
        self.raw: list[bytes] | None = None
        self.closed = False

    def cards(self) -> Sequence[ModelCard]:
        return ()

    def speaks(self, model: str) -> Sequence[str]:
        return (self.dialect,)

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        raw = self.raw or wire(self.dialect, self.parts, stream=call.stream)
        if self.cut is not None:
            joined = b"".join(raw)
            raw = [joined[i : i + self.cut] for i in range(0, len(joined), self.cut)]
        headers = STREAM if call.stream else JSON
        return Reply(status=200, headers=headers, chunks=self._chunks(raw))

    async def _chunks(self, raw: list[bytes]) -> AsyncIterator[bytes]:
        try:
            for piece in raw:
                yield piece
        finally:
            self.closed = True

    async def aclose(self) -> None:
        pass


def wire(dialect: str, parts: Sequence[Part], *, stream: bool) -> list[bytes]:
    """What a provider of a dialect sends to say these parts."""
    speaks = DIALECTS[dialect]
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    envelope = speaks.envelope(request(dialect, "x", stream=stream, **usage))
    writer = speaks.writer(envelope, id="far-1", created_s=1_700_000_000)
    if stream:
        return [said for part in parts if (said := writer.stream(part))]
    return [writer.body(parts)]


def request(dialect: str, text: str, /, *, stream: bool = False, **fields: Any) -> bytes:
    """The least that a dialect asks for, saying `text`."""
    least: dict[str, Any] = {"model": "far/m", "stream": stream, **fields}
    if dialect == "openai.responses":
        least.setdefault("input", text)
    elif dialect == "openai.completions":
        least.setdefault("prompt", text)
    else:
        least.setdefault("messages", [{"role": "user", "content": text}])
    if dialect == "anthropic.messages":
        least["max_tokens"] = 100
    return json.dumps(least).encode()


def answer(*said: Part, finish: Any = "stop") -> list[Part]:
    return [
        Began(id="far-1", model="m"),
        *said,
        Finished(reason=finish),
        Used(Usage(input=7, output=5)),
        Ended(),
    ]


def pieces(text: str, size: int) -> list[Part]:
    return [Text(text[at : at + size]) for at in range(0, len(text), size)]


def calls(arguments: str, size: int) -> list[Part]:
    first = ToolCall(index=0, id="call_1", name="look")
    cut = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    return [first, *(ToolCall(index=0, arguments=piece) for piece in cut)]


def read(dialect: str, body: bytes, *, stream: bool) -> list[Part]:
    """What an answer says, as a client of the dialect reads it."""
    reader = DIALECTS[dialect].reader()
    if not stream:
        return list(reader.body(body))
    decoder = sse.Decoder()
    found = [part for event in decoder.feed(body) for part in reader.event(event)]
    assert decoder.rest == b""
    return [*found, *reader.end()]


def text_of(parts: Sequence[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def arguments_of(parts: Sequence[Part]) -> str:
    return "".join(part.arguments for part in parts if isinstance(part, ToolCall))


def reasoning_of(parts: Sequence[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Reasoning))
