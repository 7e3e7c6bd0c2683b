"""Quality of one ranking, as trec_eval defines it. Pure: gains in rank order in, one number out.

`relevance` is always the gain of the document at rank 1..n, >= 0, where 0 is not relevant (or not
judged). Average over queries with any mean; a query whose ranking is empty counts as 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, finite

__all__ = [
    "average_precision",
    "bpref",
    "hit",
    "ndcg",
    "precision",
    "r_precision",
    "ranked",
    "recall",
    "reciprocal_rank",
]


def ranked(scores: Mapping[str, float]) -> list[str]:
    """Document ids best first; equal scores by id, last first, as trec_eval breaks ties.

    >>> ranked({"a": 1.0, "b": 2.0, "c": 1.0})
    ['b', 'c', 'a']
    """
    return sorted(scores, key=lambda name: (scores[name], name), reverse=True)


def precision(relevance: npt.ArrayLike, *, k: int) -> float:
    """Share of the first k ranks that are relevant; ranks that are missing are not (P_k).

    >>> precision([1.0, 0.0, 1.0], k=2)
    0.5
    """
    return float((_gains(relevance, k) > 0).sum() / _positive(k))


def recall(relevance: npt.ArrayLike, *, relevant: int, k: int | None = None) -> float:
    """Share of all relevant documents found in the first k ranks; 0 when none exists (recall_k).

    Args:
        relevant: relevant documents of the query, retrieved or not.

    >>> recall([1.0, 0.0, 1.0], relevant=4)
    0.5
    """
    found = int((_gains(relevance, k) > 0).sum())
    return found / relevant if _known(found, relevant) else 0.0


def hit(relevance: npt.ArrayLike, *, k: int) -> float:
    """1.0 if any of the first k ranks is relevant, else 0.0 (success_k).

    >>> hit([0.0, 1.0], k=1)
    0.0
    """
    return float((_gains(relevance, _positive(k)) > 0).any())


def reciprocal_rank(relevance: npt.ArrayLike) -> float:
    """1 / rank of the first relevant document; 0 when there is none (recip_rank).

    >>> reciprocal_rank([0.0, 1.0])
    0.5
    """
    places = np.flatnonzero(_gains(relevance) > 0)
    return 1.0 / (int(places[0]) + 1) if len(places) else 0.0


def average_precision(relevance: npt.ArrayLike, *, relevant: int) -> float:
    """Mean of the precision at each relevant rank, over all relevant documents (map).

    Args:
        relevant: relevant documents of the query, retrieved or not; 0 gives 0.0.

    >>> round(average_precision([1.0, 0.0, 1.0], relevant=2), 4)
    0.8333
    """
    found = _gains(relevance) > 0
    if not _known(int(found.sum()), relevant):
        return 0.0
    at = np.cumsum(found) / np.arange(1, len(found) + 1)
    return float(at[found].sum() / relevant)


def r_precision(relevance: npt.ArrayLike, *, relevant: int) -> float:
    """Precision at as many ranks as there are relevant documents; 0 when there is none (Rprec).

    >>> r_precision([1.0, 0.0, 1.0], relevant=2)
    0.5
    """
    gains = _gains(relevance)
    if not _known(int((gains > 0).sum()), relevant):
        return 0.0
    return precision(gains, k=relevant)


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
    gains = _gains(relevance)
    known = np.asarray(judged, dtype=bool)
    if known.shape != gains.shape:
        raise MeasureError("every rank needs to be judged or not", ranks=len(gains))
    found = gains > 0
    if not _known(int(found.sum()), relevant):
        return 0.0
    above = np.minimum(np.cumsum(known & ~found), relevant)[found]
    worst = min(relevant, other)
    share = above / worst if worst else np.zeros(len(above))
    return float((1 - share).sum() / relevant)


def ndcg(
    relevance: npt.ArrayLike, *, k: int | None = None, ideal: npt.ArrayLike | None = None
) -> float:
    """Normalised discounted cumulative gain, in [0, 1] (ndcg, ndcg_cut_k).

    nDCG@k = DCG@k / IDCG@k,  DCG@k = sum over i <= k of rel_i / log2(i + 1)  (Jarvelin & Kekalainen
    2002, with trec_eval's discount, which starts at rank 2).

    Args:
        relevance: gains >= 0; for exponential gain pass 2 ** rel - 1.
        k: ranks considered; None means all n.
        ideal: gains of all judged documents, in any order; None means those of `relevance`.
    A query with no relevant document has no ideal ranking: returns 0.0, trec_eval's convention.

    >>> round(ndcg([1.0, 0.0, 1.0]), 4)
    0.9197
    """
    gains = _gains(relevance, k)
    best = np.sort(_gains(relevance if ideal is None else ideal))[::-1][:k]
    total = _discounted(best)
    return _discounted(gains) / total if total > 0 else 0.0


def _discounted(gains: FloatArray) -> float:
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())


def _gains(relevance: npt.ArrayLike, k: int | None = None) -> FloatArray:
    gains = finite(relevance)
    if (gains < 0).any():
        raise MeasureError("a gain cannot be negative", fix="judge what is not relevant 0")
    return gains if k is None else gains[: _positive(k)]


def _positive(k: int) -> int:
    if k < 1:
        raise MeasureError("k counts ranks from 1", k=k)
    return k


def _known(found: int, relevant: int) -> bool:
    if relevant < found:
        raise MeasureError(
            "more relevant documents retrieved than exist", found=found, relevant=relevant
        )
    return relevant > 0
