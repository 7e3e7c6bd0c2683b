"""How well labels and grades were predicted. Pure numpy; values are scikit-learn's.

`expected` and `predicted` have shape (n,). What could not be predicted is left out by the caller
and shows as coverage; nothing here stands for it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, IntArray

__all__ = [
    "Confusion",
    "LabelScore",
    "accuracy",
    "balanced_accuracy",
    "by_label",
    "confusion",
    "f_score",
    "matthews_correlation",
]

Average = Literal["micro", "macro", "weighted"]


class Confusion(NamedTuple):
    """Counts of shape (labels, labels): expected label in rows, predicted label in columns."""

    labels: tuple[Hashable, ...]
    counts: IntArray


class LabelScore(NamedTuple):
    """One label against the rest: shares in [0, 1], and how often it was expected."""

    precision: float
    recall: float
    f: float
    support: int


def confusion(
    expected: Sequence[Hashable],
    predicted: Sequence[Hashable],
    *,
    labels: Sequence[Hashable] | None = None,
) -> Confusion:
    """How often each label was predicted for each expected label.

    Args:
        labels: their order; None means the order of first appearance, expected ones first.
    Raises:
        MeasureError: no case, lists of different length, or a label that is not in `labels`.

    >>> confusion(["yes", "no", "no"], ["yes", "yes", "no"]).counts.tolist()
    [[1, 0], [1, 1]]
    """
    if not len(expected) or len(expected) != len(predicted):
        raise MeasureError(
            "every case needs an expected and a predicted label, and one case is the least",
            expected=len(expected),
            predicted=len(predicted),
        )
    names = tuple(dict.fromkeys([*expected, *predicted] if labels is None else labels))
    place = {name: position for position, name in enumerate(names)}
    try:
        rows = np.fromiter((place[label] for label in expected), dtype=np.intp)
        columns = np.fromiter((place[label] for label in predicted), dtype=np.intp)
    except KeyError as error:
        raise MeasureError(
            "a label that is not in the list", got=error.args[0], allowed=list(names)
        ) from None
    flat = np.bincount(rows * len(names) + columns, minlength=len(names) ** 2)
    return Confusion(names, flat.reshape(len(names), len(names)))


def accuracy(expected: Sequence[Hashable], predicted: Sequence[Hashable]) -> float:
    """Share of cases whose label is right.

    >>> accuracy(["a", "b"], ["a", "a"])
    0.5
    """
    counts = confusion(expected, predicted).counts
    return float(np.trace(counts) / counts.sum())


def balanced_accuracy(expected: Sequence[Hashable], predicted: Sequence[Hashable]) -> float:
    """Mean recall over the labels that were expected at all (Brodersen et al. 2010).

    >>> balanced_accuracy(["a", "a", "a", "b"], ["a", "a", "a", "a"])
    0.5
    """
    counts = confusion(expected, predicted).counts
    support = counts.sum(axis=1)
    there = support > 0
    return float((np.diag(counts)[there] / support[there]).mean())


def by_label(
    expected: Sequence[Hashable],
    predicted: Sequence[Hashable],
    *,
    labels: Sequence[Hashable] | None = None,
    beta: float = 1.0,
) -> dict[Hashable, LabelScore]:
    """Precision, recall and F-beta of each label; a share of nothing is 0.

    F = (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP) (van Rijsbergen 1979).

    >>> by_label(["a", "a", "b"], ["a", "b", "b"])["a"]
    LabelScore(precision=1.0, recall=0.5, f=0.6666666666666666, support=2)
    """
    names, counts = confusion(expected, predicted, labels=labels)
    right = np.diag(counts).astype(np.float64)
    scores = _scores(right, counts.sum(axis=0), counts.sum(axis=1), beta)
    support = counts.sum(axis=1)
    return {
        name: LabelScore(precision, recall, f, int(times))
        for name, precision, recall, f, times in zip(
            names, *(column.tolist() for column in scores), support, strict=True
        )
    }


def f_score(
    expected: Sequence[Hashable],
    predicted: Sequence[Hashable],
    *,
    average: Average = "macro",
    labels: Sequence[Hashable] | None = None,
    beta: float = 1.0,
) -> LabelScore:
    """Precision, recall and F-beta over labels.

    Args:
        average: `micro` adds counts before dividing (with every label in, all three are the
            accuracy), `macro` is the plain mean over labels, `weighted` weighs by support.
        labels: those to average over; None means all that occur.

    >>> round(f_score(["a", "a", "b"], ["a", "b", "b"]).f, 4)
    0.6667
    """
    everything = confusion(expected, predicted)
    names = everything.labels if labels is None else tuple(labels)
    place = {name: position for position, name in enumerate(everything.labels)}
    kept = np.array([place[name] for name in names if name in place], dtype=np.intp)
    padding = np.zeros(len(names) - len(kept))
    right, given, support = (
        np.concatenate([column[kept], padding])
        for column in (
            np.diag(everything.counts),
            everything.counts.sum(axis=0),
            everything.counts.sum(axis=1),
        )
    )
    total = int(support.sum())
    if average == "micro":
        right, given, support = (np.array([column.sum()]) for column in (right, given, support))
    scores = _scores(right, given, support, beta)
    if average == "weighted":
        weights = support / support.sum() if total else support
        precision, recall, f = (float((column * weights).sum()) for column in scores)
    elif average in ("macro", "micro"):
        precision, recall, f = (float(column.mean()) for column in scores)
    else:
        raise MeasureError("no such average", got=average, allowed=["micro", "macro", "weighted"])
    return LabelScore(precision, recall, f, total)


def matthews_correlation(expected: Sequence[Hashable], predicted: Sequence[Hashable]) -> float:
    """Correlation of expected and predicted labels, in [-1, 1]; 0 where one of them is constant.

    (c s - sum p_k t_k) / sqrt((s^2 - sum p_k^2)(s^2 - sum t_k^2)), which is for any number of
    labels (Gorodkin 2004).

    >>> matthews_correlation([1, 1, 0, 0], [1, 1, 0, 1]).__round__(4)
    0.5774
    """
    counts = confusion(expected, predicted).counts.astype(np.float64)
    given, wanted, size = counts.sum(axis=0), counts.sum(axis=1), counts.sum()
    spread = (size**2 - (given**2).sum()) * (size**2 - (wanted**2).sum())
    return float((np.trace(counts) * size - given @ wanted) / np.sqrt(spread)) if spread else 0.0


def _scores(
    right: npt.NDArray[np.float64],
    given: npt.NDArray[np.float64] | IntArray,
    wanted: npt.NDArray[np.float64] | IntArray,
    beta: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    if not beta > 0:
        raise MeasureError("beta is positive", beta=beta)
    weight = beta * beta
    return (
        _share(right, given),
        _share(right, wanted),
        _share((1 + weight) * right, weight * wanted + given),
    )


def _share(part: FloatArray, whole: FloatArray | IntArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros(len(part)), where=np.asarray(whole) > 0)
