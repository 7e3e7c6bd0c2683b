"""Judging: asking a model, and having it judge by a schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from trimtab.records import TokenLogprob, ToolCall, Usage


class ChatReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back of a chat completion.

    `error` says why there is no answer, and `code` what kind of error that is, where somebody said
    (`content_filter`); the other fields hold what is known all the same. `status` is HTTP's, 0
    where nothing was reached. `cached` replies cost nothing now. `retry_after_s` is what whoever
    refused asked for.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None
    model: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    first_token_ms: float | None = None
    trace_id: str | None = None
    span_id: str | None = None
    release: str | None = None
    cached: bool = False
    status: int = 200
    error: str | None = None
    code: str | None = None
    retry_after_s: float | None = None


class Chat(Protocol):
    """Asks models through the gateway. Safe to use from many tasks of one event loop."""

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        """The reply to the body of an OpenAI chat completion. Never raises for a failed call."""
        ...


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge is asked: messages, and the JSON Schema that its answer must have.

    `read` makes a value of the decoded answer; it raises ValueError with what is wrong, which the
    judge is told once. `read_text` makes one of an answer that is no JSON at all, None where it
    cannot; without it such an answer is wrong. `sample` tells repetitions of one question apart, so
    that they are not one kept reply.
    """

    name: str
    messages: Sequence[Mapping[str, Any]]
    schema: Mapping[str, Any]
    read: Callable[[Any], Any]
    read_text: Callable[[str], Any] | None = None
    sample: int = 0


class JudgeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge's answer was read as, or why there is none.

    `value` is None where there is none. `cost_usd` is the sum over `calls` (a repair is one more),
    None when one of them is unpriced.
    """

    value: Any = None
    error: str | None = None
    text: str | None = None
    model: str | None = None
    calls: int = 1
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    timed_out: bool = False


class Judge(Protocol):
    """A model that judges; `model` is what belongs to the digest of who judges with it."""

    @property
    def model(self) -> str: ...

    async def ask(self, question: Question) -> JudgeAnswer:
        """Never raises for an answer that cannot be had; refuses what is no answer."""
        ...
