"""The dialect of counting the tokens of Anthropic's messages: the same requests, a number back."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.dialects.llm.anthropic_messages import AnthropicMessages
from trimtab.dialects.llm.anthropic_reader import NOT_JSON, failed
from trimtab.dialects.llm.anthropic_usage import Counts
from trimtab.dialects.llm.dialect import Dialect, Envelope, Reader, Writer
from trimtab.dialects.llm.fields import plain
from trimtab.dialects.llm.parts import Ended, Failed, Part, Used
from trimtab.dialects.llm.question import Asked, Question
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx, sse


class AnthropicCountTokens(AnthropicMessages):
    """The same requests, asked only how many tokens they have."""

    name = "anthropic.count_tokens"
    translates = False
    _needs_limit = False

    def reader(self) -> Reader:
        return CountReader()

    def writer(self, envelope: Envelope, *, id: str, created_s: int) -> Writer:
        del envelope, id, created_s
        return CountWriter()

    def ask(self, question: Question, *, model: str) -> Asked:
        del question
        raise InvalidRequest(
            f"{self.name} has no counterpart in another dialect",
            where="model",
            fix=f"count with a model of Anthropic's, not {model}",
        )


class CountReader:
    """Reads how many tokens a request has."""

    def event(self, event: sse.Event) -> Sequence[Part]:
        return self.body((event.data or "").encode())

    def body(self, body: bytes) -> Sequence[Part]:
        wire = plain(body)
        if not isinstance(wire, dict):
            return (Failed(message=NOT_JSON),)
        if wire.get("type") == "error" or wire.get("error"):
            return (failed(wire.get("error") or wire),)
        usage = Counts().add(wire)
        return (Ended(),) if usage is None else (Used(usage), Ended())

    def end(self) -> Sequence[Part]:
        return ()


class CountWriter:
    """Writes how many tokens a request has."""

    lost: Sequence[str] = ()

    def stream(self, part: Part) -> bytes:
        del part  # This dialect has no streams.
        return b""

    def body(self, parts: Sequence[Part]) -> bytes:
        used = next((part for part in reversed(parts) if isinstance(part, Used)), None)
        return jsonx.encode({"input_tokens": 0 if used is None else used.usage.total_input})


ANTHROPIC_COUNT_TOKENS: Dialect = AnthropicCountTokens()
