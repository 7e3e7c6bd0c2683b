"""Token counts of an answer as OpenTelemetry's attributes.

OpenTelemetry counts cached tokens into the input and reasoning into the output, as OpenAI does.
Anthropic counts cached tokens apart, and Trimtab's own counts are disjoint: both are added up.
"""

from __future__ import annotations

from typing import Any

_OURS = frozenset(
    {"input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning"}
)


def attributes(usage: Any) -> dict[str, int]:
    """The attributes of a `usage`: OpenAI's, Anthropic's, or counts by Trimtab's names.

    >>> attributes({"input": 10, "cache_read": 90, "output": 5})["gen_ai.usage.input_tokens"]
    100
    """
    if usage is None:
        return {}
    if isinstance(usage, dict) and set(usage) & _OURS:
        return _named(usage)
    read = field(usage, "cache_read_input_tokens")
    written = field(usage, "cache_creation_input_tokens")
    fresh, output = field(usage, "input_tokens"), field(usage, "output_tokens")
    if read is not None or written is not None:
        found = _counts(_sum(fresh, read, written), output, read, written)
        return {**found, **_lifetimes(field(usage, "cache_creation"))}
    details = field(usage, "prompt_tokens_details") or field(usage, "input_tokens_details")
    spent = field(usage, "completion_tokens_details") or field(usage, "output_tokens_details")
    return _counts(
        _first(field(usage, "prompt_tokens"), fresh),
        _first(field(usage, "completion_tokens"), output),
        field(details, "cached_tokens"),
        None,
        field(spent, "reasoning_tokens"),
    )


def field(value: Any, name: str) -> Any:
    """A field of an object or a dict; None when it is not there."""
    if isinstance(value, dict):
        return value.get(name)
    return getattr(value, name, None)


def _named(usage: dict[str, Any]) -> dict[str, int]:
    read, reasoning = usage.get("cache_read"), usage.get("reasoning")
    short, long = usage.get("cache_write_5m"), usage.get("cache_write_1h")
    written = _sum(short, long)
    found = _counts(
        _sum(usage.get("input"), read, written),
        _sum(usage.get("output"), reasoning),
        read,
        written,
        reasoning,
    )
    times = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    return {**found, **_lifetimes(times)}


def _counts(
    input: Any, output: Any, read: Any = None, written: Any = None, reasoning: Any = None
) -> dict[str, int]:
    found = {
        "gen_ai.usage.input_tokens": input,
        "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_creation.input_tokens": written,
        "gen_ai.usage.reasoning.output_tokens": reasoning,
    }
    return {name: count for name, count in found.items() if _is_count(count)}


def _lifetimes(created: Any) -> dict[str, int]:
    """How much was written to a cache for an hour, which has a price of its own."""
    long = field(created, "ephemeral_1h_input_tokens")
    if not _is_count(long) or not long:
        return {}
    return {"anthropic.usage.cache_creation.ephemeral_1h_input_tokens": long}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _sum(*counts: Any) -> int | None:
    known = [count for count in counts if _is_count(count)]
    return sum(known) if known else None


def _first(*counts: Any) -> Any:
    return next((count for count in counts if _is_count(count)), None)
