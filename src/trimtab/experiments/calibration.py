"""Calibration: how far a judge can be believed, measured against people. Pure.

Labelled cases go in, the numbers of a `CalibrationCard` come out, each with its interval; what the
cases cannot tell is None. A card belongs to one digest of a scorer.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from trimtab.errors import MeasureError
from trimtab.experiments.labels import Labelled, Rated, clusters
from trimtab.measures.agreement import cohen_kappa, detection, percent_agreement
from trimtab.measures.clusters import FloatArray
from trimtab.measures.distributions import student_quantile
from trimtab.measures.intervals import Measured
from trimtab.measures.krippendorff import krippendorff_alpha
from trimtab.measures.panels import effective_votes
from trimtab.measures.resampling import jackknife
from trimtab.records import CalibrationCard, Estimate, Run

__all__ = ["LEAST_JUDGED", "About", "calibrate", "shortcoming", "uncalibrated"]

LEAST_JUDGED = 30
"""Labelled answers that a judge must have judged before its card says anything."""

_MOST_LEVELS = 11
_LEAST_FOR_SLOPE = 8
_CONFIDENCE = 0.95


class About(NamedTuple):
    """Whose card it is, and what it was measured on."""

    scorer: str
    digest: str
    model: str | None
    dataset: str
    dataset_digest: str
    label: str
    created_ns: int
    project: str = "default"


def calibrate(found: Labelled, about: About) -> CalibrationCard:
    """The card of a judge.

    Verdicts are compared as they are (a number counts as yes from the threshold on). Numbers are
    compared by the nearest of the labels' own values, with kappa weighted by the square of the
    distance, as long as labels have no more than eleven values; alpha takes them as they are.
    """
    judged = [case for case in found.cases if case.judged is not None]
    pairs = _Pairs.of(judged, found)
    tables = None if len(judged) < 2 else _agreements(pairs)
    card = CalibrationCard(
        **about._asdict(),
        labelled=len(found.cases),
        judged=len(judged),
        order_consistency=_order_consistency(judged, len(found.cases)),
        repeat_spread=_repeat_spread(judged),
        length_slope=_length_slope(judged, len(found.cases)),
        effective_votes=_effective_votes(judged, found),
    )
    estimates: dict[str, Any] = {
        name: _estimate(measure, len(judged), len(found.cases))
        for name, measure in (tables or {}).items()
    }
    return msgspec.structs.replace(card, **estimates)


def uncalibrated(run: Run, cards: Mapping[str, CalibrationCard]) -> dict[str, str]:
    """Names of a run's judges that may not gate, each with the reason.

    Args:
        cards: the newest of each digest.
    """
    found = {
        scorer.name: shortcoming(cards.get(scorer.digest))
        for scorer in run.scorers
        if scorer.tier == "judge"
    }
    return {name: why for name, why in found.items() if why is not None}


def shortcoming(card: CalibrationCard | None) -> str | None:
    """Why the judge of a card may not gate; None where it may.

    A card is evidence once 30 labelled answers were judged, and the whole interval of kappa (of
    alpha where there is no kappa) lies above 0, which is agreement by chance.
    """
    if card is None:
        return "no calibration card"
    if card.judged < LEAST_JUDGED:
        return f"its card has {card.judged} judged answers, and {LEAST_JUDGED} are needed"
    name = "kappa" if card.kappa is not None else "alpha"
    found = card.kappa or card.alpha
    if found is None or found.value is None or found.low is None:
        return "its card says nothing of agreement beyond chance"
    if found.low <= 0:
        return (
            "its card does not show that it agrees with people more than chance would"
            f" ({name} {found.value:.3g}, and maybe {found.low:.3g})"
        )
    return None


class _Pairs(NamedTuple):
    """Labels and judgements of the cases that have both.

    `levels` are both as places on one scale of few values, None where there are too many.
    """

    labels: Sequence[Hashable]
    judged: Sequence[Hashable]
    levels: tuple[Sequence[Hashable], Sequence[Hashable]] | None
    kind: str
    keys: list[Hashable] | None

    @classmethod
    def of(cls, cases: Sequence[Rated], found: Labelled) -> _Pairs:
        labels: list[Any] = [case.label for case in cases]
        judged: list[Any] = [case.judged for case in cases]
        levels: tuple[list[Any], list[Any]] | None = (labels, judged)
        if found.kind == "verdict":
            labels = [label == 1.0 for label in labels]
            judged = [number >= found.threshold for number in judged]
            levels = (labels, judged)
        elif found.kind == "number":
            values = sorted(set(labels) | ({0.0, 0.5, 1.0} if _is_paired(cases) else set()))
            few = 0 < len(values) <= _MOST_LEVELS
            levels = (labels, [_nearest(number, values) for number in judged]) if few else None
        return cls(labels, judged, levels, found.kind, clusters(cases))


Measure = tuple[Measured, str] | None


def _agreements(pairs: _Pairs) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    keys, kind = pairs.keys, pairs.kind
    if pairs.levels is not None:
        labels, judged = pairs.levels
        found["agreement"] = _tried(lambda: percent_agreement(labels, judged, clusters=keys))
        if kind == "number":
            found["kappa"] = _tried(
                lambda: cohen_kappa(labels, judged, weights="quadratic", clusters=keys),
                "Cohen's kappa, quadratic weights",
            )
        else:
            found["kappa"] = _tried(
                lambda: cohen_kappa(labels, judged, clusters=keys), "Cohen's kappa"
            )
    found["alpha"] = _tried(
        lambda: krippendorff_alpha(
            [pairs.labels, pairs.judged],
            "interval" if kind == "number" else "nominal",
            clusters=keys,
        ),
        f"Krippendorff's alpha, {'interval' if kind == 'number' else 'nominal'}",
    )
    if kind == "verdict":
        gold, said = [bool(label) for label in pairs.labels], [bool(j) for j in pairs.judged]
        rates = detection(gold, said, clusters=keys)
        found["true_positive_rate"] = rates.true_positive_rate and (rates.true_positive_rate, "")
        found["true_negative_rate"] = rates.true_negative_rate and (rates.true_negative_rate, "")
    return found


def _order_consistency(cases: Sequence[Rated], total: int) -> Estimate | None:
    known = [case for case in cases if case.consistent is not None]
    if not known:
        return None
    alike = [bool(case.consistent) for case in known]
    found = _tried(lambda: percent_agreement(alike, [True] * len(alike), clusters=clusters(known)))
    return _estimate(found, len(known), total)


def _repeat_spread(cases: Sequence[Rated]) -> float | None:
    """Mean over cases of the standard deviation of their repeated judgements."""
    repeated = [[x for x in case.judgements if x is not None] for case in cases]
    spreads = [statistics.stdev(numbers) for numbers in repeated if len(numbers) > 1]
    return statistics.fmean(spreads) if spreads else None


def _length_slope(cases: Sequence[Rated], total: int) -> Estimate | None:
    """Slope of judgement less label on log2 of the length, by least squares.

    Interval: Student's t with the jackknife's standard error, over clusters where there are any.
    """
    known = [
        (case, case.judged - case.label, math.log2(case.length))
        for case in cases
        if case.length and isinstance(case.judged, float) and isinstance(case.label, float)
    ]
    lengths = np.array([x for _, _, x in known])
    if len(known) < _LEAST_FOR_SLOPE or not np.ptp(lengths) > 0:
        return None
    x, y = lengths - lengths.mean(), np.array([error for _, error, _ in known])
    rows = np.column_stack([np.ones(len(x)), x, y, x * y, x * x])

    def slope(totals: FloatArray) -> FloatArray:
        n, sx, sy, sxy, sxx = totals.T
        spread = sxx - sx * sx / n
        return np.where(spread > 1e-12, (sxy - sx * sy / n) / np.maximum(spread, 1e-300), 0.0)

    value = float(slope(rows.sum(axis=0)[None, :])[0])
    try:
        error = jackknife(rows, slope, clusters([case for case, _, _ in known]))
    except MeasureError:
        return None
    half = student_quantile((1 + _CONFIDENCE) / 2, error.df) * error.value
    bounds = Measured(value, value - half, value + half)
    return _estimate((bounds, "least squares, per doubling of the length"), len(known), total)


def _effective_votes(cases: Sequence[Rated], found: Labelled) -> float | None:
    """What a panel is worth, over the cases that all of it voted on."""
    models = list(dict.fromkeys(name for case in cases for name in case.votes))
    whole = [
        case
        for case in cases
        if isinstance(case.label, float)
        and models
        and all(case.votes.get(name) is not None for name in models)
    ]
    if len(models) < 2 or len(whole) < 2:
        return None

    def vote(case: Rated, model: str) -> float:
        number = case.votes[model] or 0.0
        return float(number >= found.threshold) if found.kind == "verdict" else number

    errors = [[vote(case, model) - float(case.label) for case in whole] for model in models]
    measured = _tried(lambda: effective_votes(errors, clusters=clusters(whole)))
    return measured and measured[0].value


def _tried(measure: Callable[[], Measured], method: str = "") -> Measure:
    """A measure, None where there are too few cases for it."""
    try:
        return measure(), method
    except MeasureError:
        return None


def _estimate(found: Measure, n: int, total: int) -> Estimate | None:
    if found is None:
        return None
    (value, low, high), method = found
    return Estimate(
        value=value, low=low, high=high, n=n, total=total, confidence=_CONFIDENCE, method=method
    )


def _nearest(number: float, values: Sequence[float]) -> float:
    return min(values, key=lambda value: (abs(value - number), value))


def _is_paired(cases: Sequence[Rated]) -> bool:
    return any(case.consistent is not None for case in cases)
