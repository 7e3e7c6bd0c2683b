"""Quality of one ranking, as trec_eval defines it. Pure: gains in rank order in, one number out.

`relevance` is always the gain of the document at rank 1..n, >= 0, where 0 is not relevant (or not
judged). Average over queries with any mean; a query whose ranking is empty counts as 0. Lists are
faster than arrays here, and numpy is not imported: rankings are short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import compress, repeat
from operator import mul, truediv
from typing import TYPE_CHECKING, Literal

from trimtab.errors import MeasureError
from trimtab.measures.gains import checked, exists, found_in, positive

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "average_precision",
    "f_measure",
    "gains",
    "geometric_mean",
    "hit",
    "interpolated_precision",
    "ndcg",
    "precision",
    "r_precision",
    "ranked",
    "recall",
    "reciprocal_rank",
]


_JUST_MORE = 1 + 1e-9


def ranked(scores: Mapping[str, float]) -> list[str]:
    """Document ids best first; equal scores by id, last first, as trec_eval breaks ties.

    >>> ranked({"a": 1.0, "b": 2.0, "c": 1.0})
    ['b', 'c', 'a']
    """
    if not math.isfinite(sum(scores.values())) and any(map(math.isnan, scores.values())):
        raise MeasureError("a score is NaN", fix="leave out documents without a score")
    if len(set(scores.values())) == len(scores):
        return sorted(scores, key=scores.__getitem__, reverse=True)
    return sorted(scores, key=lambda name: (scores[name], name), reverse=True)


def gains(order: Sequence[str], judgements: Mapping[str, float]) -> list[float]:
    """The gain of each document in rank order; 0.0 for one nobody judged or judged below 0.

    >>> gains(["a", "b", "c"], {"a": 2.0, "c": -1.0})
    [2.0, 0.0, 0.0]
    """
    found = list(map(judgements.get, order, repeat(0.0)))
    return [max(0.0, gain) for gain in found] if found and min(found) < 0 else found


def precision(relevance: npt.ArrayLike, *, k: int) -> float:
    """Share of the first k ranks that are relevant; ranks that are missing are not (P_k).

    >>> precision([1.0, 0.0, 1.0], k=2)
    0.5
    """
    return found_in(checked(relevance, positive(k))) / k


def recall(relevance: npt.ArrayLike, *, relevant: int, k: int | None = None) -> float:
    """Share of all relevant documents found in the first k ranks; 0 when none exists (recall_k).

    Args:
        relevant: relevant documents of the query, retrieved or not.

    >>> recall([1.0, 0.0, 1.0], relevant=4)
    0.5
    """
    found = found_in(checked(relevance, k))
    return found / relevant if exists(found, relevant) else 0.0


def f_measure(
    relevance: npt.ArrayLike, *, relevant: int, k: int | None = None, beta: float = 1.0
) -> float:
    """Weighted harmonic mean of precision and recall in the first k ranks (set_F; van Rijsbergen).

    (1 + b^2) P R / (b^2 P + R).

    Args:
        k: ranks considered; None means all that were retrieved.
        beta: how many times recall counts as much as precision.

    >>> f_measure([1.0, 0.0], relevant=1, k=2)
    0.6666666666666666
    """
    values = checked(relevance, k)
    found = found_in(values)
    if not exists(found, relevant) or not found:
        return 0.0
    weight = beta * beta
    return (1 + weight) * found / (weight * relevant + (k or len(values)))


def hit(relevance: npt.ArrayLike, *, k: int) -> float:
    """1.0 if any of the first k ranks is relevant, else 0.0 (success_k).

    >>> hit([0.0, 1.0], k=1)
    0.0
    """
    return float(any(checked(relevance, positive(k))))


def reciprocal_rank(relevance: npt.ArrayLike) -> float:
    """1 / rank of the first relevant document; 0 when there is none (recip_rank).

    >>> reciprocal_rank([0.0, 1.0])
    0.5
    """
    values = checked(relevance)
    first = next(compress(range(1, len(values) + 1), values), None)
    return 1.0 / first if first else 0.0


def average_precision(relevance: npt.ArrayLike, *, relevant: int) -> float:
    """Mean of the precision at each relevant rank, over all relevant documents (map).

    Args:
        relevant: relevant documents of the query, retrieved or not; 0 gives 0.0.

    >>> round(average_precision([1.0, 0.0, 1.0], relevant=2), 4)
    0.8333
    """
    values = checked(relevance)
    places = list(compress(range(1, len(values) + 1), values))
    if not exists(len(places), relevant):
        return 0.0
    total: float = sum(map(truediv, range(1, len(places) + 1), places))
    return total / relevant


def r_precision(relevance: npt.ArrayLike, *, relevant: int) -> float:
    """Precision at as many ranks as there are relevant documents; 0 when there is none (Rprec).

    >>> r_precision([1.0, 0.0, 1.0], relevant=2)
    0.5
    """
    values = checked(relevance)
    if not exists(found_in(values), relevant):
        return 0.0
    return found_in(values[:relevant]) / relevant


def interpolated_precision(relevance: npt.ArrayLike, *, recall: float, relevant: int) -> float:
    """Highest precision at or beyond a level of recall in [0, 1] (iprec_at_recall).

    A level between two documents is the nearer one, as in trec_eval 10; version 9 and what is
    built on it took the next one from a tenth on. The mean over 0.0, 0.1 ... 1.0 is 11pt_avg.

    >>> interpolated_precision([0.0, 1.0, 1.0], recall=0.5, relevant=2)
    0.6666666666666666
    """
    if not 0 <= recall <= 1:
        raise MeasureError("recall lies in [0, 1]", recall=recall)
    values = checked(relevance)
    places = list(compress(range(1, len(values) + 1), values))
    if not exists(len(places), relevant):
        return 0.0
    least = max(1, int(recall * relevant + 0.5))
    precisions = (found / rank for found, rank in enumerate(places, 1) if found >= least)
    return max(precisions, default=0.0)


def ndcg(
    relevance: npt.ArrayLike,
    *,
    k: int | None = None,
    ideal: npt.ArrayLike | None = None,
    gain: Literal["linear", "exponential"] = "linear",
) -> float:
    """Normalised discounted cumulative gain, in [0, 1] (ndcg, ndcg_cut_k).

    nDCG@k = DCG@k / IDCG@k,  DCG@k = sum over i <= k of g_i / log2(i + 1)  (Jarvelin & Kekalainen
    2002, with trec_eval's discount, which starts at rank 2).

    Args:
        k: ranks considered; None means all n.
        ideal: gains of all judged documents, in any order; None means those of `relevance`.
        gain: g = rel, or g = 2^rel - 1 (Burges et al. 2005).
    Raises:
        MeasureError: the ranking has more gain than the ideal one.
    A query with no relevant document has no ideal ranking: returns 0.0, trec_eval's convention.

    >>> round(ndcg([1.0, 0.0, 1.0]), 4)
    0.9197
    """
    if gain not in ("linear", "exponential"):
        raise MeasureError("no such gain", got=gain, allowed=["linear", "exponential"])
    values = checked(relevance, k)
    best = sorted(checked(relevance if ideal is None else ideal), reverse=True)[:k]
    if gain == "exponential":
        values, best = ([2.0**value - 1 for value in each] for each in (values, best))
    found, total = _discounted(values), _discounted(best)
    if found > total * _JUST_MORE:
        raise MeasureError(
            "the ranking has more gain than the ideal one",
            fix="give the gains of all judged documents as `ideal`, those that were found too",
        )
    return found / total if total else 0.0


def geometric_mean(values: npt.ArrayLike, *, least: float = 1e-5) -> float:
    """Mean over queries that hears the bad ones; values below `least` count as it (gm_map).

    >>> round(geometric_mean([0.1, 0.001]), 4)
    0.01
    """
    found = checked(values)
    if not found:
        raise MeasureError("a mean needs a value")
    return math.exp(sum(math.log(max(value, least)) for value in found) / len(found))


def _discounted(values: list[float]) -> float:
    total: float = sum(map(mul, values, _discounts(len(values).bit_length())))
    return total


@lru_cache(maxsize=64)
def _discounts(bits: int) -> tuple[float, ...]:
    return tuple(1 / math.log2(rank + 1) for rank in range(1, 1 << bits))
