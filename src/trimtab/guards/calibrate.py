"""Calibrating: the threshold at which a signal fires on so many of one's own harmless texts.

A text without a label counts as harmless: attacks among ordinary traffic are few, and those that
are there make the threshold stricter to reach, never laxer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.guards.rows import Row
from trimtab.guards.thresholds import threshold
from trimtab.measures.intervals import Interval, clopper_pearson, wilson
from trimtab.records import Estimate
from trimtab.signals.signal import Signal
from trimtab.signals.text import Text

_STEPS = 10_000  # thresholds have four digits
_EXACT_BELOW = 40  # positives or negatives: with fewer, the exact interval


class Labelled(NamedTuple):
    """A text, and whether it is one that should be found; None where nobody said."""

    row: Row
    is_bad: bool | None = None


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold, and what it does on the texts that it was found on.

    Args:
        target: the share of harmless texts that may fire.
        threshold: None where no threshold keeps to the target.
        fires: `above`: a score from the threshold on fires; `below`: one under it.
        false_positives: of the harmless texts, at that threshold.
        recall: of the texts that should be found; None without any.
        before: the threshold without calibration, and its two rates.
        unscored: texts that the signal had nothing to say of; they are not counted.
        enough: whether there are so many texts that the target can be told from half of it more.
    """

    signal: str
    version: str
    target: float
    threshold: float | None
    fires: str
    texts: int
    unscored: int
    flagged: int
    false_positives: Estimate
    recall: Estimate | None
    before: float
    false_positives_before: Estimate
    recall_before: Estimate | None
    enough: bool


def calibrated(signal: Signal, texts: Iterable[Labelled], target: float) -> Calibration:
    """The threshold of a false-positive rate.

    Args:
        target: the rate, above 0 and below 1.
    Raises:
        InvalidRequest: the signal has no threshold, or no harmless text has a score.

    >>> from trimtab.signals.catalogue import signal
    >>> texts = [Labelled(Row(text=f"call {n}")) for n in range(100)]
    >>> calibrated(signal("secrets"), texts, 0.01).false_positives.value
    0.0
    """
    _require_unit(signal)
    if not 0 < target < 1:
        raise InvalidRequest("the rate is not between 0 and 1", where="fpr", fix="give 0.01")
    low_is_bad = signal.scale == "unit"
    good, bad, unscored = _scores(signal, texts)
    if not good:
        raise InvalidRequest(
            f"none of the texts is harmless and has a score of {signal.name!r}",
            fix="give texts without a label, or with the label 0; some signals need a context",
        )
    level = _level(good, target, low_is_bad)
    plain = threshold(signal.name)

    def rate(scores: Sequence[float], at: float | None) -> Estimate:
        fired = 0 if at is None else sum(_fires(score, at, low_is_bad) for score in scores)
        return _estimate(fired, len(scores))

    return Calibration(
        signal=signal.name,
        version=signal.version,
        target=target,
        threshold=level,
        fires="below" if low_is_bad else "above",
        texts=len(good) + len(bad) + unscored,
        unscored=unscored,
        flagged=0 if level is None else sum(_fires(one, level, low_is_bad) for one in good + bad),
        false_positives=rate(good, level),
        recall=rate(bad, level) if bad else None,
        before=plain,
        false_positives_before=rate(good, plain),
        recall_before=rate(bad, plain) if bad else None,
        enough=wilson(round(target * len(good)), len(good)).high <= 1.5 * target,
    )


def _require_unit(signal: Signal) -> None:
    if signal.scale == "number":
        raise InvalidRequest(
            f"the signal {signal.name!r} has a unit of its own, and no threshold in [0, 1]",
            where="signal",
            fix="calibrate one whose scale is `risk` or `unit`: see `trimtab guard signals`",
        )


def _scores(signal: Signal, texts: Iterable[Labelled]) -> tuple[list[float], list[float], int]:
    good: list[float] = []
    bad: list[float] = []
    unscored = 0
    for one in texts:
        score = signal.read(Text(one.row.text), one.row.about).score
        if score is None:
            unscored += 1
        else:
            (bad if one.is_bad else good).append(float(score))
    return good, bad, unscored


def _level(good: Sequence[float], target: float, low_is_bad: bool) -> float | None:
    """The least strict threshold of four digits that no more than the target's share reach."""
    worst_first = sorted(good, reverse=not low_is_bad)
    allowed = math.floor(target * len(good) + 1e-9)
    free = worst_first[allowed]  # the worst that must not fire
    near = math.floor(free * _STEPS)
    levels = [step / _STEPS for step in (near - 1, near, near + 1)]
    if low_is_bad:  # a score below the threshold fires
        return max(level for level in levels if level <= free) if free > 0 else None
    level = min(level for level in levels if level > free)
    return level if level <= 1 else None


def _fires(score: float, level: float, low_is_bad: bool) -> bool:
    return score < level if low_is_bad else score >= level


def _estimate(hits: int, n: int) -> Estimate:
    few = min(hits, n - hits) < _EXACT_BELOW
    found: Interval = (clopper_pearson if few else wilson)(hits, n)
    return Estimate(
        value=hits / n,
        low=found.low,
        high=found.high,
        n=n,
        total=n,
        method="Clopper-Pearson" if few else "Wilson",
    )
