"""What dialects that are only passed on have in common: no neutral form, OpenAI's errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from trimtab.dialects.llm.dialect import Envelope, Writer
from trimtab.dialects.llm.openai_chat import error_body
from trimtab.dialects.llm.question import Asked, Question
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.kit import jsonx, sse
from trimtab.records import Message


class Untranslated:
    """The half of a dialect that only a provider speaking it can serve."""

    name: str
    translates = False

    def opened(self, envelope: Envelope, opening: Sequence[Message]) -> dict[str, Any]:
        del envelope
        if opening:
            raise InvalidRequest(
                f"a prompt cannot open a request of {self.name}: it has no messages",
                where="model",
                fix="ask a route without a prompt",
            )
        return {}

    def asking_usage(self, envelope: Envelope) -> dict[str, Any]:
        del envelope  # reported unasked, where at all
        return {}

    def writer(self, envelope: Envelope, *, id: str, created_s: int) -> Writer:
        del envelope, id, created_s
        self._refuse()

    def question(self, envelope: Envelope) -> Question:
        del envelope
        self._refuse()

    def ask(self, question: Question, *, model: str) -> Asked:
        del question, model
        self._refuse()

    def error(self, error: TrimtabError) -> bytes:
        return jsonx.encode(error_body(error))

    def error_event(self, error: TrimtabError) -> bytes:
        return sse.encode(self.error(error))

    def _refuse(self) -> NoReturn:
        raise InvalidRequest(
            f"{self.name} has no translation: only a provider that speaks it can answer",
            where="model",
            fix="ask a route or a model whose provider speaks it",
        )
