"""The built-in scorers by name, each imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module

from trimtab.errors import ScorerError
from trimtab.ports import Scorer

_HOME = {
    "abstains": "abstention",
    "answer_correct": "correct",
    "answer_relevance": "judges.answer_relevance",
    "bertscore": "bertscore",
    "bias": "judges.harm",
    "bleu": "overlap",
    "calibration": "forecasts",
    "chrf": "overlap",
    "citation_ids": "quotes",
    "cites_source": "citation",
    "classification": "forecasts",
    "closed_qa": "judges.correctness",
    "contains": "contains",
    "context_precision": "judges.context",
    "context_recall": "judges.context",
    "context_relevance": "judges.context",
    "conversation": "judges.conversation",
    "correctness": "judges.correctness",
    "cost": "operations",
    "embedding_similarity": "similarity",
    "ends_with": "contains",
    "exact": "exact",
    "exfiltration": "signals",
    "faithfulness": "judges.faithfulness",
    "frustration": "judges.conversation",
    "grade_level": "readability",
    "groundedness": "groundedness",
    "injection": "signals",
    "json_diff": "json_output",
    "json_schema": "json_output",
    "json_valid": "json_output",
    "latency": "operations",
    "leak": "signals",
    "length": "length",
    "levenshtein": "overlap",
    "loop": "tools",
    "max_steps": "tools",
    "nli": "nli",
    "normalised": "exact",
    "numeric_close": "numeric",
    "one_of": "contains",
    "pairwise": "judges.preference",
    "perplexity": "uncertainty",
    "pii": "signals",
    "prompt_leak": "leak",
    "python_tests": "python_tests",
    "quote_in_source": "quotes",
    "readability": "readability",
    "refusal": "refusal",
    "regex": "pattern",
    "resists_attack": "attack",
    "retrieval": "retrieval",
    "rouge": "overlap",
    "rubric": "judges.rubric",
    "secrets": "signals",
    "self_consistency": "uncertainty",
    "signal": "signals",
    "sinks": "signals",
    "span_error": "operations",
    "sql_result": "sql",
    "starts_with": "contains",
    "summarization": "judges.summarization",
    "task_completion": "judges.agents",
    "ter": "overlap",
    "token_f1": "overlap",
    "tokens": "operations",
    "tool_args": "tools",
    "tool_called": "tools",
    "tool_choice": "judges.agents",
    "tool_schema": "tools",
    "tool_sequence": "tools",
    "toxicity": "judges.harm",
    "trajectory_f1": "tools",
}

_ALSO = {"normalized": "normalised"}
"""Other spellings of names."""

JUDGES = frozenset(name for name, home in _HOME.items() if home.startswith("judges."))
"""The names of those that ask a model."""


class _BuiltIn(Mapping[str, Scorer]):
    """Name to scorer; reading the names imports nothing."""

    def __getitem__(self, name: str) -> Scorer:
        scorer: Scorer = getattr(import_module(f"trimtab.scorers.{_HOME[name]}"), name)
        return scorer

    def __iter__(self) -> Iterator[str]:
        return iter(_HOME)

    def __len__(self) -> int:
        return len(_HOME)


BUILT_IN: Mapping[str, Scorer] = _BuiltIn()


def resolve(names: Iterable[str]) -> list[Scorer]:
    """The built-in scorers of these names, in this order, each once.

    Raises:
        ScorerError: there is no scorer of a name; says which is meant, if one is close.

    >>> [scorer.name for scorer in resolve(["latency", "exact"])]
    ['latency', 'exact']
    """
    return [_known(name) for name in dict.fromkeys(_ALSO.get(name, name) for name in names)]


def _known(name: str) -> Scorer:
    if name in _HOME:
        return BUILT_IN[name]
    close = get_close_matches(name, _HOME, n=1)
    fix = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(_HOME)}"
    raise ScorerError(
        f"there is no scorer {name!r}", where="scorers", fix=fix, got=name, allowed=list(_HOME)
    )
