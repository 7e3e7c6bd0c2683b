"""Jackknife and bootstrap of totals against SciPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.measures.intervals import standard_error
from trimtab.measures.resampling import (
    bootstrap_bca,
    bootstrap_totals,
    expanded_quantile,
    jackknife,
)


def means(totals: np.ndarray) -> np.ndarray:
    return totals[:, :1] / totals[:, 1:]


def rows_of(values: np.ndarray) -> np.ndarray:
    return np.column_stack([values, np.ones_like(values)])


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=30)
    found = jackknife(rows_of(values), lambda t: means(t)[:, 0])
    assert found == pytest.approx((stats.sem(values), 29))
    keys = [i // 5 for i in range(30)]
    clustered = jackknife(rows_of(values), lambda t: means(t)[:, 0], keys)
    assert clustered == pytest.approx(standard_error(values, keys))


def test_equal_rows_count_as_often_as_they_occur() -> None:
    values = np.array([0.0] * 30 + [1.0] * 10)
    assert jackknife(rows_of(values), lambda t: means(t)[:, 0]).value == pytest.approx(
        stats.sem(values)
    )
    [found] = bootstrap_totals(rows_of(values), means, seed=0, resamples=20_000)
    assert found == pytest.approx(bootstrap_bca(values, seed=1, resamples=20_000), abs=0.015)


def test_a_bootstrap_of_a_ratio_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    x = rng.gamma(3, size=60)
    y = 2 * x + rng.exponential(size=60)
    confidence = 2 * stats.norm.cdf(expanded_quantile(60, 0.95)) - 1
    expected = stats.bootstrap(
        (x, y), lambda a, b, axis: b.sum(axis=axis) / a.sum(axis=axis), paired=True,
        vectorized=True, n_resamples=20_000, confidence_level=confidence,
        rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    [found] = bootstrap_totals(np.column_stack([y, x]), means, seed=3, resamples=20_000)
    assert found == pytest.approx(tuple(expected), abs=0.05 * (expected.high - expected.low))


def test_seeds_decide_and_outputs_are_separate() -> None:
    rows = rows_of(np.random.default_rng(3).normal(size=40))

    def both(totals: np.ndarray) -> np.ndarray:
        return np.hstack([means(totals), 10 * means(totals)])

    one, ten = bootstrap_totals(rows, both, seed=0, resamples=500)
    assert ten == pytest.approx((10 * one.low, 10 * one.high))
    assert bootstrap_totals(rows, both, seed=0, resamples=500)[0] == one


def test_one_case_is_too_few() -> None:
    for call in (bootstrap_totals, jackknife):
        with pytest.raises(MeasureError):
            call(np.ones((1, 2)), means, **({"seed": 0} if call is bootstrap_totals else {}))
