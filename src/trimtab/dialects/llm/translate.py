"""From one dialect to another: a request by the neutral question, an answer by its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trimtab.dialects.llm.dialect import Dialect, Envelope, Reader, Writer
from trimtab.dialects.llm.parts import Part
from trimtab.dialects.llm.question import Asked
from trimtab.kit import sse

# What callers of a dialect call the fields of a question, where they do not call them the same.
_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "openai.chat": {
        "choices": "n",
        "max_tokens": "max_completion_tokens",
        "output": "response_format",
        "parallel_tools": "parallel_tool_calls",
        "thinking": "reasoning_effort",
        "messages[].thinking": "messages[].reasoning_content",
        "cache": "cache_control",
    },
    "openai.responses": {
        "max_tokens": "max_output_tokens",
        "output": "text.format",
        "parallel_tools": "parallel_tool_calls",
        "thinking": "reasoning",
    },
    "anthropic.messages": {
        "cache": "cache_control",
        "output": "output_config.format",
        "parallel_tools": "tool_choice.disable_parallel_tool_use",
        "stop": "stop_sequences",
        "user": "metadata.user_id",
    },
}


def translated(envelope: Envelope, source: Dialect, target: Dialect, *, model: str) -> Asked:
    """A request of one dialect in another, for a model by the provider's own name of it.

    `lost` has everything that the request asked for and the other dialect, or the neutral form
    between them, has no place for.

    Raises:
        InvalidRequest: the request is wrong in its own dialect; `where` names the field.
    """
    question = source.question(envelope)
    asked = target.ask(question, model=model)
    spelling = _SPELLINGS.get(source.name, {})
    lost = [*question.lost, *(spelling.get(name, name) for name in asked.lost)]
    return Asked(body=asked.body, lost=tuple(dict.fromkeys(lost)))


class Translation:
    """An answer on its way from a provider's dialect into the caller's.

    `parts` are those of the last call, for whoever else wants to know what was said.
    """

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer
        self.parts: Sequence[Part] = ()

    @property
    def lost(self) -> Sequence[str]:
        """Kinds of what the caller's dialect could not say."""
        return self._writer.lost

    def events(self, events: Sequence[sse.Event]) -> bytes:
        """Some events of a stream; may be nothing yet."""
        self.parts = [part for event in events for part in self._reader.event(event)]
        return self._streamed()

    def end(self) -> bytes:
        """A clean end of the stream; nothing where that is no end in the provider's dialect."""
        self.parts = self._reader.end()
        return self._streamed()

    def body(self, body: bytes) -> bytes:
        """A whole answer."""
        self.parts = self._reader.body(body)
        return self._writer.body(self.parts)

    def _streamed(self) -> bytes:
        return b"".join([self._writer.stream(part) for part in self.parts])
