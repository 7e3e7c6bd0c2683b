"""OpenAI's moderations: inputs in, verdicts passed on. Nothing is billed, so nothing is counted."""

from __future__ import annotations

from typing import Any

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import field, fields_of, text_bytes
from trimtab.dialects.llm.openai_embeddings import Reader, check_input, inputs_of
from trimtab.dialects.llm.untranslated import Untranslated

DEFAULT_MODEL = "omni-moderation-latest"
"""The model of a request that names none, as OpenAI has it."""


class OpenAIModerations(Untranslated):
    """See `dialect.Dialect`."""

    name = "openai.moderations"

    def envelope(self, body: bytes) -> Envelope:
        fields, own = fields_of(body)
        check_input(fields)
        return Envelope(
            model=field(fields, "model", str | None) or DEFAULT_MODEL,
            trimtab=own,
            fields=fields,
            text_bytes=text_bytes(fields, "input"),
        )

    def messages(self, envelope: Envelope) -> list[Any]:
        return inputs_of(envelope)

    def reader(self) -> Reader:
        return Reader()


OPENAI_MODERATIONS = OpenAIModerations()
