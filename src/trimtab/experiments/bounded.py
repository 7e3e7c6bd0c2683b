"""Intervals of means of scores whose scale is known, or is not. Pure: numbers in, bounds out.

A score that is nearly always the same shows little of how far it can go. On a known scale the rest
is bounded by it; without one nothing can be said, and nothing is. A scale may have no upper end, as
that of a time has none.
"""

from __future__ import annotations

import math

import numpy as np

from trimtab.measures import intervals, power
from trimtab.measures.clusters import FloatArray, totals
from trimtab.measures.intervals import Interval

Scale = tuple[float, float]
Keys = list[str] | None

# From fewer deviations than this nothing can be learnt about their spread (see rare_interval).
FEW = 8
_SAME = 1e-9


def scale_of(
    values: FloatArray, *, binary: bool, higher_is_better: bool, declared: Scale | None
) -> Scale | None:
    """The least and the greatest value a score can take; None where that is not known.

    What is declared counts as long as no value contradicts it. Without a declaration a score in
    [0, 1] of which more is better is taken to be bounded by them: a cost of 0.0004 lies in [0, 1]
    as well, without 1 meaning anything to it.
    """
    if len(values) == 0:
        return None
    least, greatest = float(values.min()), float(values.max())
    if binary:
        return 0.0, 1.0
    if declared is not None and declared[0] <= least and greatest <= declared[1]:
        return declared
    return (0.0, 1.0) if higher_is_better and least >= 0 and greatest <= 1 else None


def apart(scale: Scale | None) -> Scale | None:
    """The scale of the difference of two scores; None where nothing bounds it."""
    if scale is None or not math.isfinite(scale[1]):
        return None
    return scale[0] - scale[1], scale[1] - scale[0]


def mean_within(
    values: FloatArray, keys: Keys, confidence: float, scale: Scale | None
) -> Interval | None:
    """Interval of a mean over at least two clusters; None where too few values deviate to tell.

    On a known scale a value may deviate from the usual one by as much as the scale allows, however
    alike the values are. Without one, or without an upper end, few deviations leave the interval
    undefined.

    An interval ends where the scale does. That makes it no less often right: the mean of values
    within a scale lies within it, so only what cannot be the mean is cut off.
    """
    usual, deviations = _deviations(values)
    if scale is None or not math.isfinite(scale[1]):
        if _few(deviations, keys):
            return None
        found = within(intervals.skew_interval(values, keys, confidence), scale)
        return None if _is_point(found) else found
    most = max(usual - scale[0], scale[1] - usual)
    low, high = intervals.rare_interval(deviations, keys, confidence, span=most)
    if _is_point(Interval(low, high)):  # clusters of equal sums, whose values are not equal
        rest = intervals.tango(0, 0, _size(deviations, keys), confidence)
        low, high = low + most * rest.low, high + most * rest.high
    return within(Interval(usual + low, usual + high), scale)


def within(found: Interval, scale: Scale | None) -> Interval:
    """An interval without what lies outside the scale, which no mean can."""
    if scale is None:
        return found
    return Interval(max(scale[0], found.low), min(scale[1], found.high))


def detectable(differences: FloatArray, keys: Keys, scale: Scale | None) -> float | None:
    """The true difference that paired differences, over two clusters at least, would have shown.

    At two-sided 5 % with 80 % power; None where too few deviate to tell, and where no difference
    within the scale is large enough.
    """
    found = _shown(differences, keys, scale)
    return None if found is None or (scale is not None and found > scale[1]) else found


def _shown(differences: FloatArray, keys: Keys, scale: Scale | None) -> float | None:
    usual, deviations = _deviations(differences)
    error = intervals.standard_error(deviations, keys)
    seen = power.detectable_difference(error.value, error.df)
    if not _few(deviations, keys) and seen > 0:
        return seen
    if scale is None:
        return None
    size = _size(deviations, keys)
    moved = int(np.count_nonzero(totals(deviations, keys).sums))
    rare = power.mcnemar_detectable(size, changed=min(1.0, moved / size))
    return None if rare is None else max(seen, rare * max(usual - scale[0], scale[1] - usual))


def _deviations(values: FloatArray) -> tuple[float, FloatArray]:
    """The most frequent value, of several the one next to 0, and how far each lies from it."""
    unit = float(np.abs(values).max()) or 1.0
    seen, counts = np.unique(np.round(values / unit, 9), return_counts=True)
    often = seen[counts == counts.max()]
    usual = unit * float(often[np.abs(often).argmin()])
    deviations = values - usual
    deviations[np.abs(deviations) <= _SAME * unit] = 0.0
    return usual, deviations


def _few(deviations: FloatArray, keys: Keys) -> bool:
    sums = totals(deviations, keys).sums
    moved = int(np.count_nonzero(sums))
    return moved < FEW and 2 * moved <= len(sums)


def _size(deviations: FloatArray, keys: Keys) -> int:
    return len(deviations) if keys is None else round(intervals.working_size(keys))


def _is_point(found: Interval) -> bool:
    return found.high - found.low <= _SAME * max(abs(found.low), abs(found.high))
