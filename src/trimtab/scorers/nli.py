"""`nli`: whether the passages, or the expected text, entail an answer, by a classifier of pairs."""

from __future__ import annotations

from typing import Any, Literal

from trimtab.dialects.passages import without_citations
from trimtab.errors import ScorerError
from trimtab.measures.text import sentences
from trimtab.scorers.definition import Unscored, scorer
from trimtab.scorers.texts import references

_MOST_SENTENCES = 50
_MOST_PREMISES = 50
_LABELS = {"entailment", "neutral", "contradiction"}


@scorer(scale="unit", tier="model", timeout_s=300.0)
def nli(
    output: str,
    context: list[str] | None = None,
    expected: Any = None,
    *,
    directory: str = "",
    premise: Literal["context", "expected"] = "context",
) -> dict[str, float] | Unscored:
    """Share of an answer's sentences that a premise entails, and that it contradicts.

    Every sentence is held against every premise (a passage, or an expected text); the likeliest
    `entailment` and the likeliest `contradiction` over the premises are taken, as in SummaC-ZS
    (Laban et al. 2022, section 3.2), and their means over the sentences are the scores.
    `consistent` is the share of sentences whose entailment is likelier than their contradiction.

    Args:
        directory: of a model, with `model.onnx`, `tokenizer.json` and `config.json`, in which
            `id2label` names entailment, neutral and contradiction; needs the extra [onnx].
    """
    accepted = references(expected) if expected is not None else []
    premises = (
        [text for text in context or () if text.strip()] if premise == "context" else accepted
    )
    if not premises:
        return Unscored(f"missing: {premise}")
    claims = [part for part in sentences(without_citations(output)) if part.strip()]
    if not claims:
        return Unscored("the answer says nothing")
    if len(claims) > _MOST_SENTENCES or len(premises) > _MOST_PREMISES:
        return Unscored(f"more than {_MOST_SENTENCES} sentences or {_MOST_PREMISES} premises")
    return _judged(directory, claims, premises)


def _judged(directory: str, claims: list[str], premises: list[str]) -> dict[str, float]:
    import numpy as np

    from trimtab.scorers.local_model import local_model

    loaded = local_model(directory)
    if not {"entailment", "contradiction"} <= set(loaded.labels) <= _LABELS | {"not_entailment"}:
        raise ScorerError(
            f"the labels of the model are {', '.join(loaded.labels) or 'not known'}",
            where="directory",
            fix="take a model of natural language inference with its config.json",
        )
    logits = loaded.logits([(premise, claim) for claim in claims for premise in premises])
    spread = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = (spread / spread.sum(axis=1, keepdims=True)).reshape(len(claims), len(premises), -1)
    entailed = shares[:, :, loaded.labels.index("entailment")].max(axis=1)
    denied = shares[:, :, loaded.labels.index("contradiction")].max(axis=1)
    numbers = {
        "entailment": entailed.mean(),
        "consistent": (entailed > denied).mean(),
        "no_contradiction": 1 - denied.mean(),
    }
    return {name: float(min(1.0, max(0.0, value))) for name, value in numbers.items()}
