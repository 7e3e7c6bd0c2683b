"""Quality of a ranking where not every document was judged, as trec_eval defines it. Pure.

`relevance` is the gain of the document at rank 1..n and `judged` whether anybody judged it: what
nobody judged counts neither for nor against a ranking here, as it would in `ranks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.errors import MeasureError
from trimtab.measures.gains import checked, exists, found_in, plain, positive

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["bpref", "inferred_average_precision", "unjudged"]


def bpref(relevance: npt.ArrayLike, judged: npt.ArrayLike, *, relevant: int, other: int) -> float:
    """How rarely judged non-relevant documents precede relevant ones (Buckley & Voorhees 2004).

    1/R * sum over relevant ranks of 1 - min(judged non-relevant above, R) / min(R, N), as trec_eval
    computes it: documents nobody judged are passed over.

    Args:
        judged: shape (n,), whether the document at each rank was judged.
        relevant: judged relevant documents of the query (R); 0 gives 0.0.
        other: judged non-relevant documents of the query (N), retrieved or not.

    >>> bpref([0.0, 1.0, 0.0, 1.0], [True, True, False, True], relevant=2, other=2)
    0.5
    """
    values, known = _paired(relevance, judged)
    if not exists(found_in(values), relevant):
        return 0.0
    worst = min(relevant, other)
    above, total = 0, 0.0
    for gain, seen in zip(values, known, strict=True):
        if gain:
            total += 1 - min(above, relevant) / worst if worst else 1.0
        elif seen:
            above += 1
    return total / relevant


def inferred_average_precision(
    relevance: npt.ArrayLike,
    judged: npt.ArrayLike,
    *,
    relevant: int,
    pooled: npt.ArrayLike | None = None,
) -> float:
    """Average precision estimated from a judged sample of the pool (Yilmaz & Aslam 2006; infAP).

    Documents outside the pool are not relevant, and what lies between judged documents is taken to
    be like them; equal to `average_precision` where every pooled document was judged.

    Args:
        judged: shape (n,), whether the document at each rank was judged.
        pooled: shape (n,), whether it could have been drawn; None means only the judged ones.

    >>> round(inferred_average_precision([1.0, 0.0, 1.0], [True] * 3, relevant=2), 4)
    0.8333
    """
    values, known = _paired(relevance, judged)
    drawable = known if pooled is None else _paired(relevance, pooled)[1]
    tiny = 1e-5  # trec_eval's smoothing of an empty sample
    found = other = above = 0
    total = 0.0
    for rank, (gain, seen, pool) in enumerate(zip(values, known, drawable, strict=True), 1):
        if gain:
            like = (found + tiny) / (found + other + 2 * tiny)
            total += (1 + above * like) / rank if rank > 1 else 1.0
            found += 1
        elif seen:
            other += 1
        above += bool(gain or seen or pool)
    return total / relevant if exists(found, relevant) else 0.0


def unjudged(judged: npt.ArrayLike, *, k: int) -> float:
    """Share of the first k ranks that nobody judged; missing ranks are not counted as such (unj_k).

    >>> unjudged([True, False, True], k=2)
    0.5
    """
    return plain(judged)[: positive(k)].count(False) / k


def _paired(relevance: npt.ArrayLike, judged: npt.ArrayLike) -> tuple[list[float], list[bool]]:
    values, known = checked(relevance), plain(judged)
    if len(values) != len(known):
        raise MeasureError("each rank needs a yes or no", ranks=len(values), got=len(known))
    return values, known
