"""OpenAI's embeddings: inputs in, vectors passed on unread, usage out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import (
    as_dict,
    as_text,
    field,
    fields_of,
    named_model,
    text_bytes,
    usage_of,
)
from trimtab.dialects.llm.openai_responses_items import failed
from trimtab.dialects.llm.parts import Began, Ended, Failed, Part, Used
from trimtab.dialects.llm.untranslated import Untranslated
from trimtab.errors import InvalidRequest
from trimtab.kit import sse

MAX_INPUTS = 100
MAX_INPUT_CHARS = 256 << 10
"""So much of the inputs of one request is on record."""


class _Answer(msgspec.Struct, gc=False):
    """An answer without its vectors."""

    id: Any = None
    model: Any = None
    usage: Any = None
    error: Any = None


_answer = msgspec.json.Decoder(_Answer).decode


class Reader:
    """Reads a whole body; there are no streams. See `dialect.Reader`."""

    def event(self, event: sse.Event) -> Sequence[Part]:
        del event
        return ()

    def body(self, body: bytes) -> Sequence[Part]:
        try:
            said = _answer(body)
        except (msgspec.DecodeError, RecursionError):
            return (Failed(message="the provider's answer is not a JSON object"),)
        if said.error:
            return (failed(said.error),)
        began = Began(id=as_text(said.id) or None, model=as_text(said.model) or None)
        usage = usage_of(said.usage)
        return (began, Ended()) if usage is None else (began, Used(usage), Ended())

    def end(self) -> Sequence[Part]:
        return ()


class OpenAIEmbeddings(Untranslated):
    """See `dialect.Dialect`."""

    name = "openai.embeddings"

    def envelope(self, body: bytes) -> Envelope:
        fields, own = fields_of(body)
        check_input(fields)
        return Envelope(
            model=named_model(fields),
            user=field(fields, "user", str | None),
            choices=0,
            trimtab=own,
            fields=fields,
            text_bytes=text_bytes(fields, "input"),
        )

    def messages(self, envelope: Envelope) -> list[Any]:
        return inputs_of(envelope)

    def reader(self) -> Reader:
        return Reader()


OPENAI_EMBEDDINGS = OpenAIEmbeddings()


def check_input(fields: dict[str, msgspec.Raw]) -> None:
    """Raises InvalidRequest where `input` is missing, or neither text nor a list."""
    raw = fields.get("input")
    if raw is None or bytes(memoryview(raw)[:1]) not in (b'"', b"["):
        raise InvalidRequest(
            "'input' is missing, or neither text nor a list",
            where="input",
            fix="send text or a list of texts",
        )


def inputs_of(envelope: Envelope) -> list[Any]:
    """The inputs as messages of the user, as many as are on record; then how many more there are.

    >>> inputs_of(Envelope(model="m", fields={"input": msgspec.Raw(b'["a", "b"]')}))
    [{'role': 'user', 'content': 'a'}, {'role': 'user', 'content': 'b'}]
    """
    given = field(envelope.fields, "input", str | list[Any])
    inputs = [given] if isinstance(given, str) or _is_tokens(given) else given
    kept: list[Any] = []
    room = MAX_INPUT_CHARS
    for value in inputs[:MAX_INPUTS]:
        if room <= 0:
            break
        content = _content(value)
        if isinstance(content, str):
            content = content[:room]
            room -= len(content)
        kept.append({"role": "user", "content": content})
    if left := len(inputs) - len(kept):
        kept.append({"role": "user", "content": f"({left:,} more inputs)"})
    return kept


def _is_tokens(value: list[Any]) -> bool:
    return bool(value) and isinstance(value[0], int)


def _content(value: Any) -> str | list[Any]:
    """One input: text as it is, tokens as their number, a part of a message as a message of it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"({len(value):,} tokens)"
    return [as_dict(value)]
