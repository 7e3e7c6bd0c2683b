"""What a comparison of two runs says of the cases that one of them has no score of. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from trimtab.experiments.compare import compare
from trimtab.experiments.vectors import Vector
from trimtab.records import Comparison


def with_missing(
    found: Comparison, before: Vector, after: Vector, clusters: Mapping[str, str]
) -> Comparison:
    """A comparison with the cases that each run lacks, and whether they could hide a loss.

    Where only the baseline lacks cases of a pass-or-fail metric, the loss is tested once more with
    each of them taken to have failed there, which is the most that they can say for the candidate.
    """
    lacking = (_absent(before), _absent(after))
    known = msgspec.structs.replace(found, unscored=lacking)
    if lacking[1] or not lacking[0] or found.difference.judged is not None:
        return known
    if not (before.binary and after.binary):
        return known
    worst = 0.0 if found.higher_is_better else 1.0
    favourable = compare(
        found.metric,
        {key: worst if value is None else value for key, value in before.values.items()},
        after.values,
        binary=True,
        higher_is_better=found.higher_is_better,
        clusters=clusters,
        confidence=found.difference.confidence,
    )
    low, high = favourable.difference.low, favourable.difference.high
    if low is None or high is None:
        return known
    is_loss = high < 0 if found.higher_is_better else low > 0
    return msgspec.structs.replace(known, p_at_best=favourable.p_value) if is_loss else known


def _absent(vector: Vector) -> int:
    return sum(value is None for value in vector.values.values())
