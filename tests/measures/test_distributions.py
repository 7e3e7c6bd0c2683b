"""Own distribution functions against SciPy's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from trimtab.errors import MeasureError
from trimtab.measures import distributions

SHAPE = st.floats(0.2, 1e3)
INSIDE = st.floats(1e-6, 1 - 1e-6)


@given(INSIDE, SHAPE, SHAPE)
def test_beta_cdf_agrees_with_scipy(x: float, a: float, b: float) -> None:
    assert distributions.beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-11)


@pytest.mark.parametrize("size", [1e4, 1e5, 1e6])
def test_beta_cdf_holds_for_large_shapes(size: float) -> None:
    for x in (0.498, 0.5, 0.5004):
        expected = special.betainc(size, size * 1.001, x)
        assert distributions.beta_cdf(x, size, size * 1.001) == pytest.approx(expected, abs=1e-8)


@given(st.floats(0.001, 0.999), st.floats(0.5, 500), st.floats(0.5, 500))
def test_beta_quantile_agrees_with_scipy(p: float, a: float, b: float) -> None:
    assert distributions.beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9)


@given(st.integers(0, 2000), st.integers(1, 2000), st.floats(0.01, 0.99))
def test_binomial_cdf_agrees_with_scipy(k: int, n: int, p: float) -> None:
    assert distributions.binomial_cdf(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), abs=1e-11)


@pytest.mark.parametrize("df", [1, 1.5, 2, 3, 7.3, 19, 99, 299, 1e3, 9_999, 10_001, 1e5, 1e7])
def test_student_quantile_agrees_with_scipy(df: float) -> None:
    for p in (1e-6, 0.001, 0.025, 0.2, 0.5, 0.6, 0.8, 0.95, 0.975, 0.9999):
        expected = stats.t.ppf(p, df)
        found = distributions.student_quantile(p, df)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.floats(-30, 30), st.floats(0.5, 500))
def test_student_cdf_agrees_with_scipy(t: float, df: float) -> None:
    assert distributions.student_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), abs=1e-11)


@given(st.floats(-8, 8))
def test_normal_functions_agree_with_scipy(z: float) -> None:
    p = distributions.normal_cdf(z)
    assert p == pytest.approx(stats.norm.cdf(z), rel=1e-9)
    if 1e-12 < p < 1 - 1e-4:
        assert distributions.normal_quantile(p) == pytest.approx(z, abs=1e-9)


def test_numbers_without_a_distribution_are_refused() -> None:
    for call in (
        lambda: distributions.beta_cdf(0.5, 0, 1),
        lambda: distributions.student_quantile(1.0, 3),
        lambda: distributions.student_quantile(0.9, 0),
        lambda: distributions.student_cdf(1.0, 0),
        lambda: distributions.normal_quantile(0.0),
    ):
        with pytest.raises(MeasureError):
            call()
