"""The calibration curve, Murphy's decomposition and the isotonic fit, against scikit-learn."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures.calibration import brier, expected_calibration_error
from trimtab.measures.reliability import (
    brier_parts,
    calibration_curve,
    fit_isotonic,
    sweep_calibration_error,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sklearn import calibration, isotonic

FORECASTS = st.lists(
    st.tuples(st.integers(0, 64).map(lambda n: n / 64), st.integers(0, 1)), min_size=1, max_size=60
)


def honest(seed: int, cases: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.random(cases)
    return p, (rng.random(cases) < p).astype(float)


def test_the_curve_over_equal_widths_is_scikit_learns() -> None:
    p, y = honest(1, 500)
    observed, stated = calibration.calibration_curve(y, p, n_bins=7)
    found = calibration_curve(p, y, bins=7, equal="width")
    assert [each.stated for each in found] == pytest.approx(stated)
    assert [each.observed for each in found] == pytest.approx(observed)


@given(FORECASTS, st.integers(1, 12), st.sampled_from(["mass", "width"]))
def test_the_curve_holds_every_case_once(
    forecasts: list[tuple[float, int]], bins: int, equal: str
) -> None:
    p, y = zip(*forecasts, strict=True)
    curve = calibration_curve(p, y, bins=bins, equal=equal)
    assert sum(each.cases for each in curve) == len(p)
    assert len(curve) <= bins
    assert sum(each.stated * each.cases for each in curve) == pytest.approx(sum(p))
    assert sum(each.observed * each.cases for each in curve) == pytest.approx(sum(y))
    assert all(a.stated < b.stated for a, b in itertools.pairwise(curve))
    if equal == "mass":
        gap = sum(each.cases * abs(each.stated - each.observed) for each in curve) / len(p)
        assert expected_calibration_error(p, y, bins=bins) == pytest.approx(gap)


@given(FORECASTS, st.integers(1, 12))
def test_the_parts_add_up_to_the_brier_score(forecasts: list[tuple[float, int]], bins: int) -> None:
    p, y = zip(*forecasts, strict=True)
    parts = brier_parts(p, y, bins=bins)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(brier(p, y), abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0


def test_nothing_is_hidden_where_a_bin_has_one_probability() -> None:
    p, y = [0.1, 0.1, 0.6, 0.6, 0.6], [0, 1, 1, 1, 0]
    parts = brier_parts(p, y, bins=3)
    # by hand: bins (.1, 1/2, 2) and (.6, 2/3, 3), base rate 3/5
    assert parts.reliability == pytest.approx(0.4 * 0.4**2 + 0.6 * (2 / 3 - 0.6) ** 2)
    assert parts.resolution == pytest.approx(0.4 * 0.1**2 + 0.6 * (2 / 3 - 0.6) ** 2)
    assert parts.uncertainty == pytest.approx(0.24)
    assert parts.within == pytest.approx(0, abs=1e-12)


def test_the_sweep_is_less_biased_than_a_fixed_number_of_bins() -> None:
    found = [honest(seed, 200) for seed in range(40)]
    swept = np.mean([sweep_calibration_error(p, y) for p, y in found])
    fixed = np.mean([expected_calibration_error(p, y, bins=15) for p, y in found])
    assert 0 < swept < fixed  # honest forecasts have no calibration error at all


def test_the_sweep_stops_before_rates_fall() -> None:
    # one bin: |.5 - .5|; two: (.2, 0), (.8, 1); three or more: 0, 1/2, 1 rise; four: 0, 0, 1, 1
    p, y = [0.1, 0.3, 0.7, 0.9], [0, 0, 1, 1]
    assert sweep_calibration_error(p, y) == pytest.approx((0.1 + 0.3 + 0.3 + 0.1) / 4)
    # two bins would fall from 1 to 0: one is left
    assert sweep_calibration_error([0.1, 0.9], [1, 0]) == pytest.approx(0.0)


@given(FORECASTS)
def test_the_isotonic_fit_is_scikit_learns(forecasts: list[tuple[float, int]]) -> None:
    x, y = zip(*forecasts, strict=True)
    theirs = isotonic.IsotonicRegression(out_of_bounds="clip").fit(x, y)
    grid = np.linspace(-0.2, 1.2, 57)
    found = fit_isotonic(x, y).probability(grid)
    assert found == pytest.approx(theirs.predict(grid), abs=1e-9)
    assert (np.diff(found) >= 0).all()


def test_an_isotonic_fit_repairs_overconfidence() -> None:
    p, y = honest(2, 20_000)
    bold = np.where(p > 0.5, 1 - (1 - p) ** 2, p**2)
    repaired = fit_isotonic(bold[:10_000], y[:10_000]).probability(bold[10_000:])
    before = expected_calibration_error(bold[10_000:], y[10_000:])
    assert expected_calibration_error(repaired, y[10_000:]) < 0.2 * before


@pytest.mark.parametrize(
    "call",
    [
        lambda: calibration_curve([0.5], [1], bins=0),
        lambda: calibration_curve([0.5], [1], equal="time"),
        lambda: brier_parts([1.5], [1]),
        lambda: sweep_calibration_error([], []),
        lambda: fit_isotonic([], []),
        lambda: fit_isotonic([0.5], [0.5]),
    ],
)
def test_what_has_no_curve_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(MeasureError):
        call()
