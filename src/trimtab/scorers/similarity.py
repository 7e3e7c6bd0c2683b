"""`embedding_similarity`: how near the meaning of an answer comes, by the vectors of a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta

from trimtab.dialects.passages import without_citations
from trimtab.ports import Embedder
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.exact import NO_EXPECTED
from trimtab.scorers.texts import references


@scorer(scale=(-1, 1), tier="model")
async def embedding_similarity(
    output: str,
    expected: Any,
    embedder: Embedder,
    *,
    least: Annotated[float, Meta(ge=-1, le=1)] | None = None,
) -> Judgement | Unscored:
    """Cosine of the answer's vector and that of the expected text, the best over several.

    a . e / (|a| |e|), in [-1, 1]. What is near depends on the model: look at the values of right
    and wrong answers before you draw a line.

    Args:
        embedder: a model of embeddings; in a suite file `embedder: provider/model`.
        least: with it, whether the cosine is at least so great.
    """
    accepted = references(expected)
    answer = without_citations(output)
    if not accepted or not answer.strip():
        return Unscored("the answer is empty") if accepted else NO_EXPECTED
    vectors = await embedder.embed([answer, *accepted])
    values = [cosine(vectors[0], vector) for vector in vectors[1:]]
    known = [value for value in values if value is not None]
    if not known:
        return Unscored("the model gives vectors that have no direction")
    reason = f"by {embedder.name}"
    if least is None:
        return Judgement(value=max(known), reason=reason)
    return Judgement(passed=max(known) >= least, reason=f"{max(known):.3f} {reason}")


def cosine(first: Sequence[float], second: Sequence[float]) -> float | None:
    """The cosine of two vectors of one length, in [-1, 1]; None where one has no direction.

    >>> cosine([1.0, 0.0], [2.0, 0.0]), cosine([0.0], [1.0])
    (1.0, None)
    """
    size = math.hypot(*first) * math.hypot(*second)
    if len(first) != len(second) or not (size and math.isfinite(size)):
        return None
    return max(-1.0, min(1.0, sum(a * b for a, b in zip(first, second, strict=True)) / size))
