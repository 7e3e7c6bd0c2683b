"""Answers of Amazon Bedrock's Converse as parts: events of a stream, and whole answers.

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html. The events
come as server-sent ones, named as in the event stream, exceptions included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.dialects.llm.parts import (
    Began,
    Ended,
    Failed,
    Finished,
    FinishReason,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    Used,
)
from trimtab.dialects.llm.target import count, read
from trimtab.kit import jsonx, sse
from trimtab.records import Usage

_REASONS: Mapping[str, FinishReason] = {
    "content_filtered": "content_filter",
    "end_turn": "stop",
    "guardrail_intervened": "content_filter",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
}
# The model broke down: without a word of an answer that is a failure, not an end.
_BROKEN = frozenset({"malformed_model_output", "malformed_tool_use"})
_STATUSES = {
    "accessDeniedException": 403,
    "internalServerException": 500,
    "modelErrorException": 424,
    "modelNotReadyException": 429,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "resourceNotFoundException": 404,
    "serviceQuotaExceededException": 400,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}


class ConverseReader:
    """Reads one answer. Usage comes after the reason why it ended, so the end waits for it."""

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}
        self._answered = False
        self._stopped = False
        self._over = False

    def event(self, event: sse.Event) -> Sequence[Part]:
        if event.data is None or self._over:
            return ()
        value = read(event.data)
        if not isinstance(value, dict):
            return ()
        if event.name.endswith("Exception") or event.name == "error":
            self._over = True
            named = "" if event.name == "error" else event.name
            return (_failed(value, named or str(value.get("__type") or "")),)
        return self._named(event.name, value)

    def body(self, body: bytes) -> Sequence[Part]:
        value = read(body)
        if not isinstance(value, dict):
            return (Failed(message="the answer is not JSON"),)
        output = value.get("output")
        message = output.get("message") if isinstance(output, dict) else None
        if not isinstance(message, dict):
            return (_failed(value, str(value.get("__type") or "")),)
        parts: list[Part] = [Began()]
        for index, block in enumerate(_list(message.get("content"))):
            if isinstance(block, dict):
                parts += self._block(block, index)
        parts += _used(value.get("usage"))
        parts += self._finished(value.get("stopReason"))
        return parts if self._over else [*parts, Ended()]

    def end(self) -> Sequence[Part]:
        if self._over or not self._stopped:
            return ()
        self._over = True
        return (Ended(),)

    def _named(self, name: str, value: dict[str, Any]) -> list[Part]:
        index = count(value.get("contentBlockIndex"))
        if name == "messageStart":
            return [Began()]
        if name == "contentBlockStart":
            return self._start(_dict(value.get("start")), index)
        if name == "contentBlockDelta":
            return self._delta(_dict(value.get("delta")), index)
        if name == "messageStop":
            self._stopped = True
            return self._finished(value.get("stopReason"))
        if name == "metadata":
            return [*_used(value.get("usage")), *self.end()]
        return []

    def _start(self, start: dict[str, Any], index: int) -> list[Part]:
        use = start.get("toolUse")
        if not isinstance(use, dict):
            return [Other(kind=kind, data=data) for kind, data in start.items()]
        return [self._call(use, index, "")]

    def _delta(self, delta: dict[str, Any], index: int) -> list[Part]:
        use = delta.get("toolUse")
        if not isinstance(use, dict):
            return self._block(delta, index)
        fragment = use.get("input")
        if not isinstance(fragment, str) or index not in self._calls:
            return []
        return [ToolCall(index=self._calls[index], arguments=fragment)]

    def _block(self, block: dict[str, Any], index: int) -> list[Part]:
        """A content block, or a piece of one; they differ in tool calls and reasoning only."""
        said: list[Part] = []
        for kind, value in block.items():
            if kind == "text" and isinstance(value, str):
                said += [Text(value)] if value else []
            elif kind == "reasoningContent" and isinstance(value, dict):
                said += _reasoning(value)
            elif kind == "toolUse" and isinstance(value, dict):
                arguments = jsonx.encode(value.get("input") or {}).decode()
                said.append(self._call(value, index, arguments))
            else:
                said.append(Other(kind=kind, data=value))
        self._answered = self._answered or bool(said)
        return said

    def _call(self, use: dict[str, Any], index: int, arguments: str) -> ToolCall:
        self._answered = True
        number = self._calls[index] = len(self._calls)
        return ToolCall(
            index=number,
            id=str(use.get("toolUseId", "")),
            name=str(use.get("name", "")),
            arguments=arguments,
        )

    def _finished(self, reason: Any) -> list[Part]:
        word = str(reason or "")
        if word in _BROKEN and not self._answered:
            self._over = True
            return [Failed(message=f"the model gave no answer: {word}", kind=word)]
        return [Finished(reason=_REASONS.get(word, "stop"), word=word)]


def usage_of(counts: Mapping[str, Any]) -> Usage:
    """Disjoint buckets of `TokenUsage`; what was read from and written to the cache is beside it.

    >>> usage = usage_of({"inputTokens": 10, "outputTokens": 5, "cacheWriteInputTokens": 7,
    ...                   "cacheDetails": [{"ttl": "1h", "inputTokens": 3}]})
    >>> usage.input, usage.cache_write_5m, usage.cache_write_1h, usage.output
    (10, 4, 3, 5)
    """
    written = count(counts.get("cacheWriteInputTokens"))
    long = sum(
        count(each.get("inputTokens"))
        for each in _list(counts.get("cacheDetails"))
        if isinstance(each, dict) and each.get("ttl") == "1h"
    )
    return Usage(
        input=count(counts.get("inputTokens")),
        cache_read=count(counts.get("cacheReadInputTokens")),
        cache_write_5m=max(0, written - long),
        cache_write_1h=long,
        output=count(counts.get("outputTokens")),
    )


def _used(counts: Any) -> list[Part]:
    return [Used(usage_of(counts))] if isinstance(counts, dict) else []


def _reasoning(value: dict[str, Any]) -> list[Part]:
    """Whole in an answer (`reasoningText`), in pieces in a stream."""
    inner = value.get("reasoningText")
    said = inner if isinstance(inner, dict) else value
    text, signature = said.get("text"), said.get("signature")
    redacted = value.get("redactedContent")
    parts: list[Part] = []
    if isinstance(text, str) and text:
        parts.append(Reasoning(text=text))
    if isinstance(signature, str) and signature:
        parts.append(Reasoning(signature=signature))
    if isinstance(redacted, str) and redacted:
        parts.append(Reasoning(redacted=redacted))
    return parts


def _failed(value: dict[str, Any], name: str) -> Failed:
    kind = name.rpartition("#")[2]
    kind = kind[:1].lower() + kind[1:]
    message = value.get("message") or value.get("Message") or kind or "the provider failed"
    status = count(value.get("originalStatusCode")) or _STATUSES.get(kind)
    return Failed(message=str(message), kind=kind, status=status)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
