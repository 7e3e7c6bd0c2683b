"""Comparisons of different cases against published examples, SciPy, and resampling by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.measures.unpaired import mean_difference, permutation, rate_difference


def outcomes(successes: int, n: int) -> list[float]:
    return [1.0] * successes + [0.0] * (n - successes)


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_newcombes_own_table(a: int, m: int, b: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, table II, method 10."""
    found = rate_difference(outcomes(b, n), outcomes(a, m))
    assert found == pytest.approx((a / m - b / n, low, high), abs=6e-5)


@given(st.integers(0, 30), st.integers(0, 20))
def test_swapping_the_sets_mirrors_the_difference(a: int, b: int) -> None:
    there = rate_difference(outcomes(a, 30), outcomes(b, 20))
    back = rate_difference(outcomes(b, 20), outcomes(a, 30))
    assert (back.value, back.low, back.high) == pytest.approx(
        (-there.value, -there.high, -there.low)
    )
    assert -1 <= there.low <= there.value <= there.high <= 1


def test_mean_differences_are_welchs() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 25), rng.normal(1, 4, 12)
    expected = stats.ttest_ind(second, first, equal_var=False).confidence_interval()
    found = mean_difference(first, second)
    assert found[1:] == pytest.approx((expected.low, expected.high))


def test_clusters_widen_both_kinds_of_difference() -> None:
    rng = np.random.default_rng(1)
    keys = np.repeat(np.arange(20), 10)
    shared = rng.normal(size=(2, 20))[:, keys] + 0.3 * rng.normal(size=(2, 200))
    for measure, sides in ((mean_difference, shared), (rate_difference, shared > 0)):
        alone = measure(*sides)
        kept = measure(*sides, first_clusters=keys.tolist(), second_clusters=keys.tolist())
        assert kept.high - kept.low > 2 * (alone.high - alone.low)
        assert kept.value == pytest.approx(alone.value)


def test_permutation_agrees_with_scipy_within_its_noise() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.exponential(size=40), 1.45 * rng.exponential(size=30)
    expected = stats.permutation_test(
        (first, second), lambda x, y, axis: y.mean(axis=axis) - x.mean(axis=axis),
        vectorized=True, n_resamples=9_999, rng=np.random.default_rng(3),
    ).pvalue  # fmt: skip
    found = permutation(first, second, seed=1)
    assert 0.02 < expected < 0.5
    assert found == pytest.approx(expected, abs=5 * np.sqrt(expected / 5_000))
    assert found == permutation(first, second, seed=1)


def test_a_p_value_is_never_zero_and_clusters_count_once() -> None:
    first, second = [0.0] * 30, [1.0] * 30
    assert permutation(first, second, seed=0, shuffles=999) == 1 / 1_000
    pairs = [i // 15 for i in range(30)]
    clustered = permutation(first, second, first_clusters=pairs, second_clusters=pairs, seed=0)
    assert clustered == pytest.approx(1 / 3, abs=0.02)


def test_the_permutation_test_keeps_its_level() -> None:
    rng = np.random.default_rng(4)
    rejected = [
        permutation(rng.exponential(size=15), rng.exponential(size=25), seed=0, shuffles=199) < 0.05
        for _ in range(600)
    ]
    assert np.mean(rejected) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


@pytest.mark.parametrize(
    "call",
    [
        lambda: rate_difference([], [1.0]),
        lambda: rate_difference([0.5], [1.0]),
        lambda: mean_difference([1.0], [1.0, 2.0]),
        lambda: permutation([], [1.0], seed=0),
    ],
)
def test_an_empty_side_is_an_error(call: object) -> None:
    with pytest.raises(MeasureError):
        call()
