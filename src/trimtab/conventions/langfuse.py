"""Langfuse's SDKs from v3 on (langfuse.*), which send OpenTelemetry spans.

`langfuse.observation.usage_details` counts disjoint buckets under Langfuse's own keys: its
integrations subtract what they name apart. Usage of any observation is its own, never a sum.
"""

from decimal import Decimal
from typing import Any

from trimtab.conventions import usage
from trimtab.conventions.convention import Convention
from trimtab.conventions.convert import (
    entries,
    entry,
    instant,
    mapping,
    metadata,
    money,
    one_of,
    tags,
    text,
    value,
)

TYPES = {
    "generation": "llm",
    "chain": "chain",
    "agent": "agent",
    "tool": "tool",
    "retriever": "retriever",
    "embedding": "embedding",
    "guardrail": "guard",
    "evaluator": "scorer",
}
"""`span` and `event` are left out: they say nothing, so other attributes may (SDKs before 3.3.1
sent generations as `span`)."""


def cost(raw: Any) -> Decimal | None:
    """The total of cost_details, or the sum of its parts."""
    found = mapping(raw) or {}
    total = money(found.get("total"))
    if total is not None:
        return total
    parts = [money(part) for part in found.values()]
    return sum((part for part in parts if part is not None), Decimal(0)) if any(parts) else None


CONVENTION = Convention(
    "langfuse",
    attributes=(
        ("langfuse.observation.type", "kind", one_of(TYPES)),
        ("langfuse.session.id", "session", text),
        ("langfuse.trace.metadata.langfuse_session_id", "session", text),
        ("langfuse.observation.metadata.langfuse_session_id", "session", text),
        ("langfuse.user.id", "user", text),
        ("langfuse.trace.metadata.langfuse_user_id", "user", text),
        ("langfuse.observation.metadata.langfuse_user_id", "user", text),
        ("langfuse.environment", "environment", text),
        ("langfuse.observation.prompt.name", "prompt_name", text),
        ("langfuse.observation.prompt.version", "prompt_version", text),
        ("langfuse.observation.model.name", "model", text),
        ("langfuse.observation.level", "failed", one_of({"ERROR": "error"})),
        ("langfuse.observation.status_message", "error", text),
        ("langfuse.observation.completion_start_time", "first_token", instant),
        ("langfuse.observation.input", "input", value),
        ("langfuse.trace.input", "input", value),
        ("langfuse.observation.output", "output", value),
        ("langfuse.trace.output", "output", value),
        ("langfuse.observation.usage_details", "usage", usage.langfuse),
        ("langfuse.observation.cost_details", "cost", cost),
        ("langfuse.trace.tags", "tags", tags),
        ("langfuse.tags", "tags", tags),
        ("langfuse.trace.metadata.langfuse_tags", "tags", tags),
        ("langfuse.observation.metadata.langfuse_tags", "tags", tags),
        ("langfuse.observation.metadata", "metadata", metadata),
        ("langfuse.trace.metadata", "metadata", metadata),
        ("langfuse.metadata", "metadata", metadata),
        ("langfuse.release", "metadata", entry("release", text)),
        ("langfuse.version", "metadata", entry("version", text)),
        ("langfuse.trace.name", "metadata", entry("trace_name", text)),
    ),
    below=(
        ("langfuse.observation.metadata", "metadata", entries),
        ("langfuse.trace.metadata", "metadata", entries),
        ("langfuse.metadata", "metadata", entries),
    ),
)
