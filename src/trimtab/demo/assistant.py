"""The docs assistant: the prompt and the two releases the demo compares."""

from __future__ import annotations

from typing import Any

ROUTE = "docs-assistant"

PROMPT: dict[str, Any] = {
    "name": ROUTE,
    "messages": [
        {
            "role": "system",
            "content": "Answer questions about Trimtab from these passages only. Quote them, cite "
            "them, and say so when they do not hold the answer.\n\n{{ passages }}",
        }
    ],
}

# A first attempt as people make it: one passage, words taken as they are, always an answer.
FIRST: dict[str, Any] = {
    "route": ROUTE,
    "prompt": ROUTE,
    "targets": [{"model": "trimtab/extract"}],
    "retrieval": {"corpus": "trimtab", "k": 1, "stemmer": None},
    "parameters": {"abstain_below": 0.0, "max_sentences": 1},
    "note": "first attempt: one passage, no stemming, always answers",
}

# What the failing calls ask for: more passages, word stems, and silence where nothing is known.
# The threshold abstains best on the calibration questions (bench/calibrate_extract.py).
SECOND: dict[str, Any] = {
    "route": ROUTE,
    "prompt": ROUTE,
    "targets": [{"model": "trimtab/extract"}],
    "retrieval": {"corpus": "trimtab", "k": 4, "stemmer": "english"},
    "parameters": {"abstain_below": 0.3, "max_sentences": 2},
    "note": "four passages, stemming, abstains when it is unsure",
}

# Correct answers must improve, and knowing when to abstain may not get worse by five points.
# Groundedness does not gate: an abstention has none, so its coverage is too low to decide on.
RULES: list[dict[str, Any]] = [
    {"metric": "answer_correct", "margin": 0.02, "must_improve": True},
    {"metric": "abstains", "margin": 0.05},
]
