"""Intervals against SciPy, against the formulas written another way, and at their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from trimtab.errors import MeasureError
from trimtab.measures.intervals import (
    clopper_pearson,
    clustered_rate,
    jeffreys,
    mean_interval,
    rare_interval,
    skew_interval,
    skewness,
    standard_error,
    tango,
    wilson,
    working_size,
)
from trimtab.measures.resampling import bootstrap_bca, expanded_quantile

COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CONFIDENCE = st.sampled_from([0.8, 0.9, 0.95, 0.99])
VALUES = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 4)), min_size=2, max_size=60)


@given(COUNTS, CONFIDENCE)
def test_wilson_agrees_with_scipy(counts: tuple[int, int], confidence: float) -> None:
    expected = stats.binomtest(*counts).proportion_ci(confidence, method="wilson")
    assert wilson(*counts, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(COUNTS, CONFIDENCE)
def test_clopper_pearson_agrees_with_scipy(counts: tuple[int, int], confidence: float) -> None:
    expected = stats.binomtest(*counts).proportion_ci(confidence, method="exact")
    found = clopper_pearson(*counts, confidence)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(COUNTS, CONFIDENCE)
def test_jeffreys_is_the_beta_posterior_and_never_cuts_off_a_certainty(
    counts: tuple[int, int], confidence: float
) -> None:
    successes, n = counts
    posterior = stats.beta(successes + 0.5, n - successes + 0.5)
    low, high = jeffreys(successes, n, confidence)
    expected = posterior.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    assert low == pytest.approx(expected[0] if successes else 0.0, abs=1e-9)
    assert high == pytest.approx(expected[1] if successes < n else 1.0, abs=1e-9)


@given(VALUES, CONFIDENCE)
def test_mean_interval_without_clusters_is_scipys_t_interval(
    values: list[float], confidence: float
) -> None:
    mean, error = np.mean(values), stats.sem(values)
    low, high = mean_interval(values, confidence=confidence)
    if error > 1e-9:
        expected = stats.t.interval(confidence, len(values) - 1, loc=mean, scale=error)
        assert (low, high) == pytest.approx(expected, rel=1e-7, abs=1e-7)
    else:
        assert low == pytest.approx(high, abs=1e-6)


def clustered(seed: int, sizes: list[int]) -> tuple[np.ndarray, list[int]]:
    rng = np.random.default_rng(seed)
    keys = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(size=len(sizes))[keys] + rng.normal(size=len(keys)), keys.tolist()


@pytest.mark.parametrize("sizes", [[8] * 12, [1, 2, 3, 20, 5], [1] * 30, [40, 4, 4, 4]])
def test_cluster_errors_are_the_cr2_sandwich_with_bell_mccaffrey_degrees(sizes: list[int]) -> None:
    """The estimator written with the matrices of Imbens & Kolesar 2016, for a design of ones."""
    values, keys = clustered(1, sizes)
    n = len(values)
    hat = np.full((n, n), 1 / n)
    residuals = values - values.mean()
    meat, columns = 0.0, []
    for key in set(keys):
        member = np.array(keys) == key
        block = np.eye(member.sum()) - hat[np.ix_(member, member)]
        spectrum, basis = np.linalg.eigh(block)
        root = basis @ np.diag(spectrum**-0.5) @ basis.T
        meat += float(np.ones(member.sum()) @ root @ residuals[member]) ** 2
        columns.append((np.eye(n) - hat)[:, member] @ root @ np.ones(member.sum()) / n)
    spread = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    found = standard_error(values, keys)
    assert found.value == pytest.approx(math.sqrt(meat) / n, rel=1e-10)
    assert found.df == pytest.approx(spread.sum() ** 2 / (spread**2).sum(), rel=1e-8)


def test_equal_clusters_are_a_t_interval_of_their_means() -> None:
    values, keys = clustered(2, [6] * 15)
    means = values.reshape(15, 6).mean(axis=1)
    expected = stats.t.interval(0.95, 14, loc=means.mean(), scale=stats.sem(means))
    assert mean_interval(values, keys) == pytest.approx(expected)


@given(st.permutations(range(20)))
def test_the_order_of_the_cases_does_not_matter(order: list[int]) -> None:
    values, keys = clustered(3, [2, 3, 5, 10])
    shuffled = [values[i] for i in order], [keys[i] for i in order]
    assert skew_interval(*shuffled) == pytest.approx(skew_interval(values, keys))


@given(VALUES)
def test_skewness_agrees_with_scipy(values: list[float]) -> None:
    if np.std(values) > 1e-6:
        assert skewness(values) == pytest.approx(stats.skew(values), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_hall_bounds_solve_halls_equation(seed: int) -> None:
    """u + g u^2 / (3 r) + g^2 u^3 / (27 n) + g / (6 r) is t or -t at the bounds, r = sqrt(n)."""
    values = np.random.default_rng(seed).exponential(size=30)
    n, g, error = 30, stats.skew(values), stats.sem(values)
    t = stats.t.ppf(0.975, n - 1)

    def transformed(mean: float, level: float) -> float:
        u = (values.mean() - mean) / error
        r = math.sqrt(n)
        return u + g * u**2 / (3 * r) + g**2 * u**3 / (27 * n) + g / (6 * r) - level

    span = 60 * error
    bounds = [
        optimize.brentq(transformed, values.mean() - span, values.mean() + span, args=(level,))
        for level in (t, -t)
    ]
    plain = mean_interval(values)
    low, high = skew_interval(values)
    assert low == pytest.approx(min(plain.low, bounds[0]))
    assert high == pytest.approx(max(plain.high, bounds[1]))


def test_bca_agrees_with_scipy_within_the_noise_of_resampling() -> None:
    values = np.random.default_rng(8).lognormal(size=80)
    found = bootstrap_bca(values, seed=1, resamples=20_000)
    confidence = 2 * stats.norm.cdf(expanded_quantile(80, 0.95)) - 1
    expected = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=20_000, confidence_level=confidence,
        rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    noise = 0.05 * (expected.high - expected.low)
    assert found == pytest.approx((expected.low, expected.high), abs=noise)
    assert found == bootstrap_bca(values, seed=1, resamples=20_000)


def test_bca_over_clusters_resamples_whole_clusters() -> None:
    values, keys = clustered(4, [5] * 40)
    means = values.reshape(40, 5).mean(axis=1)
    found = bootstrap_bca(values, keys, seed=1, resamples=20_000)
    alone = bootstrap_bca(means, seed=1, resamples=20_000)
    assert found == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize(
    ("worse", "better", "n"), [(0, 0, 30), (5, 9, 300), (43, 0, 44), (1, 12, 40), (0, 30, 30)]
)
def test_tango_bounds_are_where_the_score_statistic_is_critical(
    worse: int, better: int, n: int
) -> None:
    """The statistic with the constrained maximum likelihood found numerically, not by formula."""

    def score(difference: float) -> float:
        def minus_likelihood(q: float) -> float:
            rates = [
                (better, q + difference),
                (worse, q),
                (n - worse - better, 1 - 2 * q - difference),
            ]
            return -sum(k * math.log(max(rate, 1e-300)) for k, rate in rates if k)

        floor, ceiling = max(0.0, -difference), (1 - difference) / 2
        q = optimize.minimize_scalar(
            minus_likelihood, bounds=(floor, ceiling), method="bounded", options={"xatol": 1e-12}
        ).x
        variance = n * (2 * q + difference * (1 - difference))
        return (better - worse - n * difference) / math.sqrt(variance)

    low, high = tango(worse, better, n)
    z = stats.norm.ppf(0.975)
    if low > -1:
        assert score(low) == pytest.approx(z, abs=1e-3)
    if high < 1 - 1e-9:
        assert score(high) == pytest.approx(-z, abs=1e-3)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 300), CONFIDENCE)
def test_tango_mirrors_and_holds_the_observed_difference(
    worse: int, better: int, same: int, confidence: float
) -> None:
    n = worse + better + same
    if n == 0:
        return
    low, high = tango(worse, better, n, confidence)
    assert -1 <= low <= (better - worse) / n <= high <= 1
    mirrored = tango(better, worse, n, confidence)
    assert (low, high) == pytest.approx((-mirrored.high, -mirrored.low), abs=1e-9)


def test_a_clustered_rate_of_lone_cases_is_nearly_wilsons() -> None:
    outcomes = [1.0] * 80 + [0.0] * 20
    found = clustered_rate(outcomes, list(range(100)))
    assert found == pytest.approx(wilson(80, 100), abs=0.005)


def test_perfectly_correlated_clusters_count_as_one_case_each() -> None:
    outcomes, keys = [], []
    for cluster in range(30):
        outcomes += [float(cluster % 3 > 0)] * 8
        keys += [cluster] * 8
    found = clustered_rate(outcomes, keys)
    assert found == pytest.approx(wilson(20, 30), abs=0.02)


def test_working_size_runs_from_all_cases_to_a_few() -> None:
    assert working_size(list(range(50))) == 50
    assert working_size(["one"] * 50) == pytest.approx(50 / (1 + 0.3 * 49))


def test_unchanged_cases_bound_the_difference_by_how_many_there_are() -> None:
    assert rare_interval([0.0] * 300, span=1.0) == pytest.approx(tango(0, 0, 300))
    assert rare_interval([0.0] * 300, span=0.0) == (0.0, 0.0)
    clustered_bounds = rare_interval([0.0] * 300, [i // 6 for i in range(300)], span=1.0)
    assert clustered_bounds == pytest.approx(tango(0, 0, round(300 / (1 + 0.3 * 5))))


def test_frequent_changes_need_no_span() -> None:
    changes = np.random.default_rng(0).normal(size=40)
    assert rare_interval(changes, span=1e6) == skew_interval(changes)


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.3]), min_size=2, max_size=80))
def test_a_rare_interval_holds_the_mean_and_never_narrows(values: list[float]) -> None:
    low, high = rare_interval(values, span=1.0)
    plain = skew_interval(values)
    assert low <= plain.low <= np.mean(values) + 1e-12
    assert high >= plain.high >= np.mean(values) - 1e-12


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson(1, 0),
        lambda: wilson(5, 4),
        lambda: wilson(-1, 4),
        lambda: wilson(1, 4, 1.0),
        lambda: tango(3, 3, 5),
        lambda: tango(-1, 3, 5),
        lambda: mean_interval([]),
        lambda: mean_interval([1.0]),
        lambda: mean_interval([1.0, 2.0], ["a", "a"]),
        lambda: mean_interval([1.0, math.nan]),
        lambda: skew_interval([1.0]),
        lambda: bootstrap_bca([1.0], seed=0),
        lambda: rare_interval([1.0, 2.0], span=-1.0),
    ],
)
def test_an_undefined_interval_is_an_error_not_a_number(call: object) -> None:
    with pytest.raises(MeasureError):
        call()


@pytest.mark.parametrize("values", [[3.0, 3.0, 3.0], [0.1] * 7])
def test_constant_values_have_a_point_for_an_interval(values: list[float]) -> None:
    for low, high in (skew_interval(values), mean_interval(values), bootstrap_bca(values, seed=0)):
        assert low == pytest.approx(values[0])
        assert high == pytest.approx(values[0])
