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
