"""Power and detectable effects against enumeration and simulation by other means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.measures.power import (
    cases_needed,
    detectable_difference,
    discordance,
    mcnemar_detectable,
    mcnemar_power,
    mean_power,
    unpaired_cases_needed,
    unpaired_power,
)


def enumerated(n: int, worse: float, better: float, alpha: float = 0.05) -> float:
    total = 0.0
    for m in range(1, n + 1):
        x = np.arange(m + 1)
        p = np.minimum(1, 2 * stats.binom.cdf(np.minimum(x, m - x), m, 0.5))
        hits = stats.binom.pmf(x, m, worse / (worse + better))[p <= alpha].sum()
        total += stats.binom.pmf(m, n, worse + better) * hits
    return total


@pytest.mark.parametrize(
    ("n", "worse", "better"),
    [(20, 0.3, 0.1), (100, 0.09, 0.04), (300, 0.09, 0.04), (300, 0.05, 0.0), (50, 0.5, 0.5)],
)
def test_mcnemar_power_is_that_of_the_enumerated_test(n: int, worse: float, better: float) -> None:
    found = mcnemar_power(n, worse=worse, better=better)
    assert found == pytest.approx(enumerated(n, worse, better), abs=1e-8)


def test_power_without_cases_or_without_changes_is_zero() -> None:
    assert mcnemar_power(0, worse=0.1, better=0.0) == 0.0
    assert mcnemar_power(100, worse=0.0, better=0.0) == 0.0


@pytest.mark.parametrize(("n", "changed"), [(300, 0.13), (300, 0.0), (50, 0.2), (2000, 0.1)])
def test_the_detectable_difference_has_the_power_it_promises(n: int, changed: float) -> None:
    found = mcnemar_detectable(n, changed=changed)
    assert found is not None
    worse, better = max(found, (changed + found) / 2), max(0.0, (changed - found) / 2)
    assert 0.8 <= mcnemar_power(n, worse=worse, better=better) < 0.82


def test_the_normal_formula_takes_over_without_a_jump() -> None:
    before, after = mcnemar_detectable(1000, changed=0.4), mcnemar_detectable(1000, changed=0.401)
    assert before is not None
    assert after == pytest.approx(before, rel=0.03)


def test_five_cases_detect_nothing() -> None:
    assert mcnemar_detectable(5, changed=0.0) is None


def test_discordance_reproduces_rates_and_correlation() -> None:
    worse, better = discordance(0.8, 0.75, 0.6)
    both = 0.8 - worse
    assert both + better == pytest.approx(0.75)
    spread = np.sqrt(0.8 * 0.2 * 0.75 * 0.25)
    assert (both - 0.8 * 0.75) / spread == pytest.approx(0.6)
    with pytest.raises(MeasureError):
        discordance(0.99, 0.5, 0.9)


def test_a_t_test_shows_its_detectable_difference_four_times_in_five() -> None:
    rng = np.random.default_rng(4)
    error = 0.3 / np.sqrt(60)
    effect = detectable_difference(error, 59)
    draws = rng.normal(effect, 0.3, size=(4000, 60))
    p_values = stats.ttest_1samp(draws, 0.0, axis=1).pvalue
    assert (p_values < 0.05).mean() == pytest.approx(0.8, abs=0.02)


def test_cases_needed_follow_the_normal_formula() -> None:
    # (1.9600 + 0.8416)^2 / 0.5^2 = 31.4
    assert cases_needed(1.0, 0.5) == 32
    with pytest.raises(MeasureError):
        cases_needed(1.0, 0.0)


@pytest.mark.parametrize("df", [10, 30, 299])
@pytest.mark.parametrize("ratio", [0.0, 1.0, 2.5, 4.0])
def test_the_power_of_a_t_test_is_nearly_the_noncentral_ts(df: int, ratio: float) -> None:
    critical = stats.t.ppf(0.975, df)
    exact = stats.nct.sf(critical, df, ratio) + stats.nct.cdf(-critical, df, ratio)
    assert mean_power(0.5, df, 0.5 * ratio) == pytest.approx(exact, abs=0.02)


def test_power_and_detectable_difference_are_inverse() -> None:
    effect = detectable_difference(0.03, 120, power=0.9)
    assert mean_power(0.03, 120, effect) == pytest.approx(0.9, abs=1e-6)


def test_unpaired_power_is_that_of_simulated_tests() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.binomial(300, 0.8, 20_000) / 300, rng.binomial(200, 0.7, 20_000) / 200
    pooled = (300 * a + 200 * b) / 500
    z = np.abs(a - b) / np.sqrt(pooled * (1 - pooled) * (1 / 300 + 1 / 200))
    simulated = (z > stats.norm.ppf(0.975)).mean()
    assert unpaired_power(300, 200, first=0.8, second=0.7) == pytest.approx(simulated, abs=0.02)


def test_unpaired_cases_have_the_power_they_promise() -> None:
    n = unpaired_cases_needed(0.8, 0.75, power=0.9)
    assert unpaired_power(n, n, first=0.8, second=0.75) == pytest.approx(0.9, abs=0.001)
    assert unpaired_power(n, n, first=0.8, second=0.8) == pytest.approx(0.05)
    with pytest.raises(MeasureError):
        unpaired_cases_needed(0.8, 0.8)


def test_pairs_see_a_loss_of_five_points_that_different_cases_do_not() -> None:
    """Three hundred pairs at .80, 9 % lost and 4 % gained; no change, no alarm."""
    assert mcnemar_power(300, worse=0.09, better=0.04) >= 0.6
    assert unpaired_power(300, 300, first=0.80, second=0.75) < 0.45
    for changed in (0.02, 0.05, 0.13, 0.3, 0.6):
        for n in (20, 50, 100, 300, 1000):
            assert mcnemar_power(n, worse=changed / 2, better=changed / 2) <= 0.05
