"""`perplexity` and `self_consistency`: how sure a model was of its answer, by its own doing."""

from __future__ import annotations

import math
from typing import Any

from trimtab.measures import consistency
from trimtab.measures import logprobs as measure
from trimtab.measures.overlap import normalised
from trimtab.records import TokenLogprob
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import text

_LEAST = 700.0  # what exp can still show


@scorer(scale=(0, None), higher_is_better=False)
def perplexity(logprobs: tuple[TokenLogprob, ...]) -> dict[str, float] | Unscored:
    """Perplexity of the answer's tokens, and the mean entropy of what might have stood there.

    `value` is exp(-mean ln p); `surprisal` is -log2 p of the least likely token, in bits;
    `entropy`, in bits, is over the likeliest tokens that came along. Needs log probabilities: ask
    for them (`logprobs: true`).

    >>> perplexity((TokenLogprob(token="a", logprob=-0.6931471805599453),))["value"]
    2.0
    """
    if not logprobs:
        return Unscored("the answer has no log probabilities")
    values = [min(0.0, token.logprob) for token in logprobs]
    if not all(math.isfinite(token.logprob) for token in logprobs):
        return Unscored("a token has no probability")
    if min(values) < -_LEAST:
        return Unscored("a token's log probability is too small to be one")
    scores = {
        "value": round(measure.perplexity(values), 12),
        "surprisal": -min(values) / math.log(2),
    }
    tops = [token.top for token in logprobs if len(token.top) > 1]
    if tops:
        scores["entropy"] = measure.mean_token_entropy(tops)
    return scores


@scorer(scale="unit")
def self_consistency(output: str, samples: tuple[Any, ...]) -> Judgement | Unscored:
    """Share of all answers to the same input that say what this one says, itself included.

    Answers say the same when they agree in SQuAD's normal form: for short answers (Wang et al.
    2023, arXiv:2203.11171). `evidence` names the sentences that the other answers support least
    (SelfCheckGPT's n-gram variant, Manakul et al. 2023, arXiv:2303.08896).

    >>> self_consistency("42", ("42.", "41")).value
    0.6666666666666666
    """
    others = [text(sample) for sample in samples]
    if not others:
        return Unscored("missing: samples")
    own = normalised(output)
    same = 1 + sum(normalised(other) == own for other in others)
    surprising = sorted(consistency.unsupported(output, others), key=lambda found: -found.mean)
    return Judgement(
        value=same / (1 + len(others)),
        reason=f"{same} of {1 + len(others)} answers agree",
        evidence=tuple(found.sentence[:300] for found in surprising[:1] if same <= len(others)),
    )
