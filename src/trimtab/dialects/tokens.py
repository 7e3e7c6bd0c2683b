"""Token counts of other platforms by bucket, whatever their spelling.

SDKs report usage in many spellings, but in two manners: totals that include what their details
count (OpenAI, LangChain), and buckets beside each other (Anthropic, Langfuse). The counts are taken
apart as those in spans are, by `trimtab.conventions`. Mappings in, `Usage` out; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.conventions.usage import Counts, to_usage
from trimtab.records import Usage

_MOST = 10**9  # No call uses more; a count beyond is an error of the sender's.

# Spellings of a total. Those with "prompt" and "completion" always include their details.
_INPUT = ("input", "input_tokens", "inputTokens", "input_token_count", "promptTokenCount")
_OUTPUT = ("output", "output_tokens", "outputTokens", "output_token_count", "candidatesTokenCount")
_PROMPT = ("prompt_tokens", "promptTokens")
_COMPLETION = ("completion_tokens", "completionTokens")
_TOTAL = ("total", "total_tokens", "totalTokens", "totalTokenCount")

# Spellings of the rest, by bucket; the first that is there counts.
_PARTS: dict[str, tuple[str, ...]] = {
    "cache_read": (
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "input_token_details.cache_read",
        "cache_read_input_tokens",
        "cache_read_tokens",
        "cached_content_token_count",
        "input_cached_tokens",
        "input_cache_read",
    ),
    "cache_write": (
        "cache_creation_input_tokens",
        "input_token_details.cache_creation",
        "input_cache_creation",
        "cache_creation_tokens",
    ),
    "cache_write_1h": (
        "cache_creation.ephemeral_1h_input_tokens",
        "input_token_details.ephemeral_1h_input_tokens",
        "input_cache_creation_1h",
    ),
    "cache_write_5m": (
        "cache_creation.ephemeral_5m_input_tokens",
        "input_token_details.ephemeral_5m_input_tokens",
        "input_cache_creation_5m",
    ),
    "audio_input": (
        "prompt_tokens_details.audio_tokens",
        "input_tokens_details.audio_tokens",
        "input_token_details.audio",
        "input_audio_tokens",
        "input_audio",
    ),
    "reasoning": (
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "output_token_details.reasoning",
        "thoughts_token_count",
        "output_reasoning_tokens",
        "output_reasoning",
        "reasoning_tokens",
    ),
    "audio_output": (
        "completion_tokens_details.audio_tokens",
        "output_tokens_details.audio_tokens",
        "output_token_details.audio",
        "output_audio_tokens",
        "output_audio",
    ),
}


def usage_of(wire: Mapping[str, Any], *, inclusive: bool) -> Usage | None:
    """Disjoint buckets of reported counts; None when nothing was reported.

    Args:
        wire: counts, nested or with dotted names; what is no count is skipped.
        inclusive: whether `input_tokens` and `output_tokens` include cached and reasoning tokens;
            `prompt_tokens` and `completion_tokens` always do.

    >>> wire = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}}
    >>> usage_of(wire, inclusive=False).input
    6
    >>> usage_of({"input_tokens": 10, "cache_read_input_tokens": 4}, inclusive=False).input
    10
    """
    given = _flat(wire)
    counts: Counts = {}
    for bucket, names in {**_PARTS, "total": _TOTAL}.items():
        if (tokens := _first(given, names)) is not None:
            counts[bucket] = tokens
    for bucket, plain, whole in (("input", _INPUT, _PROMPT), ("output", _OUTPUT, _COMPLETION)):
        tokens = _first(given, plain)
        if tokens is None:
            tokens = _first(given, whole)
            inclusive = inclusive or tokens is not None
        if tokens is not None:
            counts[bucket] = tokens
    return to_usage(counts, beside=not inclusive)


def _flat(wire: Mapping[str, Any], prefix: str = "") -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in wire.items():
        if isinstance(value, Mapping) and prefix.count(".") < 3:
            found |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, float) and value.is_integer() and abs(value) <= _MOST:
            found[f"{prefix}{key}"] = int(value)
        elif type(value) is int and abs(value) <= _MOST:
            found[f"{prefix}{key}"] = value
    return found


def _first(counts: Mapping[str, int], names: tuple[str, ...]) -> int | None:
    return next((counts[name] for name in names if name in counts), None)
