"""How alike two answers to one question are. Pure but for the table of embeddings, read once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from trimtab.embeddings.table import table
from trimtab.measures.overlap import normalised, token_f1
from trimtab.records import text_of
from trimtab.records.record import Json

FloatArray = NDArray[np.float64]


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and the perplexity of its tokens where the provider told it."""

    text: str
    perplexity: float | None = None


def text_in(output: Json) -> str:
    """An answer as text; JSON with its members in order."""
    if isinstance(output, str):
        return output
    return text_of(output) or msgspec.json.encode(output, order="sorted").decode()


def likeness(answers: Sequence[Given]) -> FloatArray:
    """The likeness of every two of some answers to one question, each in [0, 1].

    The mean of what there is: whether they are the same but for case and marks, the F1 of their
    words, the cosine of their static embeddings, and, where all have one, the ratio of the lesser
    perplexity to the greater, which is exp(-|difference of the mean log probabilities|).

    Returns:
        Shape (n, n), symmetric, with ones on the diagonal.
    """
    count = len(answers)
    found = np.ones((count, count))
    texts = [one.text for one in answers]
    plain = [normalised(text) for text in texts]
    vectors = np.asarray(table().embed(texts), dtype=np.float64)
    told = [one.perplexity for one in answers]
    for i in range(count):
        for j in range(i):
            if texts[i] == texts[j]:
                parts = [1.0, 1.0, 1.0]
            else:
                cosine = float(np.clip(vectors[i] @ vectors[j], 0.0, 1.0))
                parts = [float(plain[i] == plain[j]), token_f1(texts[i], texts[j]), cosine]
            if (ratio := _ratio(told[i], told[j])) is not None and None not in told:
                parts.append(ratio)
            found[i, j] = found[j, i] = sum(parts) / len(parts)
    return found


def _ratio(one: float | None, other: float | None) -> float | None:
    if one is None or other is None or min(one, other) <= 0:
        return None
    return min(one, other) / max(one, other)
