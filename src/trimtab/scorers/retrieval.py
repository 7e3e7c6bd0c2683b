"""`retrieval`: whether what was found is what should be found, in a good order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.measures import pools, ranks
from trimtab.records import Passage
from trimtab.scorers.definition import Unscored, scorer

_MOST_GAIN = 100  # 2^gain stays a number


@scorer(scale="unit")
def retrieval(
    passages: tuple[Passage, ...],
    expected: Any = None,
    metadata: dict[str, Any] | None = None,
    *,
    k: Annotated[int, Meta(ge=1)] = 10,
    by: Literal["id", "source"] = "id",
) -> dict[str, float] | Unscored:
    """Rank measures of the passages in the order they were found, against those judged relevant.

    Relevance is `{"relevant": ...}` of what the row expects, or `metadata.relevant`: a list of ids,
    or ids with gains (`{"a": 2, "b": 1, "c": 0}`, where 0 is judged and not relevant). A passage
    found twice counts once.

    Args:
        k: how many passages `hit`, `precision`, `recall`, `ndcg` and `ndcg_exponential` look at.
        by: `id` or `source`, for judgements of whole documents.
    Returns:
        `hit` (a relevant passage is there), `precision`, `recall`, `reciprocal_rank`,
        `average_precision`, `ndcg` (linear gains), `ndcg_exponential` (2^gain - 1), `bpref` and
        `success` (the first passage is relevant).

    >>> found = tuple(Passage(id=name, text="", source="") for name in ("b", "a"))
    >>> retrieval(found, {"relevant": ["a"]})["reciprocal_rank"]
    0.5
    """
    gains = _judgements(expected, metadata)
    if not gains:
        return Unscored("missing: relevant")
    if not all(0 <= gain <= _MOST_GAIN for gain in gains.values()):
        return Unscored(f"a gain is not a number from 0 to {_MOST_GAIN}")
    relevant = sum(gain > 0 for gain in gains.values())
    if not relevant:
        return Unscored("nothing is relevant")
    order = list(dict.fromkeys(getattr(passage, by) for passage in passages))
    found = [gains.get(name, 0.0) for name in order]
    judged = [name in gains for name in order]
    ideal = sorted(gains.values(), reverse=True)
    steep = [2**gain - 1 for gain in found]
    return {
        "hit": ranks.hit(found, k=k),
        "precision": ranks.precision(found, k=k),
        "recall": ranks.recall(found, relevant=relevant, k=k),
        "reciprocal_rank": ranks.reciprocal_rank(found),
        "average_precision": ranks.average_precision(found, relevant=relevant),
        "ndcg": ranks.ndcg(found, k=k, ideal=ideal),
        "ndcg_exponential": ranks.ndcg(steep, k=k, ideal=[2**gain - 1 for gain in ideal]),
        "bpref": pools.bpref(found, judged, relevant=relevant, other=len(gains) - relevant),
        "success": float(bool(found) and found[0] > 0),
    }


def _judgements(expected: Any, metadata: dict[str, Any] | None) -> dict[str, float]:
    for place in (expected, metadata):
        relevant = place.get("relevant") if isinstance(place, Mapping) else None
        if isinstance(relevant, Mapping):
            return {str(name): _gain(gain) for name, gain in relevant.items()}
        if isinstance(relevant, list | tuple):
            return {str(name): 1.0 for name in relevant}
    return {}


def _gain(given: Any) -> float:
    """A gain as a number; NaN, which is on no scale, of anything else."""
    return float(given) if isinstance(given, int | float) and abs(given) < 1e300 else math.nan
