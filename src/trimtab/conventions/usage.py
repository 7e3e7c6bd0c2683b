"""Token counts as they are reported, taken apart into disjoint buckets.

Conventions disagree whether cached tokens are counted inside the input (OpenAI's way) or beside it
(Anthropic's), and reasoning inside the output or beside it. What a span says itself decides first:
a reported total, or parts that do not fit into their sum. `design/006` holds the evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, NamedTuple

from trimtab.conventions.convention import Convert
from trimtab.conventions.convert import count, decoded, mapping
from trimtab.records.model import Usage

Counts = dict[str, int]
"""By bucket: input, fresh_input, cache_read, cache_write, cache_write_5m, cache_write_1h,
audio_input, output, reasoning, audio_output, total. `fresh_input` is input that was neither read
from nor written to a cache; `cache_write` includes the writes of known lifetimes."""


_SIDES = frozenset({"input", "fresh_input", "output"})
_WHOLES = frozenset({"input", "output", "total"})


class Reported(NamedTuple):
    """Counts of one attribute; `disjoint` says that input and output hold none of their parts."""

    counts: Counts
    disjoint: bool = False


def to_usage(counts: Counts, *, beside: bool = False) -> Usage | None:
    """Disjoint buckets; None without any count.

    Args:
        counts: as reported.
        beside: whether the sender is known to count the parts beside input and output. A total
            that holds them, or parts greater than what should, say it of any sender.
    Numbers that contradict each other are marked `estimated`. A negative one counts as absent, and
    a side that was said so and is not in a total is unknown, which makes all of it None.

    >>> to_usage({"input": 100, "cache_read": 80, "output": 5, "total": 105}).input
    20
    >>> to_usage({"input": 100, "cache_read": 80, "output": 5, "total": 185}).input
    100
    """
    told = {bucket: tokens for bucket, tokens in counts.items() if tokens >= 0}
    if not told or (_is_torn(counts.keys() - told.keys(), told)):
        return None
    counts = told
    given, answered, known = _sides(counts)
    if counts.keys() <= _WHOLES:
        return Usage(input=given, output=answered, estimated=not known)
    long = counts.get("cache_write_1h", 0)
    written = max(counts.get("cache_write", 0), counts.get("cache_write_5m", 0) + long)
    cached = counts.get("cache_read", 0) + written
    reasoned = counts.get("reasoning", 0)
    in_cache, in_answer = _places(counts, given, answered, cached, reasoned, beside)
    fresh, strained = _rest(given, 0 if in_cache else cached, counts.get("audio_input", 0))
    if "fresh_input" in counts:
        fresh, strained = counts["fresh_input"], False
    said, torn = _rest(answered, 0 if in_answer else reasoned, counts.get("audio_output", 0))
    return Usage(
        input=fresh,
        cache_read=counts.get("cache_read", 0),
        cache_write_5m=written - long,
        cache_write_1h=long,
        audio_input=counts.get("audio_input", 0),
        output=said,
        reasoning=reasoned,
        audio_output=counts.get("audio_output", 0),
        estimated=strained or torn or not known,
    )


def _is_torn(negative: Set[str], told: Counts) -> bool:
    """Whether a side of the call was negative and cannot be had from the total and the other."""
    if negative.isdisjoint(_SIDES):
        return False
    return "total" not in told or _SIDES.isdisjoint(told)


def _sides(counts: Counts) -> tuple[int, int, bool]:
    """Input and output, the one that is missing from the total; and whether they are known."""
    given, answered, total = counts.get("input"), counts.get("output"), counts.get("total")
    if given is not None and answered is not None:
        return given, answered, True
    if total is not None and given is None:
        return max(0, total - (answered or 0)), answered or 0, answered is not None
    if total is not None and given is not None:
        return given, max(0, total - given), True
    known = given is not None or "fresh_input" in counts
    return given or 0, answered or 0, known


def _places(
    counts: Counts, given: int, answered: int, cached: int, reasoned: int, beside: bool
) -> tuple[bool, bool]:
    """Whether the cached tokens are beside the input, and the reasoning beside the output."""
    if {"input", "output", "total"} <= counts.keys():
        gap = counts["total"] - given - answered
        if gap == 0:  # Where the cache is known to be beside, the total left it out as well.
            return beside, False
        if gap == cached + reasoned:
            return cached > 0, reasoned > 0
        if gap in {cached, reasoned}:
            return gap == cached, gap == reasoned and gap != cached
    return beside, beside


def _rest(whole: int, *parts: int) -> tuple[int, bool]:
    """What is left of the whole; when the parts do not fit, they were not in it, as it seems."""
    rest = whole - sum(parts)
    return (rest, False) if rest >= 0 else (whole, True)


# -- counts that come as one object -------------------------------------------------------------

_OPENAI: Mapping[str, str] = {
    "prompt_tokens": "input",
    "input_tokens": "input",
    "completion_tokens": "output",
    "output_tokens": "output",
    "total_tokens": "total",
}
_OPENAI_DETAILS: Mapping[str, Mapping[str, str]] = {
    "prompt_tokens_details": {"cached_tokens": "cache_read", "audio_tokens": "audio_input"},
    "input_tokens_details": {"cached_tokens": "cache_read", "audio_tokens": "audio_input"},
    "completion_tokens_details": {"reasoning_tokens": "reasoning", "audio_tokens": "audio_output"},
    "output_tokens_details": {"reasoning_tokens": "reasoning", "audio_tokens": "audio_output"},
}
_LANGFUSE: Mapping[str, str] = {
    "input": "input",
    "output": "output",
    "input_cached_tokens": "cache_read",
    "input_cache_read": "cache_read",
    "cache_read_input_tokens": "cache_read",
    "input_cache_creation": "cache_write",
    "cache_creation_input_tokens": "cache_write",
    "input_cache_creation_5m": "cache_write_5m",
    "input_cache_creation_1h": "cache_write_1h",
    "input_audio": "audio_input",
    "input_audio_tokens": "audio_input",
    "output_reasoning": "reasoning",
    "output_reasoning_tokens": "reasoning",
    "reasoning_tokens": "reasoning",
    "output_audio": "audio_output",
    "output_audio_tokens": "audio_output",
}
_MLFLOW: Mapping[str, str] = {
    "input_tokens": "input",
    "output_tokens": "output",
    "total_tokens": "total",
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_write",
    "cache_creation_input_tokens_above_1hr": "cache_write_1h",
}
_LANGCHAIN: Mapping[str, Mapping[str, str]] = {
    "input_token_details": {
        "cache_read": "cache_read",
        "cache_creation": "cache_write",
        "ephemeral_5m_input_tokens": "cache_write_5m",
        "ephemeral_1h_input_tokens": "cache_write_1h",
        "audio": "audio_input",
    },
    "output_token_details": {"reasoning": "reasoning", "audio": "audio_output"},
}
_ANTHROPIC: Mapping[str, str] = {
    "input_tokens": "fresh_input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_write",
}


def langfuse(raw: Any) -> Reported | None:
    """Langfuse's usage_details: its own keys are disjoint; OpenAI's body passes through as it is.

    Anthropic's body is told from OpenAI's by the names of its cache counts.
    """
    found = mapping(raw)
    if found is None:
        return None
    counts = _counts(found, _OPENAI) | _details(found, _OPENAI_DETAILS)
    if not counts.keys().isdisjoint(("input", "output")):
        extra = {key: n for key, n in _counts(found, _LANGFUSE).items() if key not in counts}
        return Reported(counts | extra, disjoint="cache_read_input_tokens" in found)
    counts = _counts(found, _LANGFUSE)
    lifetimes = counts.pop("cache_write_5m", 0) + counts.get("cache_write_1h", 0)
    if lifetimes:  # Langfuse counts them beside the writes of no known lifetime.
        counts["cache_write"] = counts.get("cache_write", 0) + lifetimes
    return Reported(counts, disjoint=True) if counts else None


def mlflow(raw: Any) -> Reported | None:
    """MLflow's chat.tokenUsage: cached tokens are inside the input, for every provider."""
    found = mapping(raw)
    counts = _counts(found, _MLFLOW) if found else {}
    return Reported(counts) if counts else None


def langchain(raw: Any) -> Reported | None:
    """LangChain's usage_metadata: the details are parts of the input and of the output."""
    found = mapping(raw)
    counts = _counts(found, _OPENAI) | _details(found, _LANGCHAIN) if found else {}
    return Reported(counts) if counts else None


def langchain_details(side: str) -> Convert:
    """Reads one of the details of usage_metadata, JSON or (as LangSmith sends it) Python's repr."""

    def read(raw: Any) -> Counts | None:
        found = mapping(raw)
        if found is None and isinstance(raw, str) and len(raw) < 1000:
            again = decoded(raw.replace("'", '"'))
            found = again if isinstance(again, dict) else None
        return _counts(found, _LANGCHAIN[f"{side}_token_details"]) or None if found else None

    return read


def body(raw: Any) -> Counts | None:
    """The details in a provider's own usage, OpenAI's or Anthropic's, beside counts told apart."""
    found = mapping(raw)
    if found is None:
        return None
    if "cache_read_input_tokens" in found:
        return _anthropic(found) or None
    return _details(found, _OPENAI_DETAILS) or None


def answer(raw: Any) -> Counts | None:
    """The details of the usage in a recorded answer."""
    found = mapping(raw)
    return body(found.get("usage")) if found else None


def provider_metadata(raw: Any) -> Counts | None:
    """Anthropic's own usage within the Vercel AI SDK's provider metadata."""
    found = mapping(raw)
    anthropic = found.get("anthropic") if found else None
    usage = anthropic.get("usage") if isinstance(anthropic, dict) else None
    return _anthropic(usage) or None if isinstance(usage, dict) else None


def _anthropic(usage: dict[str, Any]) -> Counts:
    """Anthropic counts what it reads from and writes to its cache beside the input."""
    counts = _counts(usage, _ANTHROPIC)
    if isinstance(usage.get("cache_creation"), dict):
        long = count(usage["cache_creation"].get("ephemeral_1h_input_tokens"))
        if long is not None and long <= counts.get("cache_write", 0):
            counts["cache_write_1h"] = long
    return counts


def _counts(found: Mapping[str, Any], names: Mapping[str, str]) -> Counts:
    """The counts under known names; several names of one bucket are the same number."""
    counts: Counts = {}
    for name, bucket in names.items():
        number = count(found.get(name))
        if number is not None:
            counts[bucket] = max(number, counts.get(bucket, number))
    return counts


def _details(found: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> Counts:
    counts: Counts = {}
    for name, buckets in names.items():
        inner = found.get(name)
        if isinstance(inner, dict):
            counts |= _counts(inner, buckets)
    return counts
