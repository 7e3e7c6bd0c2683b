"""How well scores and probabilities tell outcomes apart. Pure numpy; values are scikit-learn's.

`scores` have shape (n,), higher meaning outcome 1 is more likely; `outcomes` are 0 or 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, finite

__all__ = ["average_precision_score", "log_loss", "precision_recall_curve", "roc_auc"]


def roc_auc(scores: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """Probability that a case of outcome 1 scores above one of outcome 0, ties counted half.

    The Mann-Whitney U over n1 n0 (Hanley & McNeil 1982).

    Raises:
        MeasureError: not both outcomes occur.

    >>> roc_auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    s, y = _scored(scores, outcomes)
    positive = int(y.sum())
    negative = len(y) - positive
    if not positive or not negative:
        raise MeasureError("an AUC needs cases of both outcomes", cases=len(y), positive=positive)
    values, where, sizes = np.unique(s, return_inverse=True, return_counts=True)
    del values
    middle = np.cumsum(sizes) - (sizes - 1) / 2  # mean rank of each group of ties
    above = middle[where][y == 1].sum() - positive * (positive + 1) / 2
    return float(above / (positive * negative))


def precision_recall_curve(
    scores: npt.ArrayLike, outcomes: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Precision and recall if everything at or above a threshold is called 1.

    Returns:
        Thresholds (the distinct scores, highest first), precisions, recalls; one shape.
    Raises:
        MeasureError: no case has outcome 1.

    >>> [column.tolist() for column in precision_recall_curve([0.9, 0.5], [1, 0])]
    [[0.9, 0.5], [1.0, 0.5], [1.0, 1.0]]
    """
    s, y = _scored(scores, outcomes)
    if not y.any():
        raise MeasureError("recall needs a case of outcome 1", cases=len(y))
    order = np.argsort(-s, kind="stable")
    s, y = s[order], y[order]
    last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    right = np.cumsum(y)[last]
    return s[last], right / (last + 1), right / y.sum()


def average_precision_score(scores: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """Area under the precision-recall curve in steps: sum of (R_i - R_{i-1}) P_i.

    Not interpolated, so not too good (Davis & Goadrich 2006). Its chance level is the share of 1s.

    >>> average_precision_score([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).__round__(4)
    0.8333
    """
    _, precision, recall = precision_recall_curve(scores, outcomes)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def log_loss(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """Mean surprise -ln p of what happened, in nats; 0 is perfect.

    Probabilities are kept a double's rounding error away from 0 and 1, as scikit-learn does, so one
    bold mistake costs 36 and not infinity.

    Args:
        probabilities: shape (n,) of outcome 1, or (n, labels) with rows that sum to 1.
        outcomes: shape (n,), each 0 or 1, or the number of the label that came true.

    >>> round(log_loss([0.9, 0.2], [1, 0]), 4)
    0.1643
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim == 1:
        p = np.column_stack([1 - p, p])
    y = finite(outcomes).astype(np.intp)
    if p.ndim != 2 or not len(p) or len(p) != len(y) or not np.isfinite(p).all():
        raise MeasureError("one row of finite probabilities for each outcome is needed")
    if (p < 0).any() or not np.allclose(p.sum(axis=1), 1, atol=1e-6):
        raise MeasureError("the probabilities of a case lie in [0, 1] and sum to 1")
    if (y < 0).any() or (y >= p.shape[1]).any():
        raise MeasureError("an outcome without a probability", allowed=p.shape[1])
    tiny = np.finfo(np.float64).eps
    return float(-np.log(np.clip(p[np.arange(len(y)), y], tiny, 1 - tiny)).mean())


def _scored(scores: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    s, y = finite(scores), finite(outcomes)
    if not len(s) or len(s) != len(y) or not np.isin(y, (0, 1)).all():
        raise MeasureError("one outcome of 0 or 1 for each score is needed", cases=len(s))
    return s, y
