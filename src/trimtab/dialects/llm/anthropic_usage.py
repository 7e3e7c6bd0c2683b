"""Token counts of Anthropic's messages: cumulative on the wire, disjoint buckets inside."""

from __future__ import annotations

from typing import Any

from trimtab.dialects.llm.fields import as_dict
from trimtab.records import Usage

_MOST_TOKENS = 10**9  # No call uses more; a count beyond is an error of the provider's.
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_WRITTEN = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_THOUGHT = "thinking_tokens"


class Counts:
    """The counts of one answer, told in several messages.

    They only grow, so of several the greatest is the last: servers that tell a count at the start
    and zero at the end, or the other way round, are both read right. The start's breakdown of what
    was written to the cache is not final where the provider's own tools run; what it does not
    explain was kept for five minutes, as is usual.
    """

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, wire: Any) -> Usage | None:
        """Take one message's usage; return all so far, None where this one says nothing."""
        if not isinstance(wire, dict):
            return None
        told = _read(wire, _COUNTS)
        if not told:
            return None
        told |= _read(as_dict(wire.get("cache_creation")), _WRITTEN)
        told |= _read(as_dict(wire.get("output_tokens_details")), (_THOUGHT,))
        for name, count in told.items():
            self._counts[name] = max(count, self._counts.get(name, 0))
        return self._usage()

    def _usage(self) -> Usage:
        count = self._counts.get
        short, long = count(_WRITTEN[0], 0), count(_WRITTEN[1], 0)
        output = count("output_tokens", 0)
        thought = min(output, count(_THOUGHT, 0))
        return Usage(
            input=count("input_tokens", 0),
            cache_read=count("cache_read_input_tokens", 0),
            cache_write_5m=max(short, count("cache_creation_input_tokens", 0) - long),
            cache_write_1h=long,
            output=output - thought,
            reasoning=thought,
        )


def usage_on_wire(usage: Usage) -> dict[str, Any]:
    """Disjoint buckets as Anthropic counts them; sounds it has none of count as text."""
    wire: dict[str, Any] = {
        "input_tokens": usage.input + usage.audio_input,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": dict(
            zip(_WRITTEN, (usage.cache_write_5m, usage.cache_write_1h), strict=True)
        ),
        "output_tokens": usage.total_output,
    }
    if usage.reasoning:
        wire["output_tokens_details"] = {_THOUGHT: usage.reasoning}
    return wire


def _read(wire: dict[str, Any], names: tuple[str, ...]) -> dict[str, int]:
    """The counts that can be true; what cannot is as good as not reported."""
    counts = {name: wire.get(name) for name in names}
    return {
        name: count
        for name, count in counts.items()
        if type(count) is int and 0 <= count <= _MOST_TOKENS
    }
