"""Answers of OpenAI's completions: choices of text, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.error_kinds import openai_kind_of_failure
from trimtab.dialects.llm.fields import as_dicts, as_text, plain
from trimtab.dialects.llm.openai_chat_usage import usage_of, usage_on_wire
from trimtab.dialects.llm.openai_responses_items import failed, name_of
from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    FinishReason,
    Part,
    Text,
    Used,
)
from trimtab.kit import jsonx, sse

_DONE = "[DONE]"
_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
}
_WORDS = {"refusal": "content_filter", "pause": "length"}


class Reader:
    """Reads one answer; see `dialect.Reader`."""

    __slots__ = ("_began", "_finished", "_over")

    def __init__(self) -> None:
        self._began = False
        self._finished = False
        self._over = False

    def event(self, event: sse.Event) -> Sequence[Part]:
        if event.data is None or self._over:
            return ()
        if event.data == _DONE:
            self._over = True
            return (Ended(),)
        wire = plain(event.data)
        return self._parts(wire) if isinstance(wire, dict) else ()

    def body(self, body: bytes) -> Sequence[Part]:
        wire = plain(body)
        if not isinstance(wire, dict):
            return (Failed(message="the provider's answer is not JSON"),)
        parts = self._parts(wire)
        return parts if self._over else [*parts, Ended()]

    def end(self) -> Sequence[Part]:
        """A stream may end without `[DONE]`: one that said why its answer ended is whole."""
        if self._over or not self._finished:
            return ()
        self._over = True
        return (Ended(),)

    def _parts(self, wire: dict[str, Any]) -> list[Part]:
        if wire.get("error"):
            self._over = True
            return [failed(wire["error"])]
        parts: list[Part] = []
        if not self._began:
            self._began = True
            began = Began(id=name_of(wire.get("id")), model=name_of(wire.get("model")))
            parts.append(began)
        for choice in as_dicts(wire.get("choices")):
            parts += self._choice(choice)
        usage = usage_of(wire.get("usage"))
        return parts if usage is None else [*parts, Used(usage)]

    def _choice(self, wire: dict[str, Any]) -> list[Part]:
        index = wire.get("index")
        choice = index if type(index) is int else 0
        parts: list[Part] = []
        if text := as_text(wire.get("text")):
            parts.append(Text(text, choice))
        if word := as_text(wire.get("finish_reason")):
            self._finished = True
            reason = _REASONS.get(word, "stop")
            parts.append(Finished(reason=reason, word=word, choice=choice))
        return parts


class Writer:
    """Writes one answer; see `dialect.Writer`."""

    def __init__(self, envelope: Envelope, *, id: str, created_s: int) -> None:
        self._wants_usage = envelope.wants_usage
        self._head: dict[str, Any] = {
            "id": id,
            "object": "text_completion",
            "created": created_s,
            "model": envelope.model,
        }
        self._texts: dict[int, list[str]] = {}
        self._reasons: dict[int, str] = {}
        self._usage: dict[str, Any] | None = None
        self._error: Failed | None = None
        self._lost: dict[str, None] = {}

    @property
    def lost(self) -> Sequence[str]:
        return tuple(self._lost)

    def body(self, parts: Sequence[Part]) -> bytes:
        for part in parts:
            self._take(part)
        if self._error is not None:
            return jsonx.encode(_error(self._error))
        choices = [
            _choice(index, "".join(texts), self._reasons.get(index, "stop"))
            for index, texts in sorted(self._texts.items() or {0: []}.items())
        ]
        whole = {**self._head, "choices": choices}
        return jsonx.encode(whole if self._usage is None else {**whole, "usage": self._usage})

    def stream(self, part: Part) -> bytes:
        self._take(part)
        match part:
            case Text():
                return self._chunk([_choice(part.choice, part.text, None)])
            case Finished():
                return self._chunk([_choice(part.choice, "", self._reasons[part.choice])])
            case Failed():
                return sse.encode(jsonx.encode(_error(part)))
            case Ended() if self._error is None:
                return self._end()
        return b""

    def _take(self, part: Part) -> None:
        match part:
            case Began():
                self._head["id"] = part.id or self._head["id"]
                self._head["model"] = part.model or self._head["model"]
            case Text():
                self._texts.setdefault(part.choice, []).append(part.text)
            case Finished():
                self._texts.setdefault(part.choice, [])
                word = part.reason if part.reason in _REASONS else _WORDS.get(part.reason, "stop")
                self._reasons[part.choice] = word
            case Used():
                self._usage = usage_on_wire(part.usage)
            case Failed():
                self._error = part
            case Ended():
                pass
            case _:
                self._lost[type(part).__name__.lower()] = None

    def _end(self) -> bytes:
        unfinished = [index for index in self._texts if index not in self._reasons]
        said = b"".join(self._chunk([_choice(index, "", "stop")]) for index in unfinished)
        if self._usage is not None and self._wants_usage:
            said += self._chunk([], usage=self._usage)
        return said + sse.encode(_DONE.encode())

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return sse.encode(jsonx.encode({**self._head, "choices": choices, **more}))


def _choice(index: int, text: str, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}


def _error(failed: Failed) -> dict[str, Any]:
    kind = openai_kind_of_failure(failed)
    return {"error": {"message": failed.message, "type": kind, "param": None, "code": kind}}
