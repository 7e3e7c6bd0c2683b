"""Quality of a ranking to a modelled reader: stopping by chance (RBP) or when satisfied (ERR).

Pure. `relevance` is the gain of the document at rank 1..n, >= 0, on the scale of the judgements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.errors import MeasureError
from trimtab.measures.gains import checked, plain

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["expected_reciprocal_rank", "rank_biased_precision", "rank_biased_residual"]


def rank_biased_precision(relevance: npt.ArrayLike, *, persistence: float = 0.9) -> float:
    """Rate of gain of a reader who goes on to the next rank with a fixed probability (rbp).

    (1 - p) * sum of g_i p^(i - 1), where g_i is in [0, 1] (Moffat & Zobel 2008).
    0.9 is trec_eval's persistence; patient readers have 0.95, those who want one answer 0.5.

    Raises:
        MeasureError: a gain above 1, or a persistence outside (0, 1).

    >>> rank_biased_precision([1.0, 0.0, 1.0], persistence=0.5)
    0.625
    """
    if not 0 < persistence < 1:
        raise MeasureError("persistence lies between 0 and 1", persistence=persistence)
    values = checked(relevance)
    if values and max(values) > 1:
        raise MeasureError("a gain is above 1", fix="divide gains by the highest grade")
    weight, total = 1 - persistence, 0.0
    for value in values:
        total += weight * value
        weight *= persistence
    return total


def rank_biased_residual(judged: npt.ArrayLike, *, persistence: float = 0.9) -> float:
    """What unjudged and missing ranks could add to `rank_biased_precision` (rbp_resid).

    Args:
        judged: shape (n,), whether the document at each rank was judged.

    >>> rank_biased_residual([True, False], persistence=0.5)
    0.5
    """
    known = plain(judged)
    unknown = [0.0 if seen else 1.0 for seen in known]
    missing: float = persistence ** len(known)
    return rank_biased_precision(unknown, persistence=persistence) + missing


def expected_reciprocal_rank(
    relevance: npt.ArrayLike, *, highest: float, k: int | None = None
) -> float:
    """Expected 1 / rank at which a reader is satisfied (Chapelle et al. 2009, ERR).

    sum over ranks r of 1/r * R_r * prod over i < r of (1 - R_i),  R = (2^rel - 1) / 2^highest.

    Args:
        highest: the highest grade of the judgements' scale.

    >>> expected_reciprocal_rank([0.0, 1.0], highest=1)
    0.25
    """
    left, total = 1.0, 0.0
    for rank, value in enumerate(checked(relevance, k), 1):
        if value > highest:
            raise MeasureError("a gain is above the highest grade", got=value, highest=highest)
        satisfied = (2.0**value - 1) / 2.0**highest
        total += left * satisfied / rank
        left *= 1 - satisfied
    return total
