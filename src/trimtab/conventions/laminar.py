"""Laminar (lmnr.*), whose model calls carry gen_ai.*; inputs and outputs are JSON texts."""

from trimtab.conventions.convention import Convention
from trimtab.conventions.convert import dumped, entries, one_of, quoted, tags

TYPES = {
    "llm": "llm",
    "cached": "llm",
    "tool": "tool",
    "executor": "agent",
    "pipeline": "chain",
    "evaluator": "scorer",
    "human_evaluator": "scorer",
    "evaluation": "scorer",
}

CONVENTION = Convention(
    "laminar",
    attributes=(
        ("lmnr.span.type", "kind", one_of(TYPES)),
        ("lmnr.association.properties.session_id", "session", quoted),
        ("lmnr.association.properties.user_id", "user", quoted),
        ("lmnr.span.input", "input", dumped),
        ("lmnr.span.output", "output", dumped),
        ("lmnr.association.properties.tags", "tags", tags),
        ("lmnr.association.properties.labels", "tags", tags),
    ),
    below=(("lmnr.association.properties.metadata", "metadata", entries),),
)
