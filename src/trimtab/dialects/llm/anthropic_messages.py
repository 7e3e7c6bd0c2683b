"""The dialect of Anthropic's messages: requests, errors, and where the rest of it is.

`anthropic_reader` and `anthropic_writer` have the answers, `anthropic_question` and `anthropic_ask`
the requests in neutral form, `anthropic_usage` the token counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_type_hints

import msgspec

from trimtab.dialects.llm import anthropic_ask, anthropic_question
from trimtab.dialects.llm.anthropic_reader import MessagesReader
from trimtab.dialects.llm.anthropic_writer import MessagesWriter
from trimtab.dialects.llm.dialect import Dialect, Envelope, Reader, Writer
from trimtab.dialects.llm.error_kinds import anthropic_kind, facts, status_of
from trimtab.dialects.llm.fields import field, fields_of
from trimtab.dialects.llm.openai_chat import OPENAI_CHAT, on_wire, spliced
from trimtab.dialects.llm.question import Asked, Question
from trimtab.dialects.llm.text_size import raw_size, text_size
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.kit import jsonx, sse
from trimtab.records import Message

ROLES = ("user", "assistant", "system")

_MOST_TOKENS = 10**9  # No answer is longer; a greater limit is as good as none.
_FIX = {
    "model": "name a route or a model of GET /v1/models",
    "messages": 'send at least one message, like {"role": "user", "content": "Hello"}',
    "max_tokens": "say how many tokens the answer may have, like 1024",
}


class _Said(msgspec.Struct, frozen=True):
    role: str
    content: str | list[dict[str, Any]]


class _Head(msgspec.Struct, gc=False):
    """The fields that every call needs, decoded at once; each is checked by its type."""

    model: str
    messages: list[_Said]
    max_tokens: int | None = None
    system: str | list[dict[str, Any]] | None = None
    stream: bool | None = None
    metadata: dict[str, Any] | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_HEAD = get_type_hints(_Head)


class AnthropicMessages:
    """See `Dialect`."""

    name = "anthropic.messages"
    translates = True
    _needs_limit = True

    def envelope(self, body: bytes) -> Envelope:
        fields, own = fields_of(body)
        head = self._head(body, fields)
        _check(head)
        user = (head.metadata or {}).get("user_id")
        contents = [head.system, *(message.content for message in head.messages)]
        return Envelope(
            model=head.model,
            stream=bool(head.stream),
            user=user if isinstance(user, str) and user else None,
            max_tokens=_limit(head),
            trimtab=own,
            fields=fields,
            text_bytes=text_size(contents) + raw_size(fields, "tools"),
        )

    def messages(self, envelope: Envelope) -> list[Any]:
        messages: list[Any] = msgspec.json.decode(envelope.fields["messages"])
        system = _field(envelope.fields, "system", Any)
        return [{"role": "system", "content": system}, *messages] if system else messages

    def opened(self, envelope: Envelope, opening: Sequence[Message]) -> dict[str, Any]:
        if not opening:
            return {}
        written = _written(opening)
        changes: dict[str, Any] = {}
        if system := written.get("system"):
            blocks = system if isinstance(system, list) else [{"type": "text", "text": system}]
            changes["system"] = spliced(blocks, _as_array(envelope.fields.get("system")))
        if written["messages"]:
            changes["messages"] = spliced(written["messages"], envelope.fields["messages"])
        return changes

    def asking_usage(self, envelope: Envelope) -> dict[str, Any]:
        del envelope  # Its streams always report their usage.
        return {}

    def reader(self) -> Reader:
        return MessagesReader()

    def writer(self, envelope: Envelope, *, id: str, created_s: int) -> Writer:
        return MessagesWriter(envelope, id=id, created_s=created_s)

    def question(self, envelope: Envelope) -> Question:
        return anthropic_question.question(envelope)

    def ask(self, question: Question, *, model: str) -> Asked:
        return anthropic_ask.ask(question, model=model)

    def error(self, error: TrimtabError) -> bytes:
        return jsonx.encode(_error(error))

    def error_event(self, error: TrimtabError) -> bytes:
        return sse.encode(self.error(error), name="error")

    def _head(self, body: bytes, fields: dict[str, msgspec.Raw]) -> _Head:
        """Raises InvalidRequest for the first field that is missing or of a wrong type."""
        try:
            head = _decode_head(body)
        except (msgspec.DecodeError, RecursionError):
            head = None
        if head is not None and (head.max_tokens is not None or not self._needs_limit):
            return head
        for name in ("model", "max_tokens", "messages"):
            if name not in fields and (name != "max_tokens" or self._needs_limit):
                raise InvalidRequest(f"{name!r} is missing", where=name, fix=_FIX[name])
        kinds = {**_HEAD, "max_tokens": int} if self._needs_limit else _HEAD
        return _Head(**{name: _field(fields, name, kind) for name, kind in kinds.items()})


ANTHROPIC_MESSAGES: Dialect = AnthropicMessages()


def _written(opening: Sequence[Message]) -> dict[str, Any]:
    """A prompt's messages, which are in OpenAI's shape, in this one."""
    body = jsonx.encode({"model": "-", "messages": [on_wire(message) for message in opening]})
    question = OPENAI_CHAT.question(OPENAI_CHAT.envelope(body))
    written: dict[str, Any] = jsonx.decode(anthropic_ask.ask(question, model="-").body)
    return written


def _as_array(system: msgspec.Raw | None) -> msgspec.Raw:
    """The caller's system text as an array of blocks, its own bytes as they came."""
    raw = b"[]" if system is None else bytes(system).strip()
    if raw in (b"null", b'""'):
        return msgspec.Raw(b"[]")
    is_array = raw.startswith(b"[")
    return msgspec.Raw(raw if is_array else b'[{"type":"text","text":' + raw + b"}]")


def _error(error: TrimtabError) -> dict[str, Any]:
    """An error in the shape Anthropic's clients read."""
    kind = anthropic_kind(status_of(error))
    said = {"type": kind, "code": error.code, "message": str(error), **facts(error)}
    return {"type": "error", "error": said}


def _check(head: _Head) -> None:
    if not head.model:
        raise InvalidRequest("'model' is empty", where="model", fix=_FIX["model"])
    if not head.messages:
        raise InvalidRequest("'messages' is empty", where="messages", fix=_FIX["messages"])
    for index, message in enumerate(head.messages):
        if message.role not in ROLES:
            raise InvalidRequest(
                f"unknown role {message.role[:50]!r}",
                where=f"messages[{index}].role",
                fix="use one of user, assistant; the system's text goes into 'system'",
            )


def _limit(head: _Head) -> int | None:
    """The limit of an answer, for estimates: the provider judges whether it can be."""
    limit = head.max_tokens
    return limit if limit is not None and 0 <= limit <= _MOST_TOKENS else None


def _field(fields: dict[str, msgspec.Raw], name: str, kind: Any) -> Any:
    try:
        return field(fields, name, kind)
    except InvalidRequest as error:
        fix = _FIX.get(name, "see Anthropic's reference of messages")
        raise InvalidRequest(error.what, where=error.where, fix=fix) from None
