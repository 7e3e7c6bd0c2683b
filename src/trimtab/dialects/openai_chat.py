"""OpenAI chat completions on the wire: requests in, completions and chunks out, errors.

A request is kept as an envelope of raw JSON fields, so whatever Trimtab does not know passes
through untouched. `Fold` reads an answer, streamed or not, into one message with its usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any, Literal

import msgspec

from trimtab.errors import InvalidRequest, ProviderError, RequestError, TrimtabError
from trimtab.kit import jsonx, sse
from trimtab.records import Message, Usage

DONE = b"data: [DONE]\n\n"
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error"]


_NOT_PARAMETERS = frozenset({"model", "messages", "stream", "stream_options"})

# -- requests ----------------------------------------------------------------------------------


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came: every field raw, the few that Trimtab acts on decoded."""

    model: str
    messages: list[Message]
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: str | None = None
    fields: dict[str, msgspec.Raw] = {}

    @property
    def wants_usage(self) -> bool:
        """Whether the caller asked for the extra usage chunk of a stream."""
        return self.stream_options is not None and self.stream_options.include_usage

    def body(self, /, **changes: Any) -> bytes:
        """The request as JSON with some fields replaced; a value of None removes the field."""
        fields: dict[str, Any] = {**self.fields, **changes}
        return jsonx.encode({key: value for key, value in fields.items() if value is not None})


def read_request(body: bytes) -> ChatRequest:
    """Decode and check a request body.

    Raises:
        InvalidRequest: not a JSON object, or `model` or `messages` missing or of a wrong type;
            `where` names the field.
    """
    fields = jsonx.decode(body, dict[str, msgspec.Raw])
    for name in ("model", "messages"):
        if name not in fields:
            raise InvalidRequest(f"{name!r} is missing", where=name, fix=_FIX[name])
    request = ChatRequest(
        model=_field(fields, "model", str),
        messages=_field(fields, "messages", list[Message]),
        stream=_field(fields, "stream", bool | None) or False,
        stream_options=_field(fields, "stream_options", StreamOptions | None),
        user=_field(fields, "user", str | None),
        fields=fields,
    )
    if not request.model:
        raise InvalidRequest("'model' is empty", where="model", fix=_FIX["model"])
    if not request.messages:
        raise InvalidRequest("'messages' is empty", where="messages", fix=_FIX["messages"])
    for index, message in enumerate(request.messages):
        check_role(message.role, f"messages[{index}].role")
    return request


def check_role(role: str, where: str) -> None:
    """Raises InvalidRequest for a role that no chat has."""
    if role not in ROLES:
        raise InvalidRequest(
            f"unknown role {role[:50]!r}", where=where, fix=f"use one of {', '.join(ROLES)}"
        )


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raises InvalidRequest for a field that a prompt or a release cannot decide."""
    reserved = sorted(_NOT_PARAMETERS.intersection(parameters))
    if reserved:
        raise InvalidRequest(
            f"{reserved[0]!r} cannot be set as a parameter",
            where=f"parameters.{reserved[0]}",
            fix="leave it out: targets name the model, the prompt opens the messages, and the "
            "caller decides about streaming",
        )


_FIX = {
    "model": "name a route or a model of GET /v1/models",
    "messages": 'send at least one message, like {"role": "user", "content": "Hello"}',
}


def _field(fields: dict[str, msgspec.Raw], name: str, type: Any) -> Any:
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=type)
    except (msgspec.DecodeError, RecursionError) as error:
        text, path = jsonx.reason(error)
        raise InvalidRequest(
            f"{name!r} is wrong: {text}",
            where=name + path.removeprefix("$"),
            fix=_FIX.get(name, "see the OpenAI chat completions reference"),
        ) from None


# -- answers -----------------------------------------------------------------------------------


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


_MOST_TOKENS = 10**9  # No call uses more; a count beyond is an error of the provider's.


def usage_on_wire(usage: Usage) -> dict[str, Any]:
    """Disjoint buckets to OpenAI's nested totals."""
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total_input + usage.total_output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "audio_tokens": usage.audio_input,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.audio_output,
        },
    }


def usage_from_wire(wire: dict[str, Any]) -> Usage:
    """OpenAI's nested totals to disjoint buckets.

    >>> usage_from_wire({"prompt_tokens": 10, "completion_tokens": 5,
    ...                  "prompt_tokens_details": {"cached_tokens": 4}}).input
    6
    """
    inputs = _dict(wire.get("prompt_tokens_details"))
    outputs = _dict(wire.get("completion_tokens_details"))
    cached, audio_in = _count(inputs, "cached_tokens"), _count(inputs, "audio_tokens")
    reasoning, audio_out = _count(outputs, "reasoning_tokens"), _count(outputs, "audio_tokens")
    return Usage(
        input=max(0, _count(wire, "prompt_tokens") - cached - audio_in),
        cache_read=cached,
        audio_input=audio_in,
        output=max(0, _count(wire, "completion_tokens") - reasoning - audio_out),
        reasoning=reasoning,
        audio_output=audio_out,
    )


def _is_usable(wire: dict[str, Any]) -> bool:
    """Whether counts were reported that can be true; what cannot is as good as not reported."""
    reported = [wire.get(key) for key in ("prompt_tokens", "completion_tokens")]
    totals = [count for count in reported if count is not None]
    return bool(totals) and all(type(n) is int and 0 <= n <= _MOST_TOKENS for n in totals)


def _count(wire: dict[str, Any], key: str) -> int:
    value = wire.get(key)
    return value if type(value) is int and 0 < value <= _MOST_TOKENS else 0


MAX_TEXT_BYTES = 8 << 20
"""Of one answer so much text is kept for the record: its content, refusal, reasoning and calls."""
_MAX_NAME_CHARS = 1_000  # Of a model, a role, a reason: one that is longer is none of these.
_MAX_ERROR_CHARS = 10_000
_MAX_TOOL_CALLS = 1_000


class Fold:
    """Reads an answer as it passes and keeps what the record needs.

    Feed it every chunk of a body, streamed (`stream=True`) or not, then call `finish`. It never
    raises for a strange answer: what cannot be read is left out and `complete` stays False. Of a
    huge answer it keeps the beginning, `MAX_TEXT_BYTES` of text, and `truncated` becomes True.
    """

    def __init__(self, *, stream: bool) -> None:
        self.stream = stream
        self.role = "assistant"
        self.model: str | None = None
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.error: str | None = None
        self.complete = False
        self.truncated = False
        self._room_bytes = MAX_TEXT_BYTES
        self._text = StringIO()
        self._extra: dict[str, StringIO] = {}
        self._tool_calls: dict[int, _ToolCall] = {}
        self._body: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take a chunk of a body that is not a stream."""
        self._body.append(data)

    def event(self, data: str) -> bool:
        """Take the data of one event; return whether it carried content for the caller."""
        if data == "[DONE]":
            self.complete = True
            return False
        try:
            wire = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError):
            return False
        return self._chunk(wire) if isinstance(wire, dict) else False

    def finish(self) -> None:
        """Take a clean end: read the body collected by `feed`, or see whether a stream is whole.

        A stream may end without `[DONE]`, as that of many servers does: one that said why its
        answer ended is complete.
        """
        if self.stream:
            ended = self.finish_reason is not None and self.error is None
            self.complete = self.complete or ended
            return
        try:
            wire = msgspec.json.decode(b"".join(self._body))
        except (msgspec.DecodeError, RecursionError):
            self.error = "the provider's answer is not JSON"
            return
        if isinstance(wire, dict):
            self._head(wire)
            for choice in _dicts(wire.get("choices"))[:1]:
                self._delta(_dict(choice.get("message")))
                self._finished(choice)
            self.complete = self.error is None

    @property
    def text(self) -> str:
        return self._text.getvalue()

    @property
    def message(self) -> dict[str, Any]:
        """The answer as one message in the wire's shape."""
        message: dict[str, Any] = {"role": self.role, "content": self.text or None}
        message |= {key: text.getvalue() for key, text in self._extra.items()}
        if self._tool_calls:
            message["tool_calls"] = [call.wire for _, call in sorted(self._tool_calls.items())]
        return message

    def _head(self, wire: dict[str, Any]) -> None:
        self.model = _name(wire.get("model")) or self.model
        usage = wire.get("usage")
        if isinstance(usage, dict) and _is_usable(usage):
            self.usage = usage_from_wire(usage)
        if wire.get("error"):
            self.error = _reason(wire["error"])[:_MAX_ERROR_CHARS]

    def _chunk(self, wire: dict[str, Any]) -> bool:
        self._head(wire)
        content = False
        for choice in _dicts(wire.get("choices")):
            if choice.get("index", 0) != 0:
                content = True
                continue
            content = self._delta(_dict(choice.get("delta"))) or content
            self._finished(choice)
        return content

    def _finished(self, choice: dict[str, Any]) -> None:
        self.finish_reason = _name(choice.get("finish_reason")) or self.finish_reason

    def _delta(self, delta: dict[str, Any]) -> bool:
        self.role = _name(delta.get("role")) or self.role
        self._keep(self._text, delta.get("content"))
        for key in ("refusal", "reasoning_content"):
            if isinstance(delta.get(key), str) and delta[key]:
                self._keep(self._extra.setdefault(key, StringIO()), delta[key])
        for position, call in enumerate(_dicts(delta.get("tool_calls"))):
            index = call.get("index")
            self._tool_call(index if isinstance(index, int) else position, call)
        return any(delta.get(key) for key in ("content", "refusal", "reasoning_content")) or bool(
            delta.get("tool_calls")
        )

    def _keep(self, kept: StringIO, text: Any) -> None:
        """Add a text, or as much of it as there is room for."""
        if not isinstance(text, str):
            return
        size_bytes = len(text) if text.isascii() else len(text.encode())
        if size_bytes > self._room_bytes:
            self.truncated = True
            text = text.encode()[: self._room_bytes].decode(errors="ignore")
            size_bytes = self._room_bytes
        self._room_bytes -= size_bytes
        kept.write(text)

    def _tool_call(self, index: int, part: dict[str, Any]) -> None:
        """Merge a fragment: id and name come once, arguments piece by piece."""
        call = self._tool_calls.get(index)
        if call is None:
            if len(self._tool_calls) >= _MAX_TOOL_CALLS:
                self.truncated = True
                return
            call = self._tool_calls[index] = _ToolCall()
        function = _dict(part.get("function"))
        call.id = _short(part.get("id")) or call.id
        call.type = _short(part.get("type")) or call.type
        call.name = _short(function.get("name")) or call.name
        arguments = function.get("arguments") or ""
        # Some providers send the JSON itself.
        self._keep(call.arguments, arguments if isinstance(arguments, str) else _text(arguments))


class _ToolCall:
    """A tool call that comes in fragments."""

    def __init__(self) -> None:
        self.id: str | int | None = None
        self.type: str | int = "function"
        self.name: str | int = ""
        self.arguments = StringIO()

    @property
    def wire(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": self.arguments.getvalue()}
        return {"id": self.id, "type": self.type, "function": function}


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_NAME_CHARS else None


def _short(value: Any) -> str | int | None:
    """An identifier; some providers number theirs."""
    return value if type(value) is int else _name(value)


def _reason(error: Any) -> str:
    """What an error says, never empty."""
    said = _dict(error).get("message") or error
    return said if isinstance(said, str) else _text(said) or "an error that cannot be read"


def _text(value: Any) -> str:
    """A JSON value as text; empty where it is nested too deep to be written again."""
    try:
        return jsonx.encode(value).decode()
    except RecursionError:
        return ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# -- errors ------------------------------------------------------------------------------------


def error_body(error: TrimtabError) -> dict[str, Any]:
    """An error in the shape OpenAI's clients read; `where` becomes `param`."""
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    kind = "invalid_request_error" if isinstance(error, RequestError) else "server_error"
    if isinstance(error, ProviderError):
        kind = "upstream_error"
    return {
        "error": {
            "message": f"{error.what}; {error.fix}" if error.fix else error.what,
            "type": kinds.get(error.status, kind),
            "param": error.where,
            "code": error.code,
        }
    }
