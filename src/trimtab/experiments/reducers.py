"""Numbers that a run has and none of its cases: macro F1, calibration error, corpus BLEU, pass@k.

The judged cases of a run go in, estimates come out. The intervals of numbers that are no means come
from leaving groups of clusters out: the delete-a-group jackknife (Kott 2001, "The delete-a-group
jackknife", J. Official Statistics 17).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np

from trimtab.errors import MeasureError
from trimtab.experiments.compare import summarise
from trimtab.measures.distributions import student_quantile
from trimtab.measures.intervals import Interval
from trimtab.measures.repeats import pass_at_k, pass_hat_k
from trimtab.records import Estimate, Example, Result, Score
from trimtab.scorers.texts import references, text

_GROUPS = 30
_FEW_GROUPS = 10  # of runs so large that thirty times over would take minutes
_MANY_CASES = 20_000
_USUAL_K = (2, 5, 10, 25, 50, 100)

_UNIT = (0.0, 1.0)
_SCALES = {"corpus": (0.0, 100.0), "mcc": (-1.0, 1.0), "log_loss": (0.0, math.inf)}
"""Of the numbers that are not between 0 and 1; no interval reaches beyond."""

Numbers = Mapping[str, float]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One case as a reducer sees it; `score` is the scorer's own judgement of it."""

    example_id: str = ""
    cluster: str
    output: Any
    expected: Any
    score: Score


class Reducer(NamedTuple):
    """`read` takes what is needed from one case, `numbers` makes numbers of what was read."""

    read: Callable[[Case], Any]
    numbers: Callable[[Sequence[Any]], Numbers]


def of_run(
    results: Iterable[Result],
    examples: Sequence[Example],
    clusters: Mapping[str, str],
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """All numbers of a run that are not means of its scores.

    Args:
        clusters: the group of each example that is in one; others are their own.
    """
    expected = {example.example_id: example.expected for example in examples}
    cases: dict[str, list[Case]] = {}
    for result in results:
        for score in result.scores:
            if result.example_id in expected:
                case = Case(
                    example_id=result.example_id,
                    cluster=clusters.get(result.example_id, result.example_id),
                    output=result.output,
                    expected=expected[result.example_id],
                    score=score,
                )
                cases.setdefault(score.name, []).append(case)
    found: dict[str, Estimate] = {}
    for name, those in sorted(cases.items()):
        found |= reduce(name, those, confidence=confidence)
        for metric, values in _passes(those).items():
            found[f"{name}.{metric}"] = summarise(
                f"{name}.{metric}",
                {each: values.get(each) for each in expected},
                binary=all(value in (None, 0.0, 1.0) for value in values.values()),
                scale=(0.0, 1.0),
                clusters=clusters,
                confidence=confidence,
            )
    return found


def _passes(cases: Sequence[Case]) -> dict[str, dict[str, float | None]]:
    """pass@k and pass^k of each example, where repeats are passed or not."""
    counts: dict[str, list[int]] = {}
    for case in cases:
        if case.score.passed is not None:
            count = counts.setdefault(case.example_id, [0, 0])
            count[0] += case.score.passed
            count[1] += 1
    repeats = max((samples for _, samples in counts.values()), default=0)
    found: dict[str, dict[str, float | None]] = {}
    if repeats > 1:
        for example_id, (successes, samples) in counts.items():
            for name, value in passes(successes, samples, repeats).items():
                found.setdefault(name, {})[example_id] = value
    return found


def reduce(
    scorer: str, cases: Sequence[Case], *, confidence: float = 0.95, seed: int = 0
) -> dict[str, Estimate]:
    """The numbers of a scorer over a whole run, by the name of the metric (`bleu.corpus`).

    What a score says in its `metadata` decides: `predicted` and `expected` are labels, and
    `probability` and `outcome` a forecast, whoever wrote the scorer. `bleu` and `chrf` are known by
    their names. Most scorers have no such numbers and give nothing.

    Args:
        cases: all cases of the run; those without a judgement count for coverage only.
    """
    judged = [case for case in cases if case.score.status == "scored"]
    reducer = _reducer(scorer, judged)
    if reducer is None:
        return {}
    read = [reducer.read(case) for case in judged]
    left_out = _left_out(reducer, judged, read, seed)
    return {
        f"{scorer}.{name}": _estimate(
            value,
            [n[name] for n in left_out if name in n],
            cases,
            judged,
            confidence,
            _SCALES.get(name, _UNIT),
        )
        for name, value in _numbers(reducer, read).items()
    }


def passes(successes: int, samples: int, repeats: int) -> dict[str, float | None]:
    """pass@k and pass^k of one case, for usual k and for all repeats; None with too few samples.

    >>> passes(1, 2, repeats=2)
    {'pass@2': 1.0, 'pass^2': 0.0}
    """
    sizes = [*(k for k in _USUAL_K if k < repeats), repeats]
    measures = {"pass@": pass_at_k, "pass^": pass_hat_k}
    return {
        f"{name}{k}": measure(successes, samples, k) if k <= samples else None
        for name, measure in measures.items()
        for k in sizes
    }


def classification(labels: Sequence[tuple[str, str]]) -> Numbers:
    """Balanced accuracy, macro and weighted F1, and Matthews' correlation; (expected, predicted).

    Macro means are over the labels that are expected somewhere: an answer that is no label counts
    as a miss, and is no label of its own. The accuracy is the share of cases that pass. With a
    handful of cases of a label the intervals are too short: those of 95 % held 86 to 94 % at 50
    cases with a label that 5 of them had.
    """
    from trimtab.measures import classification as measure

    expected, predicted = zip(*labels, strict=True)
    known = sorted(set(expected))
    macro = measure.f_score(expected, predicted, average="macro", labels=known)
    weighted = measure.f_score(expected, predicted, average="weighted", labels=known)
    return {
        "balanced_accuracy": measure.balanced_accuracy(expected, predicted),
        "macro_precision": macro.precision,
        "macro_recall": macro.recall,
        "macro_f1": macro.f,
        "weighted_f1": weighted.f,
        "mcc": measure.matthews_correlation(expected, predicted),
    }


def calibration(forecasts: Sequence[tuple[float, int]]) -> Numbers:
    """Expected calibration error, log loss and, with both outcomes there, the two areas."""
    from trimtab.measures import calibration as measure
    from trimtab.measures import discrimination

    p, y = (np.array(column) for column in zip(*forecasts, strict=True))
    numbers = {
        "ece": measure.expected_calibration_error(p, y),
        "log_loss": discrimination.log_loss(p, y),
    }
    if 0 < y.sum() < len(y):
        numbers["roc_auc"] = discrimination.roc_auc(p, y)
        numbers["pr_auc"] = discrimination.average_precision_score(p, y)
    return numbers


def _reducer(scorer: str, judged: Sequence[Case]) -> Reducer | None:
    if not judged:
        return None
    said = judged[0].score.metadata
    for (first, second), numbers in _BY_METADATA.items():
        if first in said and second in said:
            return Reducer(partial(_pair, first=first, second=second), numbers)
    return _bleu() if scorer == "bleu" else _chrf() if scorer == "chrf" else None


_BY_METADATA: Mapping[tuple[str, str], Callable[[Sequence[Any]], Numbers]] = {
    ("expected", "predicted"): classification,
    ("probability", "outcome"): calibration,
}


def _pair(case: Case, *, first: str, second: str) -> tuple[Any, Any]:
    said = case.score.metadata
    return said.get(first), said.get(second)


def _bleu() -> Reducer:
    """BLEU of the corpus, which is not the mean of its sentences."""
    from trimtab.measures.bleu import bleu_counts, bleu_of

    return Reducer(
        lambda case: bleu_counts(text(case.output), references(case.expected)),
        lambda counts: {"corpus": bleu_of(counts).score},
    )


def _chrf() -> Reducer:
    from trimtab.measures.chrf import chrf_counts, chrf_of

    return Reducer(
        lambda case: chrf_counts(text(case.output), references(case.expected)),
        lambda counts: {"corpus": chrf_of(counts).score},
    )


def _numbers(reducer: Reducer, read: Sequence[Any]) -> Numbers:
    """Without the numbers that do not exist for these cases."""
    try:
        return reducer.numbers(read)
    except (MeasureError, TypeError, ValueError):
        return {}


def _left_out(
    reducer: Reducer, cases: Sequence[Case], read: Sequence[Any], seed: int
) -> list[Numbers]:
    """The numbers with each group of clusters left out in turn."""
    clusters = sorted({case.cluster for case in cases})
    count = min(_GROUPS if len(cases) <= _MANY_CASES else _FEW_GROUPS, len(clusters))
    if count < 2:
        return []
    order = np.random.default_rng(seed).permutation(len(clusters))
    group = {name: int(place) % count for name, place in zip(clusters, order, strict=True)}
    places = [group[case.cluster] for case in cases]
    return [
        _numbers(reducer, [part for part, place in zip(read, places, strict=True) if place != left])
        for left in range(count)
    ]


def _estimate(
    value: float,
    left_out: Sequence[float],
    cases: Sequence[Case],
    judged: Sequence[Case],
    confidence: float,
    scale: tuple[float, float],
) -> Estimate:
    bounds = _bounds(value, np.array(left_out), confidence)
    return Estimate(
        value=value,
        low=None if bounds is None else max(bounds.low, scale[0]),
        high=None if bounds is None else min(bounds.high, scale[1]),
        n=len(judged),
        total=len(cases),
        confidence=confidence,
        method="delete-a-group jackknife",
    )


def _bounds(value: float, left_out: Any, confidence: float) -> Interval | None:
    count = len(left_out)
    if count < 2:
        return None
    error = float(np.sqrt((count - 1) / count * ((left_out - value) ** 2).sum()))
    reach = student_quantile((1 + confidence) / 2, count - 1) * error
    return Interval(value - reach, value + reach)
