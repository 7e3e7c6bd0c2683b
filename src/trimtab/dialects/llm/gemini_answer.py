"""Gemini's answers as parts: the chunks of a stream, and whole answers, which have the same shape.

Source: ai.google.dev/api/generate-content (GenerateContentResponse, UsageMetadata) and
google.rpc.Status for errors. A stream has no terminator: it is whole when a candidate has a finish
reason, or when the prompt was blocked.
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
from trimtab.dialects.llm.target import GEMINI_SIGNED, count, read
from trimtab.kit import ids, jsonx, sse
from trimtab.records import Usage

_FILTERED = (
    "BLOCKLIST",
    "ESCALATION",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_SAFETY",
    "LANGUAGE",
    "MODEL_ARMOR",
    "PROHIBITED_CONTENT",
    "PUP_LIMITED_DISABLED",
    "RECITATION",
    "SAFETY",
    "SPII",
)
_REASONS: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(_FILTERED, "content_filter"),
}
# The model broke down: without a word of an answer that is a failure, not an end.
_BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "OTHER",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)
_SAID = frozenset({"text", "thought", "thoughtSignature", "functionCall", "partMetadata"})
_BESIDE = ("citationMetadata", "groundingMetadata", "urlContextMetadata")


class GeminiReader:
    """Reads one answer. Why a candidate ended is said at the end: any chunk may repeat it."""

    def __init__(self) -> None:
        self._began = False
        self._counts: dict[str, Any] = {}
        self._calls: dict[int, int] = {}
        self._answered: set[int] = set()
        self._finished: dict[int, str] = {}
        self._why: dict[int, str] = {}
        self._blocked = ""
        self._failed = False

    def event(self, event: sse.Event) -> Sequence[Part]:
        if event.data is None or self._failed:
            return ()
        return self._chunk(read(event.data))

    def body(self, body: bytes) -> Sequence[Part]:
        value = read(body)
        if not isinstance(value, dict | list):
            return (Failed(message="the answer is not JSON"),)
        parts = [part for chunk in _chunks(value) for part in self._chunk(chunk)]
        return parts if self._failed else [*parts, *self._end()]

    def end(self) -> Sequence[Part]:
        over = self._finished or self._blocked
        return self._end() if over and not self._failed else ()

    def _end(self) -> list[Part]:
        if self._blocked and not self._finished:
            return [Finished(reason="content_filter", word=self._blocked), Ended()]
        broken = [word for word in self._finished.values() if word in _BROKEN]
        if broken and not self._answered:
            self._failed = True
            said = "; ".join(self._why.values())
            message = f"the model gave no answer: {broken[0]}{f' ({said})' if said else ''}"
            return [Failed(message=message, kind=broken[0])]
        finished = [
            Finished(reason=self._reason(choice, word), word=word, choice=choice)
            for choice, word in self._finished.items()
        ]
        return [*finished, Ended()]

    def _reason(self, choice: int, word: str) -> FinishReason:
        if word == "STOP" and choice in self._calls:
            return "tool_calls"
        return _REASONS.get(word, "stop")

    def _chunk(self, chunk: Any) -> list[Part]:
        if not isinstance(chunk, dict):
            return []
        if isinstance(chunk.get("error"), dict):
            self._failed = True
            return [_failed(chunk["error"])]
        parts: list[Part] = []
        if not self._began:
            self._began = True
            parts.append(Began(id=chunk.get("responseId"), model=chunk.get("modelVersion")))
        for number, candidate in enumerate(_list(chunk.get("candidates"))):
            if isinstance(candidate, dict):
                parts += self._candidate(candidate, count(candidate.get("index", number)))
        feedback = chunk.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self._blocked = str(feedback["blockReason"])
            parts.append(Other(kind="prompt_feedback", data=feedback))
        parts += self._used(chunk.get("usageMetadata"))
        return parts

    def _candidate(self, candidate: dict[str, Any], choice: int) -> list[Part]:
        parts: list[Part] = []
        content = candidate.get("content")
        for part in _list(content.get("parts") if isinstance(content, dict) else None):
            if isinstance(part, dict):
                parts += self._part(part, choice)
        parts += [
            Other(kind=name, data=candidate[name], choice=choice)
            for name in _BESIDE
            if candidate.get(name)
        ]
        if word := candidate.get("finishReason"):
            self._finished[choice] = str(word)
        if isinstance(message := candidate.get("finishMessage"), str):
            self._why[choice] = message
        return parts

    def _part(self, part: dict[str, Any], choice: int) -> list[Part]:
        said: list[Part] = []
        text, signature = part.get("text"), part.get("thoughtSignature")
        if isinstance(text, str) and text:
            thought = part.get("thought")
            said.append(Reasoning(text=text, choice=choice) if thought else Text(text, choice))
        if isinstance(signature, str) and signature:
            said.append(Reasoning(signature=GEMINI_SIGNED + signature, choice=choice))
        call = part.get("functionCall")
        if isinstance(call, dict):
            index = self._calls.get(choice, 0)
            self._calls[choice] = index + 1
            said.append(_call(call, index, choice))
        said += [
            Other(kind=name, data=value, choice=choice)
            for name, value in part.items()
            if name not in _SAID
        ]
        if said:
            self._answered.add(choice)
        return said

    def _used(self, counts: Any) -> list[Part]:
        """Counts are those so far, and a chunk need not repeat all of them."""
        if not isinstance(counts, dict):
            return []
        told = {
            name: value
            for name, value in counts.items()
            if name.endswith(("TokenCount", "Details"))
        }
        if not told:
            return []
        self._counts.update(told)
        return [Used(usage_of(self._counts))]


def usage_of(counts: Mapping[str, Any]) -> Usage:
    """Disjoint buckets of `usageMetadata`.

    The prompt's count includes what was cached; what tools gave to the prompt is beside it. The
    candidates' count excludes thoughts, unless the total says that it includes them.

    >>> usage = usage_of({"promptTokenCount": 10, "cachedContentTokenCount": 4,
    ...                   "candidatesTokenCount": 3, "thoughtsTokenCount": 5,
    ...                   "totalTokenCount": 18})
    >>> usage.input, usage.cache_read, usage.output, usage.reasoning
    (6, 4, 3, 5)
    """
    prompt, cached = (
        count(counts.get("promptTokenCount")),
        count(counts.get("cachedContentTokenCount")),
    )
    tools, thoughts = (
        count(counts.get("toolUsePromptTokenCount")),
        count(counts.get("thoughtsTokenCount")),
    )
    answer, total = count(counts.get("candidatesTokenCount")), count(counts.get("totalTokenCount"))
    if thoughts and total == prompt + tools + answer:
        answer = max(0, answer - thoughts)
    cached = min(cached, prompt)
    heard = max(0, _audio(counts, "promptTokensDetails") - _audio(counts, "cacheTokensDetails"))
    heard = min(heard, prompt - cached)
    spoken = min(_audio(counts, "candidatesTokensDetails"), answer)
    return Usage(
        input=prompt - cached - heard + tools,
        cache_read=cached,
        audio_input=heard,
        output=answer - spoken,
        reasoning=thoughts,
        audio_output=spoken,
    )


def _audio(counts: Mapping[str, Any], details: str) -> int:
    return sum(
        count(each.get("tokenCount"))
        for each in _list(counts.get(details))
        if isinstance(each, dict) and each.get("modality") == "AUDIO"
    )


def _call(call: dict[str, Any], index: int, choice: int) -> ToolCall:
    """A call comes whole. Not every model gives it an id, and callers need one."""
    given, arguments = call.get("id"), call.get("args")
    return ToolCall(
        index=index,
        id=given if isinstance(given, str) and given else f"call_{ids.trace_id()}",
        name=str(call.get("name", "")),
        arguments=jsonx.encode({} if arguments is None else arguments).decode(),
        choice=choice,
    )


def _failed(error: dict[str, Any]) -> Failed:
    code = count(error.get("code"))
    return Failed(
        message=str(error.get("message") or "the provider failed"),
        kind=str(error.get("status") or ""),
        status=code if 400 <= code <= 599 else None,
    )


def _chunks(value: dict[str, Any] | list[Any]) -> list[Any]:
    """The chunks of a body: several where a stream came without server-sent events."""
    return value if isinstance(value, list) else [value]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
