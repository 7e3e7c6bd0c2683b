"""Repeated samples: variance components, and pass@k against enumeration of all draws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.measures.repeats import at_least, case_means, pass_at_k, pass_hat_k, variation

COUNTS = st.integers(1, 7).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(0, n), st.integers(0, n))
)


@given(COUNTS)
def test_at_least_m_of_k_is_the_share_of_all_draws(counts: tuple[int, int, int, int]) -> None:
    successes, samples, m, of = counts
    m = min(m, of)
    outcomes = [1] * successes + [0] * (samples - successes)
    draws = [sum(draw) >= m for draw in itertools.combinations(outcomes, of)]
    assert at_least(successes, samples, m, of=of) == pytest.approx(sum(draws) / len(draws))


@pytest.mark.parametrize(("c", "n", "k"), [(0, 10, 3), (3, 10, 1), (3, 10, 5), (9, 10, 2)])
def test_pass_at_k_is_the_product_form_of_its_paper(c: int, n: int, k: int) -> None:
    expected = 1.0 if n - c < k else 1 - np.prod(1 - k / np.arange(n - c + 1, n + 1))
    assert pass_at_k(c, n, k) == pytest.approx(expected)
    assert pass_hat_k(c, n, k) == pytest.approx(math.comb(c, k) / math.comb(n, k))


def test_pass_at_k_is_unbiased() -> None:
    p, n = 0.3, 8
    chance = stats.binom.pmf(np.arange(n + 1), n, p)
    for k in (1, 3, 8):
        one = sum(w * pass_at_k(c, n, k) for c, w in enumerate(chance))
        all_ = sum(w * pass_hat_k(c, n, k) for c, w in enumerate(chance))
        assert (one, all_) == pytest.approx((1 - (1 - p) ** k, p**k))


def test_components_are_those_of_the_table_of_variance() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(30, 1)) + 0.5 * rng.normal(size=(30, 4))
    found = variation(scores.ravel(), np.repeat(np.arange(30), 4).tolist())
    f = stats.f_oneway(*scores).statistic
    assert found.within == pytest.approx(scores.var(axis=1, ddof=1).mean())
    between = scores.mean(axis=1).var(ddof=1) - found.within / 4
    assert found.between == pytest.approx(between)
    assert found.intraclass.value == pytest.approx((f - 1) / (f + 3))
    low, high = (f / stats.f.ppf(q, 29, 90) for q in (0.975, 0.025))
    assert found.intraclass[1:] == pytest.approx(((low - 1) / (low + 3), (high - 1) / (high + 3)))


def test_unequal_numbers_of_samples_leave_the_components_unbiased() -> None:
    rng = np.random.default_rng(1)
    keys = np.repeat(np.arange(5), [1, 2, 1, 2, 12])
    found = [
        variation(5 * rng.normal(size=5)[keys] + rng.normal(size=len(keys)), keys.tolist())
        for _ in range(1_200)
    ]
    assert np.mean([v.between for v in found]) == pytest.approx(25, rel=0.12)
    assert np.mean([v.within for v in found]) == pytest.approx(1, rel=0.05)


def test_more_repeats_stop_helping_at_the_variance_between_cases() -> None:
    rng = np.random.default_rng(2)
    keys = np.repeat(np.arange(200), 5)
    found = variation(rng.normal(size=200)[keys] + rng.normal(size=1000), keys.tolist())
    floor = math.sqrt(found.between / 100)
    assert found.error(100, 1) > found.error(100, 4) > found.error(100, 10**6)
    assert found.error(100, 10**6) == pytest.approx(floor, rel=1e-3)


def test_samples_that_never_differ_make_a_correlation_of_one() -> None:
    found = variation([1e6, 1e6, 1e6 + 1, 1e6 + 1], ["a", "a", "b", "b"])
    assert (found.within, found.intraclass) == (0.0, (1.0, 1.0, 1.0))
    assert found.mean == pytest.approx(1e6 + 0.5)


def test_a_shift_of_all_scores_changes_no_variance() -> None:
    scores, keys = [0.1, 0.3, 0.9, 0.8], ["a", "a", "b", "b"]
    before, after = variation(scores, keys), variation([s + 1e7 for s in scores], keys)
    assert after.within == pytest.approx(before.within, rel=1e-6)
    assert after.between == pytest.approx(before.between, rel=1e-6)


def test_cases_are_averaged_in_order_of_appearance() -> None:
    assert case_means([1.0, 0.0, 0.0, 1.0], ["b", "a", "b", "b"]).tolist() == [2 / 3, 0.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: at_least(3, 2, 1, of=1),
        lambda: at_least(1, 2, 3, of=2),
        lambda: pass_at_k(1, 2, 3),
        lambda: variation([1.0, 2.0], ["a", "b"]),
        lambda: variation([1.0, 2.0], ["a", "a"]),
        lambda: variation([], []),
    ],
)
def test_too_few_samples_are_an_error(call: object) -> None:
    with pytest.raises(MeasureError):
        call()
