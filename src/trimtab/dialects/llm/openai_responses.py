"""OpenAI's responses API: requests as envelopes, prompts put before them, readers and writers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import (
    field,
    fields_of,
    limit_of,
    named_model,
)
from trimtab.dialects.llm.openai_chat import error_body, spliced
from trimtab.dialects.llm.openai_responses_ask import asked
from trimtab.dialects.llm.openai_responses_items import items_of
from trimtab.dialects.llm.openai_responses_question import KEPT, question_of
from trimtab.dialects.llm.openai_responses_reader import Reader
from trimtab.dialects.llm.openai_responses_writer import Writer
from trimtab.dialects.llm.question import Asked, Question
from trimtab.dialects.llm.text_size import raw_size, text_size
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.kit import jsonx, sse
from trimtab.records import Message

_SYSTEM = ("system", "developer")


def previous(envelope: Envelope) -> str | None:
    """The id of the response that a request continues: only the provider that gave it knows it.

    It is the `Began.id` of an earlier answer.
    """
    if "previous_response_id" not in envelope.fields:
        return None
    last: str | None = field(envelope.fields, "previous_response_id", str | None)
    return last


class OpenAIResponses:
    """See `dialect.Dialect`."""

    name = "openai.responses"
    translates = True

    def envelope(self, body: bytes) -> Envelope:
        fields, own = fields_of(body)
        if "prompt" in fields and "model" not in fields:
            raise InvalidRequest(
                "'model' is missing: the model of a stored prompt is known to its provider only",
                where="model",
                fix="name a route or a model of GET /v1/models beside `prompt`",
            )
        model = named_model(fields)
        _check_input(fields)
        user: str | None = field(fields, "user", str | None)
        return Envelope(
            model=model,
            stream=field(fields, "stream", bool | None) or False,
            user=user if user is not None else field(fields, "safety_identifier", str | None),
            max_tokens=limit_of(fields, "max_output_tokens"),
            trimtab=own,
            fields=fields,
            text_bytes=text_size(_texts(fields)) + raw_size(fields, "tools"),
        )

    def messages(self, envelope: Envelope) -> list[Any]:
        said: list[Any] = []
        instructions = field(envelope.fields, "instructions", Any)
        if instructions is not None:
            said.append({"role": "system", "content": instructions})
        asked_for = field(envelope.fields, "input", str | list[Any] | None)
        if isinstance(asked_for, str):
            said.append({"role": "user", "content": asked_for})
        elif asked_for is not None:
            said += asked_for
        return said

    def opened(self, envelope: Envelope, opening: Sequence[Message]) -> dict[str, Any]:
        """See `dialect.Dialect.opened`.

        System texts that come first become instructions, which a response that continues another
        does not inherit; the messages after them become items.
        """
        first = 0
        while first < len(opening) and _is_instruction(opening[first]):
            first += 1
        changes: dict[str, Any] = {}
        if first:
            texts = "\n\n".join(message.text for message in opening[:first])
            changes["instructions"] = _before_text(texts, envelope.fields.get("instructions"))
        if items := [item for message in opening[first:] for item in items_of(message)]:
            changes["input"] = _before_items(items, envelope.fields.get("input"))
        return changes

    def asking_usage(self, envelope: Envelope) -> dict[str, Any]:
        del envelope  # usage always comes
        return {}

    def reader(self) -> Reader:
        return Reader()

    def writer(self, envelope: Envelope, *, id: str, created_s: int) -> Writer:
        return Writer(envelope, id=id, created_s=created_s)

    def question(self, envelope: Envelope) -> Question:
        return question_of(envelope)

    def ask(self, question: Question, *, model: str) -> Asked:
        return asked(question, model=model)

    def error(self, error: TrimtabError) -> bytes:
        return jsonx.encode(error_body(error))

    def error_event(self, error: TrimtabError) -> bytes:
        """The error twice, flat and nested: some clients raise for one, some for the other."""
        said = error_body(error)
        flat = {name: said["error"].get(name) for name in ("code", "message", "param")}
        return sse.encode(
            jsonx.encode({"type": "error", "sequence_number": 0, **flat, **said}), name="error"
        )


def _check_input(fields: dict[str, msgspec.Raw]) -> None:
    """A look at the first byte, as the rest is the provider's to check."""
    raw = fields.get("input")
    first = b"n" if raw is None else bytes(memoryview(raw)[:1])
    if first == b"n":  # null
        if any(name in fields for name in KEPT):
            return
        what = "'input' is missing"
    elif first in (b'"', b"["):
        return
    else:
        what = "'input' is neither text nor a list of items"
    raise InvalidRequest(
        what, where="input", fix='send text, or items like {"role": "user", "content": "Hello"}'
    )


def _texts(fields: dict[str, msgspec.Raw]) -> Iterator[Any]:
    for name in ("instructions", "input"):
        yield field(fields, name, Any)


def _is_instruction(message: Message) -> bool:
    return message.role in _SYSTEM and isinstance(message.content, str)


def _before_text(text: str, raw: msgspec.Raw | None) -> str | msgspec.Raw:
    """Text before text that stays as it was spelt."""
    if raw is None or not bytes(raw).startswith(b'"'):
        return text
    return msgspec.Raw(jsonx.encode(text + "\n\n")[:-1] + bytes(raw)[1:])


def _before_items(items: list[dict[str, Any]], raw: msgspec.Raw | None) -> msgspec.Raw:
    """Items before an input that stays as it was spelt."""
    own = b"null" if raw is None else bytes(raw)
    if own.startswith(b'"'):
        own = b'[{"type":"message","role":"user","content":' + own + b"}]"
    return spliced(items, msgspec.Raw(b"[]" if own == b"null" else own))


OPENAI_RESPONSES = OpenAIResponses()
