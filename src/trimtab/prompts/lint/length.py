"""Prompts that do not fit into the window of a model, or leave no room for what comes with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from trimtab.kit import jsonx
from trimtab.prompts.lint.finding import Finding, Part
from trimtab.prompts.slots import without_tags
from trimtab.records import ModelCard, Prompt, PromptBundle

_BYTES_PER_TOKEN = 4  # as the gateway estimates requests
_NARROW = 0.8


def tokens_of(size_bytes: int) -> int:
    """About how many tokens a text has: its UTF-8 bytes / 4, rounded up."""
    return -(-size_bytes // _BYTES_PER_TOKEN)


def brought_bytes(prompt: Prompt) -> int:
    """Bytes of what a prompt sends beside its messages."""
    parts = [one for one in (list(prompt.tools), prompt.output_schema) if one]
    return sum(len(jsonx.encode(one)) for one in parts)


def most_output(parameters: Mapping[str, Any]) -> int | None:
    """The longest answer that parameters allow, in tokens."""
    limit = parameters.get("max_completion_tokens", parameters.get("max_tokens"))
    return limit if isinstance(limit, int) and limit > 0 else None


def about_length(
    bundle: PromptBundle, parts: Sequence[Part], models: Iterable[ModelCard]
) -> Iterator[Finding]:
    """By what is there whatever the values are."""
    prompt = bundle.prompt
    size = sum(len(without_tags(part.text).encode()) for part in parts) + brought_bytes(prompt)
    if prompt.shots is not None:
        among = [*(prompt.shots.examples or bundle.shots)]
        longest = sorted((len(jsonx.encode(one)) for one in among), reverse=True)
        size += sum(longest[: prompt.shots.k])
    tokens, output = tokens_of(size), most_output(prompt.parameters) or 0
    for model in models:
        window = model.context_tokens
        if not window or tokens + output <= _NARROW * window:
            continue
        over = tokens + output > window
        answer = f" and an answer of {output}" if output else ""
        yield Finding(
            code="too_long",
            severity="error" if over else "warning",
            message=f"about {tokens} tokens{answer} before any value is filled in, and {model.id}"
            f" has a window of {window}",
            where="messages",
            fix="shorten it, show fewer examples, or name a model with a larger window",
        )
