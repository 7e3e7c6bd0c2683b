"""What a dialect that is only ever asked in, and never called in, has in common with its like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from trimtab.dialects.llm.dialect import Envelope, Writer
from trimtab.dialects.llm.question import Question
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.records import Message

# Providers refuse each other's seals of thoughts: what begins so is Gemini's.
GEMINI_SIGNED = "gemini:"


class Target:
    """The caller's half of a dialect whose requests Trimtab sends but does not take.

    Such requests name their model in the path of their URL; whoever speaks the dialect can still
    be called through pass-through.
    """

    name: str
    translates = True

    def envelope(self, body: bytes) -> Envelope:
        self._refuse(body)

    def messages(self, envelope: Envelope) -> list[Any]:
        self._refuse(envelope)

    def opened(self, envelope: Envelope, opening: Sequence[Message]) -> dict[str, Any]:
        self._refuse(envelope, opening)

    def asking_usage(self, envelope: Envelope) -> dict[str, Any]:
        self._refuse(envelope)

    def writer(self, envelope: Envelope, *, id: str, created_s: int) -> Writer:
        self._refuse(envelope, id, created_s)

    def question(self, envelope: Envelope) -> Question:
        self._refuse(envelope)

    def _refuse(self, *_: object) -> NoReturn:
        raise InvalidRequest(
            f"Trimtab takes no requests in {self.name}",
            fix="ask in openai.chat, openai.responses or anthropic.messages, or pass through",
        )


def arguments_of(text: str, *, where: str) -> dict[str, Any]:
    """The arguments of a tool call as a JSON object; no text means none.

    Raises:
        InvalidRequest: they are not a JSON object.
    """
    if not text.strip():
        return {}
    value = jsonx.decode(text.encode(), what="the arguments of a tool call")
    if not isinstance(value, dict):
        raise InvalidRequest(
            "the arguments of a tool call are not a JSON object",
            where=where,
            fix="send back the arguments as the model wrote them",
        )
    return value


def count(value: Any) -> int:
    """A number of tokens; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def read(data: str | bytes) -> Any:
    """JSON as plain values; None for what is not JSON, as a strange answer may be."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
