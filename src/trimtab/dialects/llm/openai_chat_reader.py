"""Reads answers of chat completions: chunks of a stream and whole bodies, by one piece of code.

Usage may come in a chunk of its own, with the last choice, or growing in every chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.dialects.llm.fields import as_dict, as_dicts
from trimtab.dialects.llm.openai_chat_shapes import (
    Answer,
    Call,
    Function,
    Said,
    as_json,
    read,
)
from trimtab.dialects.llm.openai_chat_usage import usage_of
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

REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_NOT_JSON = "the provider's answer is not JSON"


class ChatReader:
    """Reads one answer; see `Reader`."""

    __slots__ = ("_called", "_calls", "_ended", "_failed", "_finished", "_id", "_model")

    def __init__(self) -> None:
        self._id: str | None = None
        self._model: str | None = None
        self._finished = self._failed = self._ended = False
        self._called: set[int] = set()  # choices with tool calls
        self._calls: dict[tuple[int, int], tuple[int, str | None]] = {}

    def event(self, event: sse.Event) -> Sequence[Part]:
        data = event.data
        if data is None:
            return ()
        if data.startswith("[DONE]"):
            self._ended = True
            return (Ended(),)
        answer = read(data)
        return () if answer is None else self._parts(answer)

    def body(self, body: bytes) -> Sequence[Part]:
        answer = read(body)
        if answer is None:
            self._failed = True
            return (Failed(message=_NOT_JSON),)
        for place, choice in enumerate(answer.choices or ()):
            choice.index = place
        parts = self._parts(answer)
        return parts if self._failed else [*parts, Ended()]

    def end(self) -> Sequence[Part]:
        """A stream may end without `[DONE]`: one that said why its answer ended is whole."""
        if self._ended or self._failed or not self._finished:
            return ()
        self._ended = True
        return (Ended(),)

    def _parts(self, answer: Answer) -> list[Part]:
        parts: list[Part] = []
        if answer.model != self._model or answer.id != self._id:
            self._began(answer, parts)
        for choice in answer.choices or ():
            said = choice.delta or choice.message
            if said is not None:
                self._said(said, choice.index, parts)
            if choice.logprobs:
                parts.append(Other(kind="logprobs", data=choice.logprobs, choice=choice.index))
            if choice.finish_reason:
                parts.append(self._why(choice.finish_reason, choice.index))
        if answer.usage is not None:
            usage = usage_of(answer.usage)
            if usage is not None:
                parts.append(Used(usage))
        if answer.error:
            self._failed = True
            parts.append(failed(answer.error))
        return parts

    def _began(self, answer: Answer, parts: list[Part]) -> None:
        """Azure's first chunk has neither id nor model, and some servers only name them once."""
        known = (self._id, self._model)
        self._id, self._model = answer.id or self._id, answer.model or self._model
        if known != (self._id, self._model):
            parts.append(Began(id=self._id, model=self._model))

    def _said(self, said: Said, choice: int, parts: list[Part]) -> None:
        if thought := said.reasoning_content or said.reasoning:
            parts.append(Reasoning(text=thought, choice=choice))
        if said.thinking_blocks:
            parts += [_sealed(block, choice) for block in as_dicts(said.thinking_blocks)]
        if said.content:
            parts.append(Text(said.content, choice))
        if said.refusal:
            parts.append(Refusal(said.refusal, choice))
        if said.tool_calls:
            self._calls_of(said.tool_calls, choice, parts)
        elif said.function_call is not None:
            self._calls_of([Call(index=0, function=said.function_call)], choice, parts)
        for kind, data in (
            ("annotations", said.annotations),
            ("audio", said.audio),
            ("images", said.images),
        ):
            if data:
                parts.append(Other(kind=kind, data=data, choice=choice))

    def _calls_of(self, calls: list[Call], choice: int, parts: list[Part]) -> None:
        self._called.add(choice)
        for place, call in enumerate(calls):
            function = call.function or Function()
            index = place if call.index is None else call.index
            parts.append(
                ToolCall(
                    index=self._place(choice, index, call.id, function.name),
                    id=call.id or None,
                    name=function.name or None,
                    arguments=function.arguments or "",
                    choice=choice,
                )
            )

    def _place(self, choice: int, index: int, id: str | None, name: str | None) -> int:
        """The place of a call. Some servers give all parallel calls one index, and new ids."""
        known = self._calls.get((choice, index))
        if known is None:
            known = self._calls[choice, index] = (index, id)
        elif id and name and known[1] and id != known[1]:
            taken = [place for (whose, _), (place, _) in self._calls.items() if whose == choice]
            known = self._calls[choice, index] = (max(taken) + 1, id)
        return known[0]

    def _why(self, word: str, choice: int) -> Finished:
        self._finished = self._finished or choice == 0
        reason = REASONS.get(word, "stop")
        if reason == "stop" and choice in self._called:
            reason = "tool_calls"
        return Finished(reason=reason, word=word, choice=choice)


def failed(error: Any) -> Failed:
    """What an error on the wire says; its text is never empty."""
    fields = as_dict(error)
    said = fields.get("message") or error
    text = said if isinstance(said, str) else as_json(said)
    code, kind = fields.get("code"), fields.get("type") or fields.get("code")
    return Failed(
        message=text or "an error that cannot be read",
        kind=kind if isinstance(kind, str) else "",
        status=code if type(code) is int and 100 <= code < 600 else None,
    )


def _sealed(block: dict[str, Any], choice: int) -> Reasoning:
    """A block's seal; its text has come as reasoning already."""
    signature, data = block.get("signature"), block.get("data")
    return Reasoning(
        signature=signature if isinstance(signature, str) and signature else None,
        redacted=data if isinstance(data, str) else None,
        choice=choice,
    )
