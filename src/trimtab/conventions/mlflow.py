"""MLflow Tracing (mlflow.*): every value is a JSON text, or over OTLP the value itself.

MLflow counts cached tokens inside `input_tokens` for every provider.
"""

from decimal import Decimal
from typing import Any

from trimtab.conventions import usage
from trimtab.conventions.convention import Convention
from trimtab.conventions.convert import (
    dumped,
    entries,
    mapping,
    money,
    one_of,
    prompt_ref,
    quoted,
)
from trimtab.conventions.providers import provider

TYPES = {
    "llm": "llm",
    "chat_model": "llm",
    "chain": "chain",
    "workflow": "chain",
    "task": "chain",
    "agent": "agent",
    "tool": "tool",
    "retriever": "retriever",
    "embedding": "embedding",
    "reranker": "reranker",
    "guardrail": "guard",
    "evaluator": "scorer",
    "parser": "other",
    "memory": "other",
}


def cost(raw: Any) -> Decimal | None:
    found = mapping(raw)
    return money(found.get("total_cost")) if found else None


CONVENTION = Convention(
    "mlflow",
    attributes=(
        ("mlflow.spanType", "kind", one_of(TYPES)),
        ("mlflow.trace.session", "session", quoted),
        ("mlflow.trace.user", "user", quoted),
        ("mlflow.linkedPrompts", "prompt", prompt_ref),
        ("mlflow.llm.provider", "provider", provider),
        ("mlflow.llm.model", "model", quoted),
        ("mlflow.spanInputs", "input", dumped),
        ("mlflow.spanOutputs", "output", dumped),
        ("mlflow.chat.tokenUsage", "usage", usage.mlflow),
        ("mlflow.llm.cost", "cost", cost),
    ),
    below=(("mlflow.traceTag", "metadata", entries),),
)
