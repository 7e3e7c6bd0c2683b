"""What a comparison of two runs says of the cases that one of them has no score of. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np

from trimtab.experiments.bounded import Scale, scale_of
from trimtab.experiments.compare import Scores
from trimtab.experiments.vectors import Vector
from trimtab.records import Comparison
from trimtab.records.run import Failures

Again = Callable[[Scores, Scores], Comparison]
"""Compares anew, with other scores of the baseline and of the candidate."""


def with_missing(
    found: Comparison, before: Vector, after: Vector, again: Again, *, worst: float | None
) -> Comparison:
    """A comparison with the cases that each run lacks, and whether they could hide a loss.

    Where only the baseline lacks cases of a pass-or-fail metric, the loss is tested once more with
    each of them taken to have failed there, which is the most that they can say for the candidate.
    What the candidate's task failed to answer is taken as the worst: see `Failures`.

    Args:
        worst: the worst score there is; None where nobody says.
    """
    return msgspec.structs.replace(
        found,
        unscored=(_absent(before), _absent(after)),
        p_at_best=_p_at_best(found, before, after, again),
        failures=None if worst is None else _failures(before, after, again, worst),
    )


def worst_score(
    *vectors: Vector, higher_is_better: bool, scale: Scale | None = None
) -> float | None:
    """The worst score that a metric can take; None where nobody says how bad one can be, or where
    nothing bounds it.

    Args:
        scale: the declared one; without it scores in [0, 1] of which more is better are shares.
    """
    numbers = [value for each in vectors for value in each.values.values() if value is not None]
    own = scale_of(
        np.array(numbers), binary=False, higher_is_better=higher_is_better, declared=scale
    )
    worst = None if own is None else own[0 if higher_is_better else 1]
    return worst if worst is not None and math.isfinite(worst) else None


def _p_at_best(found: Comparison, before: Vector, after: Vector, again: Again) -> float | None:
    if _absent(after) or not _absent(before) or found.difference.judged is not None:
        return None
    if not (before.binary and after.binary):
        return None
    worst = 0.0 if found.higher_is_better else 1.0
    favourable = again(
        {key: worst if value is None else value for key, value in before.values.items()},
        after.values,
    )
    low, high = favourable.difference.low, favourable.difference.high
    if low is None or high is None:
        return None
    is_loss = high < 0 if found.higher_is_better else low > 0
    return favourable.p_value if is_loss else None


def _failures(before: Vector, after: Vector, again: Again, worst: float) -> Failures | None:
    cases = [key for key in after.failed if before.values.get(key) is not None]
    if not cases:
        return None
    at_worst = again(before.values, after.with_failed_as(worst))
    return Failures(cases=len(cases), candidate=at_worst.candidate, difference=at_worst.difference)


def _absent(vector: Vector) -> int:
    return sum(value is None for value in vector.values.values())
