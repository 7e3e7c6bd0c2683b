"""Writes answers of chat completions: chunks of a stream and whole bodies, of the same deltas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.error_kinds import openai_kind_of_failure
from trimtab.dialects.llm.openai_chat_message import WholeMessage
from trimtab.dialects.llm.openai_chat_reader import REASONS
from trimtab.dialects.llm.openai_chat_shapes import OTHERS
from trimtab.dialects.llm.openai_chat_usage import usage_on_wire
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
from trimtab.records import Usage

DONE = b"data: [DONE]\n\n"
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error"]

_WORDS = {"refusal": "content_filter", "pause": "stop"}


class ChatWriter:
    """Writes one answer; see `Writer`.

    What seals a block of thinking, or is one that only the provider can read, goes into
    `thinking_blocks`, the member by which LiteLLM's clients give it back.
    """

    def __init__(self, envelope: Envelope, *, id: str, created_s: int) -> None:
        self._id, self._model, self._created_s = id, envelope.model, created_s
        self._wants_usage = envelope.wants_usage
        self._usage: Usage | None = None
        self._choices: dict[int, _Choice] = {}
        self._failed = False
        self._lost: dict[str, None] = {}

    @property
    def lost(self) -> Sequence[str]:
        return tuple(self._lost)

    def stream(self, part: Part) -> bytes:
        if isinstance(part, Ended):
            return self._end()
        if isinstance(part, Failed):
            self._failed = True
            return sse.encode(jsonx.encode({"error": _error(part)}))
        if isinstance(part, Finished):
            self._choice(part.choice).finished = self._word(part)
            return self._chunk(part.choice, {}, finish=self._word(part))
        delta = self._delta(part)
        return b"" if delta is None else self._chunk(_choice_of(part), delta)

    def body(self, parts: Sequence[Part]) -> bytes:
        said: dict[int, WholeMessage] = {0: WholeMessage()}
        for part in parts:
            if isinstance(part, Failed):
                return jsonx.encode({"error": _error(part)})
            if isinstance(part, Finished):
                self._choice(part.choice).finished = self._word(part)
            elif (delta := self._delta(part)) is not None:
                self._choice(_choice_of(part))
                said.setdefault(_choice_of(part), WholeMessage()).add(delta)
        choices = [
            {
                "index": index,
                "message": message.wire,
                "logprobs": message.logprobs,
                "finish_reason": self._choice(index).reason,
            }
            for index, message in sorted(said.items())
        ]
        head = self._head("chat.completion")
        usage = None if self._usage is None else usage_on_wire(self._usage)
        return jsonx.encode({**head, "choices": choices, "usage": usage})

    def _head(self, object: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": object,
            "created": self._created_s,
            "model": self._model,
        }

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _delta(self, part: Part) -> dict[str, Any] | None:
        """What a part says of one choice; None where it says nothing of any."""
        if isinstance(part, Text):
            return {"content": part.text}
        if isinstance(part, Reasoning):
            return self._thought(part)
        if isinstance(part, ToolCall):
            return {"tool_calls": [self._call(part)]}
        if isinstance(part, Refusal):
            return {"refusal": part.text}
        if isinstance(part, Other):
            return self._other(part)
        if isinstance(part, Used):
            self._usage = part.usage
        elif isinstance(part, Began):
            self._id, self._model = part.id or self._id, part.model or self._model
        return None

    def _thought(self, part: Reasoning) -> dict[str, Any] | None:
        """Text as it comes, and the whole block again once it is sealed."""
        choice = self._choice(part.choice)
        delta: dict[str, Any] = {}
        if part.text:
            choice.thought.append(part.text)
            delta["reasoning_content"] = part.text
        blocks: list[dict[str, Any]] = []
        if part.signature:
            thought = "".join(choice.thought)
            choice.thought = []
            blocks.append({"type": "thinking", "thinking": thought, "signature": part.signature})
        if part.redacted is not None:
            blocks.append({"type": "redacted_thinking", "data": part.redacted})
        if blocks:
            # OpenAI's client puts lists of a stream together by the index of their entries.
            delta["thinking_blocks"] = [
                {"index": place, **block} for place, block in enumerate(blocks, choice.blocks)
            ]
            choice.blocks += len(blocks)
        return delta or None

    def _call(self, part: ToolCall) -> dict[str, Any]:
        calls = self._choice(part.choice).calls
        function: dict[str, Any] = {"arguments": part.arguments}
        if part.name:
            function = {"name": part.name, **function}
        # The place of a call is counted here: a list in a client has no gaps.
        if part.index not in calls:
            calls[part.index] = len(calls)
            name = part.id or f"call_{len(calls)}_{self._id[-24:]}"
            head = {"index": calls[part.index], "id": name, "type": "function"}
            return {**head, "function": function}
        return {"index": calls[part.index], "function": function}

    def _other(self, part: Other) -> dict[str, Any] | None:
        if part.kind in OTHERS or part.kind == "logprobs":
            return {part.kind: part.data}
        self._lost[part.kind] = None
        return None

    def _word(self, part: Finished) -> str:
        if part.reason == "pause":
            self._lost["pause"] = None
        if REASONS.get(part.word) == part.reason:
            return part.word
        return _WORDS.get(part.reason, part.reason)

    def _chunk(self, index: int, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        choice = self._choice(index)
        if not choice.begun:
            choice.begun = True
            delta = {"role": "assistant", **delta}
        wire = {
            "index": index,
            "delta": delta,
            "logprobs": delta.pop("logprobs", None),
            "finish_reason": finish,
        }
        usage = {"usage": None} if self._wants_usage else {}
        head = self._head("chat.completion.chunk")
        return sse.encode(jsonx.encode({**head, "choices": [wire], **usage}))

    def _end(self) -> bytes:
        if self._failed:
            return b""
        self._choice(0)
        events = [
            self._chunk(index, {}, finish=choice.reason)
            for index, choice in sorted(self._choices.items())
            if choice.finished is None
        ]
        if self._wants_usage and self._usage is not None:
            head = self._head("chat.completion.chunk")
            last = {**head, "choices": [], "usage": usage_on_wire(self._usage)}
            events.append(sse.encode(jsonx.encode(last)))
        return b"".join([*events, DONE])


class _Choice:
    """How far a choice has come."""

    __slots__ = ("begun", "blocks", "calls", "finished", "thought")

    def __init__(self) -> None:
        self.blocks = 0
        self.begun = False
        self.finished: str | None = None
        self.calls: dict[int, int] = {}
        self.thought: list[str] = []

    @property
    def reason(self) -> str:
        """Why it ended, also where the provider did not say."""
        return self.finished or ("tool_calls" if self.calls else "stop")


def _choice_of(part: Part) -> int:
    return getattr(part, "choice", 0)


def _error(part: Failed) -> dict[str, Any]:
    return {
        "message": part.message,
        "type": openai_kind_of_failure(part),
        "param": None,
        "code": part.status,
    }


# -- answers of our own ------------------------------------------------------------------------


def completion(
    *,
    id: str,
    model: str,
    created_s: int,
    text: str,
    usage: Usage,
    finish_reason: FinishReason = "stop",
) -> bytes:
    """A whole answer of one text choice."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": finish_reason,
    }
    head = {"id": id, "object": "chat.completion", "created": created_s, "model": model}
    return jsonx.encode({**head, "choices": [choice], "usage": usage_on_wire(usage)})


def chunk(
    *,
    id: str,
    model: str,
    created_s: int,
    text: str | None = None,
    first: bool = False,
    finish_reason: FinishReason | None = None,
) -> bytes:
    """One event of a streamed answer; `first` adds the role, `finish_reason` ends the choice."""
    delta: dict[str, Any] = {"role": "assistant"} if first else {}
    if text is not None:
        delta["content"] = text
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    head = {"id": id, "object": "chat.completion.chunk", "created": created_s, "model": model}
    return sse.encode(jsonx.encode({**head, "choices": [choice]}))


def usage_chunk(*, id: str, model: str, created_s: int, usage: Usage) -> bytes:
    """The event after the last choice that carries the usage (`stream_options.include_usage`)."""
    head = {"id": id, "object": "chat.completion.chunk", "created": created_s, "model": model}
    return sse.encode(jsonx.encode({**head, "choices": [], "usage": usage_on_wire(usage)}))
