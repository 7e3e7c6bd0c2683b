"""`bertscore`: whether the tokens of two texts have counterparts of like meaning."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trimtab.dialects.passages import without_citations
from trimtab.scorers.definition import Unscored, scorer
from trimtab.scorers.exact import NO_EXPECTED
from trimtab.scorers.texts import references

if TYPE_CHECKING:
    from trimtab.scorers.local_model import FloatArray, LocalModel, Tokens

Weights = Mapping[int, float]


@scorer(scale=(-1, 1), tier="model", timeout_s=120.0)
def bertscore(
    output: str, expected: Any, *, directory: str = "", corpus: Sequence[str] = ()
) -> dict[str, float] | Unscored:
    """BERTScore: precision, recall and F1 of tokens matched by their vectors (Zhang et al. 2020).

    P is the mean over the answer's tokens of the greatest cosine to a token of the expected text, R
    the same the other way round, F1 = 2 P R / (P + R) (arXiv:1904.09675, section 3). Of the model's
    last layer, without rescaling: values are comparable for one model alone. Texts beyond 512
    tokens are cut. The best F1 over several expected texts counts.

    Args:
        directory: of a model, with `model.onnx` and `tokenizer.json`; needs the extra [onnx].
        corpus: texts that tell rare tokens from frequent ones; with them tokens weigh
            -ln((n + 1) / (N + 1)), n of N texts having the token.
    """
    accepted = references(expected)
    answer = without_citations(output)
    if not accepted or not answer.strip():
        return Unscored("the answer is empty") if accepted else NO_EXPECTED
    from trimtab.scorers.local_model import local_model

    loaded = local_model(directory)
    given, *wanted = loaded.token_vectors([answer, *accepted])
    weights = _weights(directory, tuple(corpus)) if corpus else None
    found = [_matched(given, each, weights, len(corpus)) for each in wanted]
    best = max((each for each in found if each), key=lambda each: each["f1"], default=None)
    return best or Unscored("a text has no tokens")


def _matched(
    given: tuple[Tokens, FloatArray],
    wanted: tuple[Tokens, FloatArray],
    weights: Weights | None,
    texts: int,
) -> dict[str, float] | None:
    import numpy as np

    (left, left_ids), (right, right_ids) = _parts(*given), _parts(*wanted)
    if not left_ids or not right_ids:
        return None
    cosines = left @ right.T
    rare = math.log(texts + 1)

    def mean(values: Any, ids: Sequence[int]) -> float:
        each = [1.0 if weights is None else weights.get(token, rare) for token in ids]
        total = sum(each)
        return float(np.dot(values, each) / total) if total else float(np.mean(values))

    precision = mean(cosines.max(axis=1), left_ids)
    recall = mean(cosines.max(axis=0), right_ids)
    whole = precision + recall
    numbers = {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / whole if whole > 0 else min(precision, recall),
    }
    return {name: max(-1.0, min(1.0, value)) for name, value in numbers.items()}


def _parts(tokens: Tokens, vectors: FloatArray) -> tuple[FloatArray, list[int]]:
    """Vectors of length 1 of the tokens that stand for a part of the text, with those tokens."""
    import numpy as np

    kept = [place for place, special in enumerate(tokens.is_special) if not special]
    found = vectors[kept]
    sizes = np.linalg.norm(found, axis=1, keepdims=True)
    sizes[sizes == 0] = 1
    return found / sizes, [tokens.ids[place] for place in kept]


@lru_cache(maxsize=8)
def _weights(directory: str, corpus: tuple[str, ...]) -> Weights:
    """Inverse document frequency of every token of a corpus."""
    from trimtab.scorers.local_model import local_model

    model: LocalModel = local_model(directory)
    having = Counter(token for text in corpus for token in set(model.tokens(text).ids))
    size = len(corpus) + 1
    return {token: -math.log((count + 1) / size) for token, count in having.items()}
