"""Token counts of OpenAI's chat completions: nested totals on the wire, disjoint buckets inside."""

from __future__ import annotations

from typing import Any

from trimtab.dialects.llm.fields import as_dict
from trimtab.records import Usage

_MOST_TOKENS = 10**9  # No call uses more; a count beyond is an error of the provider's.


def usage_on_wire(usage: Usage) -> dict[str, Any]:
    """Disjoint buckets to OpenAI's nested totals.

    Tokens written to a cache, which OpenAI does not count apart, are in the total, and named as
    OpenRouter does (`cache_write_tokens`) where there are any.
    """
    inputs = {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio_input}
    if written := usage.cache_write_5m + usage.cache_write_1h:
        inputs["cache_write_tokens"] = written
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total_input + usage.total_output,
        "prompt_tokens_details": inputs,
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.audio_output,
        },
    }


def usage_from_wire(wire: dict[str, Any]) -> Usage:
    """OpenAI's nested totals to disjoint buckets.

    >>> usage_from_wire({"prompt_tokens": 10, "completion_tokens": 5,
    ...                  "prompt_tokens_details": {"cached_tokens": 4}}).input
    6
    """
    inputs = as_dict(wire.get("prompt_tokens_details"))
    outputs = as_dict(wire.get("completion_tokens_details"))
    cached, audio_in = _count(inputs, "cached_tokens"), _count(inputs, "audio_tokens")
    written = _count(inputs, "cache_write_tokens")
    reasoning, audio_out = _count(outputs, "reasoning_tokens"), _count(outputs, "audio_tokens")
    return Usage(
        input=max(0, _count(wire, "prompt_tokens") - cached - written - audio_in),
        cache_read=cached,
        cache_write_5m=written,
        audio_input=audio_in,
        output=max(0, _count(wire, "completion_tokens") - reasoning - audio_out),
        reasoning=reasoning,
        audio_output=audio_out,
    )


def usage_of(wire: Any) -> Usage | None:
    """The counts of an answer; None where there are none, or none that can be true."""
    if not isinstance(wire, dict):
        return None
    reported = [wire.get(key) for key in ("prompt_tokens", "completion_tokens")]
    totals = [count for count in reported if count is not None]
    usable = bool(totals) and all(type(n) is int and 0 <= n <= _MOST_TOKENS for n in totals)
    return usage_from_wire(wire) if usable else None


def _count(wire: dict[str, Any], key: str) -> int:
    value = wire.get(key)
    return value if type(value) is int and 0 < value <= _MOST_TOKENS else 0
