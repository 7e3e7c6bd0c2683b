"""A request from one dialect to another, by the neutral question between them."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.dialects.llm.dialect import Dialect, Envelope
from trimtab.dialects.llm.question import Asked

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
