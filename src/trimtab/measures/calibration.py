"""Whether stated probabilities come true, and a logistic curve that makes them. Pure numpy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, finite

__all__ = ["Logistic", "brier", "expected_calibration_error", "fit_logistic", "forecasts"]


def brier(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """Mean squared error of probabilities, in [0, 1]; 0 is perfect (Brier 1950).

    Args:
        probabilities: shape (n,), of the outcome being 1.
        outcomes: shape (n,), each 0 or 1.

    >>> brier([1.0, 0.5], [1, 0])
    0.125
    """
    p, y = forecasts(probabilities, outcomes)
    return float(((p - y) ** 2).mean())


def expected_calibration_error(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = 10
) -> float:
    """Mean distance of stated from observed probability, over bins of about equal mass, in [0, 1].

    ECE = sum over bins of n_b / n * |mean(y) - mean(p)| (Naeini et al. 2015; equal-mass bins after
    Nixon et al. 2019, arXiv:1904.01685). Equal probabilities share a bin, so the order of the
    cases does not matter. Biased upwards in small samples: compare it at equal n only.

    >>> expected_calibration_error([0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0])
    0.0
    """
    if bins < 1:
        raise MeasureError("at least one bin is needed", bins=bins)
    p, y = forecasts(probabilities, outcomes)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    where = np.searchsorted(edges, p, side="left")
    gaps = np.bincount(where, weights=y - p)
    return float(np.abs(gaps).sum() / len(p))


class Logistic(NamedTuple):
    """p = 1 / (1 + exp(-(bias + weights . x)))."""

    weights: tuple[float, ...]
    bias: float

    def probability(self, features: npt.ArrayLike) -> FloatArray:
        """Probabilities of cases with these features, shape (n, d), or (n,) when d is 1."""
        x = _columns(features)
        if x.shape[1] != len(self.weights):
            raise MeasureError(
                "another number of features than fitted",
                got=x.shape[1],
                allowed=len(self.weights),
            )
        return _sigmoid(x @ np.array(self.weights) + self.bias)


def fit_logistic(features: npt.ArrayLike, outcomes: npt.ArrayLike, *, l2: float = 0.0) -> Logistic:
    """Maximum-likelihood logistic curve, with Platt's targets so that it exists for separable data.

    Outcomes 1 and 0 are replaced by (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) (Platt 1999); solved by
    Newton's method with step halving (Lin, Lin & Weng 2007) on standardised features.

    Args:
        features: shape (n, d), or (n,) for one score.
        outcomes: shape (n,), each 0 or 1.
        l2: ridge penalty on the weights of the standardised features, per whole data set.
    Raises:
        MeasureError: no case, or features that are not finite.

    >>> curve = fit_logistic([0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1])
    >>> [round(float(p), 2) for p in curve.probability([0.0, 1.5, 3.0])]
    [0.2, 0.5, 0.8]
    """
    x, y = _columns(features), finite(outcomes)
    if len(y) == 0 or len(x) != len(y) or not np.isin(y, (0, 1)).all():
        raise MeasureError("a fit needs one outcome of 0 or 1 for each case", cases=len(x))
    positive = float(y.sum())
    high, low = (positive + 1) / (positive + 2), 1 / (len(y) - positive + 2)
    targets = np.where(y == 1, high, low)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1.0
    design = np.column_stack([(x - centre) / scale, np.ones(len(x))])
    beta = _newton(design, targets, l2)
    weights = beta[:-1] / scale
    return Logistic(tuple(float(w) for w in weights), float(beta[-1] - weights @ centre))


def _newton(design: FloatArray, targets: FloatArray, l2: float) -> FloatArray:
    columns = design.shape[1]
    penalty = np.full(columns, l2)
    penalty[-1] = 0.0
    beta = np.zeros(columns)
    loss = _loss(design, targets, beta, penalty)
    for _ in range(100):
        p = _sigmoid(design @ beta)
        gradient = design.T @ (p - targets) + penalty * beta
        if np.abs(gradient).max() < 1e-10 * len(targets):
            break
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty + 1e-10)
        step = np.linalg.solve(curvature, gradient)
        for _halving in range(30):
            tried = _loss(design, targets, beta - step, penalty)
            if tried <= loss:
                break
            step = step / 2
        beta, loss = beta - step, tried
    return beta


def _loss(design: FloatArray, targets: FloatArray, beta: FloatArray, penalty: FloatArray) -> float:
    margin = design @ beta
    likelihood = np.logaddexp(0.0, margin) - targets * margin
    return float(likelihood.sum() + 0.5 * (penalty * beta**2).sum())


def _sigmoid(margin: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * margin)), dtype=np.float64)


def _columns(features: npt.ArrayLike) -> FloatArray:
    x = np.asarray(features, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or not np.isfinite(x).all():
        raise MeasureError("features must be finite numbers of shape (n, d)", got=list(x.shape))
    return x


def forecasts(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Probabilities and outcomes as arrays of one length >= 1, the latter 0 or 1."""
    p, y = finite(probabilities), finite(outcomes)
    if len(p) == 0 or len(p) != len(y):
        raise MeasureError("as many outcomes as probabilities, and at least one, are needed")
    if not ((p >= 0) & (p <= 1)).all() or not np.isin(y, (0, 1)).all():
        raise MeasureError("probabilities lie in [0, 1] and outcomes are 0 or 1")
    return p, y
