"""Calibration measures and the logistic fit against definitions and SciPy's optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from trimtab.errors import MeasureError
from trimtab.measures.calibration import brier, expected_calibration_error, fit_logistic

FORECASTS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


@given(FORECASTS)
def test_brier_is_the_mean_squared_error(forecasts: list[tuple[float, int]]) -> None:
    p, y = zip(*forecasts, strict=True)
    expected = sum((a - b) ** 2 for a, b in forecasts) / len(forecasts)
    assert brier(p, y) == pytest.approx(expected)


@given(FORECASTS, st.integers(1, 20), st.randoms(use_true_random=False))
def test_calibration_error_is_bounded_and_ignores_order(
    forecasts: list[tuple[float, int]], bins: int, shuffler: object
) -> None:
    p, y = zip(*forecasts, strict=True)
    found = expected_calibration_error(p, y, bins=bins)
    assert 0 <= found <= 1
    assert found >= abs(np.mean(p) - np.mean(y)) - 1e-12
    shuffler.shuffle(forecasts)
    p, y = zip(*forecasts, strict=True)
    assert expected_calibration_error(p, y, bins=bins) == pytest.approx(found)


def test_calibration_error_by_hand_over_two_bins() -> None:
    # bins {.1, .2} with outcomes {0, 1} and {.8, .9} with {1, 1}: gaps .35 and .15
    found = expected_calibration_error([0.1, 0.2, 0.8, 0.9], [0, 1, 1, 1], bins=2)
    assert found == pytest.approx(0.5 * 0.35 + 0.5 * 0.15)


def test_honest_probabilities_have_little_calibration_error_and_bold_ones_much() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(20_000)
    y = (rng.random(20_000) < p).astype(float)
    assert expected_calibration_error(p, y) < 0.015
    assert expected_calibration_error(np.round(p), y) > 0.2


def test_the_fit_minimises_platts_loss() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 2)) * (1.0, 30.0) + (0.0, 500.0)
    y = (rng.random(200) < 1 / (1 + np.exp(-(1.5 * x[:, 0] + 0.04 * (x[:, 1] - 500))))).astype(int)
    n1, n0 = y.sum(), (1 - y).sum()
    target = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)

    def loss(beta: np.ndarray) -> float:
        margin = scaled @ beta[:2] + beta[2]
        return float((np.logaddexp(0, margin) - target * margin).sum())

    best = optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9})
    curve = fit_logistic(x, y)
    expected = 1 / (1 + np.exp(-(scaled @ best.x[:2] + best.x[2])))
    assert curve.probability(x) == pytest.approx(expected, abs=1e-6)


def test_the_fit_recovers_the_curve_that_made_the_data() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=50_000)
    y = (rng.random(50_000) < 1 / (1 + np.exp(-(2 * x - 1)))).astype(int)
    curve = fit_logistic(x, y)
    assert curve.weights[0] == pytest.approx(2, abs=0.06)
    assert curve.bias == pytest.approx(-1, abs=0.05)
    assert expected_calibration_error(curve.probability(x), y) < 0.01


@pytest.mark.parametrize(
    ("x", "y"),
    [([0.0, 1.0], [0, 1]), ([0.0, 1.0, 2.0], [1, 1, 1]), ([5.0] * 4, [0, 1, 0, 1]), ([1.0], [0])],
)
def test_separable_constant_and_one_sided_data_still_have_a_curve(
    x: list[float], y: list[int]
) -> None:
    probabilities = fit_logistic(x, y).probability(x)
    assert np.isfinite(probabilities).all()
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_a_ridge_pulls_the_weights_in() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60, 3))
    y = (x[:, 0] > 0).astype(int)
    free, held = fit_logistic(x, y), fit_logistic(x, y, l2=10.0)
    assert np.linalg.norm(held.weights) < np.linalg.norm(free.weights)


@pytest.mark.parametrize(
    "call",
    [
        lambda: brier([], []),
        lambda: brier([1.2], [1]),
        lambda: brier([0.5], [2]),
        lambda: brier([0.5, 0.5], [1]),
        lambda: expected_calibration_error([0.5], [1], bins=0),
        lambda: fit_logistic([], []),
        lambda: fit_logistic([float("nan")], [1]),
        lambda: fit_logistic([1.0, 2.0], [0, 1]).probability([[1.0, 2.0]]),
    ],
)
def test_what_has_no_calibration_is_refused(call: object) -> None:
    with pytest.raises(MeasureError):
        call()
