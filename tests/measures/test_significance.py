"""Paired tests and corrections against SciPy, brute force and each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.measures.significance import benjamini_hochberg, holm, mcnemar, sign_flip

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_exact_binomial_test_of_the_changed_cases(worse: int, better: int) -> None:
    expected = stats.binomtest(worse, worse + better).pvalue if worse + better else 1.0
    assert mcnemar(worse, better) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 100), st.integers(0, 100))
def test_mid_p_takes_half_of_the_observed_outcome(worse: int, better: int) -> None:
    n, k = worse + better, min(worse, better)
    if n == 0 or worse == better:
        assert mcnemar(worse, better, mid_p=True) <= 1
        return
    expected = 2 * stats.binom.cdf(k, n, 0.5) - stats.binom.pmf(k, n, 0.5)
    assert mcnemar(worse, better, mid_p=True) == pytest.approx(min(1, expected), abs=1e-12)


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(MeasureError):
        mcnemar(-1, 3)


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=400))
def test_flipping_pass_fail_differences_is_mcnemar(differences: list[int]) -> None:
    p_value, exact = sign_flip(differences, seed=0)
    assert exact
    expected = mcnemar(differences.count(-1), differences.count(1))
    assert p_value == pytest.approx(expected, rel=1e-8)


@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=1, max_size=10))
def test_few_differences_are_enumerated_exactly(differences: list[float]) -> None:
    d = np.array(differences)
    flipped = np.array([abs(d @ signs) for signs in itertools.product((-1, 1), repeat=len(d))])
    expected = (flipped >= abs(d.sum()) - 1e-9).mean()
    assert sign_flip(differences, seed=0) == (pytest.approx(expected), True)


def test_exact_flips_agree_with_scipy() -> None:
    d = np.random.default_rng(3).normal(0.4, 1, size=11)
    result = stats.permutation_test(
        (d, np.zeros_like(d)), lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples", vectorized=True, n_resamples=10**6,
    )  # fmt: skip
    assert sign_flip(d, seed=0).p_value == pytest.approx(result.pvalue)


def test_sampled_flips_agree_with_scipy_within_their_noise_and_never_reach_zero() -> None:
    d = np.random.default_rng(5).normal(0.13, 1, size=200)
    found = sign_flip(d, seed=1)
    assert not found.exact
    assert found == sign_flip(d, seed=1)
    expected = stats.permutation_test(
        (d, np.zeros_like(d)), lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples", vectorized=True, n_resamples=9_999,
        rng=np.random.default_rng(2), batch=2_000,
    ).pvalue  # fmt: skip
    assert found.p_value == pytest.approx(expected, abs=4 * np.sqrt(2 * expected / 10_000))
    assert sign_flip(np.random.default_rng(0).random(50), seed=0).p_value == 1 / 10_000


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=8), st.integers(1, 4))
def test_a_cluster_flips_as_one(sums: list[int], copies: int) -> None:
    values = [float(v) for v in sums for _ in range(copies)]
    keys = [i for i in range(len(sums)) for _ in range(copies)]
    together = sign_flip(values, keys, seed=0).p_value
    assert together == pytest.approx(sign_flip([float(v) for v in sums], seed=0).p_value)


def test_whole_cluster_sums_are_counted_exactly_however_many() -> None:
    rng = np.random.default_rng(1)
    sums = rng.integers(-4, 6, size=40).astype(float)
    found = sign_flip(sums, seed=0)
    assert found.exact
    signs = rng.choice((-1.0, 1.0), size=(200_000, 40))
    share = (np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9).mean()
    assert found.p_value == pytest.approx(share, abs=5 * np.sqrt(share / 200_000))


def test_the_sign_flip_test_keeps_its_level_under_skewed_clusters_of_equal_effect() -> None:
    rng = np.random.default_rng(7)
    keys = np.repeat(np.arange(20), 5).tolist()
    rejected = 0
    for _ in range(300):
        effect = np.repeat(rng.choice((-1, 1), 20) * rng.exponential(size=20), 5)
        rejected += sign_flip(effect + rng.normal(size=100), keys, seed=0, flips=499)[0] < 0.05
    assert rejected / 300 < 0.09


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0]])
def test_nothing_changed_is_no_evidence(values: list[float]) -> None:
    assert sign_flip(values, seed=0) == (1.0, True)


@pytest.mark.parametrize("bad", [[float("nan")], [float("inf")], [[1.0]]])
def test_what_is_not_a_flat_list_of_numbers_is_refused(bad: list[float]) -> None:
    with pytest.raises(MeasureError):
        sign_flip(bad, seed=0)


def test_every_value_needs_its_cluster() -> None:
    with pytest.raises(MeasureError):
        sign_flip([1.0, 2.0], ["a"], seed=0)


@given(P_VALUES)
def test_holm_rejects_what_the_step_down_rule_rejects(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for alpha in (0.01, 0.05, 0.2):
        rejected, active = set(), True
        for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
            active = active and p_values[index] <= alpha / (len(p_values) - rank)
            if active:
                rejected.add(index)
        near = {i for i, a in enumerate(adjusted) if abs(a - alpha) < 1e-12}
        assert {i for i, a in enumerate(adjusted) if a <= alpha} - near == rejected - near


@given(P_VALUES.filter(bool))
def test_benjamini_hochberg_agrees_with_scipy(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values, method="bh")
    assert benjamini_hochberg(p_values) == pytest.approx(list(expected))


@given(P_VALUES)
def test_adjusting_never_makes_a_p_value_smaller(p_values: list[float]) -> None:
    for p, h, b in zip(p_values, holm(p_values), benjamini_hochberg(p_values), strict=True):
        assert p <= b + 1e-15
        assert b <= h + 1e-15
        assert h <= 1


def test_a_p_value_outside_the_unit_interval_is_refused() -> None:
    with pytest.raises(MeasureError):
        holm([0.1, 1.5])
