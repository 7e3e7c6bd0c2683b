"""The dialect of OpenAI's chat completions: requests, errors, and where the rest of it is.

`openai_chat_reader` and `openai_chat_writer` have its answers, `openai_chat_question` and
`openai_chat_ask` its requests in neutral form, `openai_chat_usage` its token counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

import msgspec

from trimtab.dialects.llm import openai_chat_ask, openai_chat_question
from trimtab.dialects.llm.dialect import Dialect, Envelope
from trimtab.dialects.llm.error_kinds import facts, openai_kind_of
from trimtab.dialects.llm.fields import choices_of, field, fields_of
from trimtab.dialects.llm.openai_chat_reader import ChatReader
from trimtab.dialects.llm.openai_chat_usage import usage_from_wire, usage_on_wire
from trimtab.dialects.llm.openai_chat_writer import (
    DONE,
    ChatWriter,
    FinishReason,
    chunk,
    completion,
    usage_chunk,
)
from trimtab.dialects.llm.question import Asked, Question
from trimtab.dialects.llm.text_size import raw_size, text_size
from trimtab.dialects.llm.votes import votes_of
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.kit import jsonx, sse
from trimtab.records import Message

__all__ = [
    "DONE",
    "OPENAI_CHAT",
    "ROLES",
    "ChatReader",
    "ChatWriter",
    "FinishReason",
    "OpenAIChat",
    "check_parameters",
    "check_role",
    "chunk",
    "completion",
    "error_body",
    "usage_chunk",
    "usage_from_wire",
    "usage_on_wire",
]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_NOT_PARAMETERS = frozenset({"model", "messages", "stream", "stream_options"})
_MOST_TOKENS = 10**9  # No answer is longer; a greater limit is as good as none.
_FIX = {
    "model": "name a route or a model of GET /v1/models",
    "messages": 'send at least one message, like {"role": "user", "content": "Hello"}',
}


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class _Head(msgspec.Struct, gc=False):
    """The fields that every call needs, decoded at once; each is checked by its type."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    user: str | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_HEAD = get_type_hints(_Head)


class OpenAIChat:
    """See `Dialect`."""

    name = "openai.chat"
    translates = True

    def envelope(self, body: bytes) -> Envelope:
        fields, own = fields_of(body)
        head = _head(body, fields)
        _check(head)
        options = head.stream_options
        sizes = text_size(message.content for message in head.messages)
        return Envelope(
            model=head.model,
            stream=bool(head.stream),
            user=head.user,
            wants_usage=options is not None and options.include_usage,
            max_tokens=_limit(head),
            choices=choices_of(fields, "n"),
            trimtab=own,
            fields=fields,
            text_bytes=sizes + raw_size(fields, "tools", "functions"),
        )

    def messages(self, envelope: Envelope) -> list[Any]:
        messages: list[Any] = msgspec.json.decode(envelope.fields["messages"])
        return messages

    def opened(self, envelope: Envelope, opening: Sequence[Message]) -> dict[str, Any]:
        if not opening:
            return {}
        return {"messages": spliced([on_wire(m) for m in opening], envelope.fields["messages"])}

    def asking_usage(self, envelope: Envelope) -> dict[str, Any]:
        if not envelope.stream or envelope.wants_usage:
            return {}
        options = _field(envelope.fields, "stream_options", dict[str, msgspec.Raw] | None) or {}
        return {"stream_options": {**options, "include_usage": True}}

    def reader(self) -> ChatReader:
        return ChatReader()

    def writer(self, envelope: Envelope, *, id: str, created_s: int) -> ChatWriter:
        return ChatWriter(envelope, id=id, created_s=created_s)

    def question(self, envelope: Envelope) -> Question:
        return openai_chat_question.question(envelope)

    def ask(self, question: Question, *, model: str) -> Asked:
        return openai_chat_ask.ask(question, model=model)

    def error(self, error: TrimtabError) -> bytes:
        return jsonx.encode(error_body(error))

    def error_event(self, error: TrimtabError) -> bytes:
        return sse.encode(self.error(error))


OPENAI_CHAT: Dialect = OpenAIChat()


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
    votes_of(parameters)


def error_body(error: TrimtabError) -> dict[str, Any]:
    """An error in the shape OpenAI's clients read; `where` becomes `param`."""
    return {
        "error": {
            "message": f"{error.what}; {error.fix}" if error.fix else error.what,
            "type": openai_kind_of(error),
            "param": error.where,
            "code": error.code,
            **facts(error),
        }
    }


def on_wire(message: Message) -> dict[str, Any]:
    """A message as clients send it, without what it does not have."""
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    for name in ("name", "tool_calls", "tool_call_id"):
        if value := getattr(message, name):
            wire[name] = value
    return wire


def spliced(opening: Sequence[Any], array: msgspec.Raw) -> msgspec.Raw:
    """A raw JSON array with some values before its own, which stay byte for byte.

    >>> bytes(spliced([1], msgspec.Raw(b"[ 2.50 ]")))
    b'[1, 2.50 ]'
    """
    rest = bytes(array).strip()[1:]
    if not opening:
        return array
    between = b"" if rest.strip() == b"]" else b","
    return msgspec.Raw(jsonx.encode(list(opening))[:-1] + between + rest)


def _head(body: bytes, fields: dict[str, msgspec.Raw]) -> _Head:
    """Raises InvalidRequest for the first field that is missing or of a wrong type."""
    try:
        return _decode_head(body)
    except (msgspec.DecodeError, RecursionError):
        for name in ("model", "messages"):
            if name not in fields:
                raise InvalidRequest(f"{name!r} is missing", where=name, fix=_FIX[name]) from None
        return _Head(**{name: _field(fields, name, kind) for name, kind in _HEAD.items()})


def _check(head: _Head) -> None:
    if not head.model:
        raise InvalidRequest("'model' is empty", where="model", fix=_FIX["model"])
    if not head.messages:
        raise InvalidRequest("'messages' is empty", where="messages", fix=_FIX["messages"])
    for index, message in enumerate(head.messages):
        if message.role not in ROLES:
            check_role(message.role, f"messages[{index}].role")


def _field(fields: dict[str, msgspec.Raw], name: str, kind: Any) -> Any:
    try:
        return field(fields, name, kind)
    except InvalidRequest as error:
        fix = _FIX.get(name, "see the OpenAI chat completions reference")
        raise InvalidRequest(error.what, where=error.where, fix=fix) from None


def _limit(head: _Head) -> int | None:
    """The most tokens of an answer that the caller wants, for estimates: the provider checks it."""
    for limit in (head.max_completion_tokens, head.max_tokens):
        if limit is not None and 0 <= limit <= _MOST_TOKENS:
            return limit
    return None
