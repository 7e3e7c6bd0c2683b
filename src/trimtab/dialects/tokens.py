"""Token counts of other platforms to disjoint buckets.

SDKs report usage in many spellings, but in two manners: totals that include what their details
count (OpenAI, LangChain), and buckets beside each other (Anthropic, Langfuse). Mappings in,
`Usage` out; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from trimtab.records import Usage

_MOST = 10**9  # No call uses more; a count beyond is an error of the sender's.

# Spellings of a total. Those with "prompt" and "completion" always include their details.
_INPUT = ("input", "input_tokens", "inputTokens", "input_token_count", "promptTokenCount")
_OUTPUT = ("output", "output_tokens", "outputTokens", "output_token_count", "candidatesTokenCount")
_PROMPT = ("prompt_tokens", "promptTokens")
_COMPLETION = ("completion_tokens", "completionTokens")

# Spellings of a part, by bucket; the first that is there counts.
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
# All that was written to a cache, of which the two above may be the details.
_CACHE_WRITTEN = (
    "cache_creation_input_tokens",
    "input_token_details.cache_creation",
    "input_cache_creation",
    "cache_creation_tokens",
)
_INPUT_BUCKETS = ("cache_read", "cache_write_5m", "cache_write_1h", "audio_input")
_OUTPUT_BUCKETS = ("reasoning", "audio_output")


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
    counts = _flat(wire)
    parts = {bucket: _first(counts, names) or 0 for bucket, names in _PARTS.items()}
    written = _first(counts, _CACHE_WRITTEN) or 0
    detailed = parts["cache_write_5m"] + parts["cache_write_1h"]
    parts["cache_write_5m"] += max(0, written - detailed)
    given = _rest(counts, parts, _PROMPT, _INPUT, _INPUT_BUCKETS, inclusive=inclusive)
    answered = _rest(counts, parts, _COMPLETION, _OUTPUT, _OUTPUT_BUCKETS, inclusive=inclusive)
    if given is None and answered is None and not any(parts.values()):
        return None
    return replace(Usage(input=given or 0, output=answered or 0), **parts)


def _rest(
    counts: Mapping[str, int],
    parts: Mapping[str, int],
    totals: tuple[str, ...],
    plain: tuple[str, ...],
    buckets: tuple[str, ...],
    *,
    inclusive: bool,
) -> int | None:
    """What is left of a side's total when its parts are counted elsewhere."""
    total = _first(counts, plain)
    if total is None:
        total, inclusive = _first(counts, totals), True
    if total is None or not inclusive:
        return total
    return max(0, total - sum(parts[bucket] for bucket in buckets))


def _flat(wire: Mapping[str, Any], prefix: str = "") -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in wire.items():
        if isinstance(value, Mapping) and prefix.count(".") < 3:
            found |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, float) and value.is_integer() and 0 <= value <= _MOST:
            found[f"{prefix}{key}"] = int(value)
        elif type(value) is int and 0 <= value <= _MOST:
            found[f"{prefix}{key}"] = value
    return found


def _first(counts: Mapping[str, int], names: tuple[str, ...]) -> int | None:
    return next((counts[name] for name in names if name in counts), None)
