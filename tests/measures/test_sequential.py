"""Confidence sequences: valid at every look, whatever the batches, and their evidence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.measures.sequences import SEQUENCES, ever_missed

from trimtab.errors import MeasureError
from trimtab.measures.sequential import capital, p_value, tally

SCORES = st.lists(st.floats(0, 1), max_size=60)


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_the_truth_is_held_at_every_one_of_forty_looks(name: str) -> None:
    found = ever_missed(SEQUENCES[name], draws=40)
    # 95 % of 40 draws and three standard errors; the sequences are far on the safe side of it
    assert found.missed <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_the_truth_is_held_at_every_look_in_95_percent(name: str) -> None:
    assert ever_missed(SEQUENCES[name], draws=250, seed=1).missed <= 0.05


def test_an_interval_for_fixed_n_looked_at_forty_times_would_miss_often() -> None:
    rng = np.random.default_rng(0)
    outcomes = (rng.random((400, 800)) < 0.8).cumsum(axis=1)
    n = np.arange(20, 801, 20)
    rate = outcomes[:, n - 1] / n
    half = 1.96 * np.sqrt(rate * (1 - rate) / n)
    ever = (np.abs(rate - 0.8) > half).any(axis=1).mean()
    assert ever > 0.2


@given(SCORES, st.integers(0, 60))
@settings(max_examples=40)
def test_batches_do_not_matter(scores: list[float], cut: int) -> None:
    whole, parts = tally().plus(scores), tally().plus(scores[:cut]).plus(scores[cut:])
    assert parts.interval() == pytest.approx(whole.interval())
    bets = capital(steps=50)
    together, apart = bets.plus(scores), bets.plus(scores[:cut]).plus(scores[cut:])
    np.testing.assert_allclose(apart.above, together.above, atol=1e-9)
    np.testing.assert_allclose(apart.below, together.below, atol=1e-9)


def test_capital_is_the_product_of_the_bets_written_one_by_one() -> None:
    """Waudby-Smith & Ramdas 2024: the predictable plug-in stake, truncated at a half."""
    scores = np.random.default_rng(0).random(300)
    mean, logs = 0.3, [0.0, 0.0]
    total, spread = 0.5, 0.25
    for t, x in enumerate(scores, start=1):
        stake = math.sqrt(2 * math.log(2 / 0.05) / (spread / t * t * math.log(1 + t)))
        logs[0] += math.log1p(min(stake, 0.5 / mean) * (x - mean))
        logs[1] += math.log1p(-min(stake, 0.5 / (1 - mean)) * (x - mean))
        total += x
        spread += (x - total / (t + 1)) ** 2
    found = capital(steps=10).plus(scores)
    assert (found.above[3], found.below[3]) == pytest.approx(logs)


def test_the_mixture_is_the_integral_over_normal_bets() -> None:
    scores = [1.0, 1.0, 0.0, 1.0, 1.0]
    found = tally(planned=50).plus(scores)
    excess, variance = sum(scores) - 5 * 0.3, 5 / 4
    bets = np.linspace(-60, 60, 400_001)
    prior = stats.norm(0, 1 / math.sqrt(found.mixture)).pdf(bets)
    value = np.trapezoid(np.exp(bets * excess - bets**2 * variance / 2) * prior, bets)
    assert found.evidence(0.3) == pytest.approx(math.log(value), abs=1e-6)


@pytest.mark.parametrize("empty", [tally(), capital(steps=200)])
def test_an_interval_ends_where_the_evidence_reaches_the_threshold(empty: object) -> None:
    stream = empty.plus([0.0, 1.0, 1.0, 1.0] * 100)
    low, high = stream.interval(0.9)
    assert low < 0.75 < high
    threshold = math.log(10)
    assert stream.evidence(low) >= threshold - 1e-9
    assert stream.evidence(high) >= threshold - 1e-9
    assert stream.evidence(low + 0.011) < threshold
    assert stream.evidence(high - 0.011) < threshold


@pytest.mark.parametrize("empty", [tally(), capital(steps=200)])
def test_a_difference_ends_where_its_evidence_reaches_the_threshold(empty: object) -> None:
    baseline, candidate = empty.plus([0.0, 1.0] * 200), empty.plus([0.0, 1.0, 1.0, 1.0] * 100)
    value, low, high = candidate.over(baseline)
    assert (value, low > 0) == (0.25, True)
    assert candidate.evidence_over(baseline, low) >= math.log(20) - 1e-9
    assert candidate.evidence_over(baseline, high) >= math.log(20) - 1e-9
    assert candidate.evidence_over(baseline, 0.25) < 0
    assert p_value(candidate.evidence_over(baseline)) < 0.05
    back = baseline.over(candidate)
    assert (back.low, back.high) == pytest.approx((-high, -low))


@given(SCORES, SCORES)
@settings(max_examples=40)
def test_evidence_falls_towards_the_observed_difference(
    first: list[float], second: list[float]
) -> None:
    """Otherwise the interval, found by bisection, would not hold all that is not excluded."""
    arms = capital(steps=40)
    baseline, candidate = arms.plus(first), arms.plus(second)
    grid = [candidate.evidence_over(baseline, d) for d in np.linspace(-1, 1, 81)]
    enough = math.log(20)
    inside = [d for d, e in zip(np.linspace(-1, 1, 81), grid, strict=True) if e < enough]
    found = candidate.over(baseline)
    assert found.low - 1e-9 <= min(inside) <= max(inside) <= found.high + 1e-9


def test_bets_adapt_to_scores_that_hardly_vary() -> None:
    pairs = ([0.0] * 9 + [1.0, -1.0] + [0.0] * 9) * 40
    wide, narrow = tally(-1, 1).plus(pairs).interval(), capital(-1, 1).plus(pairs).interval()
    assert narrow.high - narrow.low < 0.6 * (wide.high - wide.low)


@pytest.mark.parametrize("empty", [tally(-1, 1), capital(-1, 1, steps=20)])
def test_before_the_first_score_anything_is_possible(empty: object) -> None:
    assert empty.interval() == (-1, 1)
    assert empty.over(empty)[1:] == (-2, 2)
    assert p_value(empty.evidence(0.0)) == 1.0


def test_a_stream_is_a_value() -> None:
    empty = capital(steps=20)
    empty.plus([1.0, 1.0])
    assert empty.n == 0
    assert not empty.above.any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: tally().plus([1.5]),
        lambda: capital().plus([-0.1]),
        lambda: capital().plus([math.nan]),
        lambda: tally(1.0, 1.0),
        lambda: tally(0.0, math.inf),
        lambda: tally().interval(1.0),
        lambda: capital(steps=20).over(capital(steps=30)),
        lambda: tally().over(tally(-1, 1)),
        lambda: capital().evidence(1.1),
        lambda: capital().evidence_over(capital(), 1.5),
    ],
)
def test_scores_outside_the_bounds_and_unlike_arms_are_errors(call: object) -> None:
    with pytest.raises(MeasureError):
        call()


def test_evidence_for_one_direction_is_a_little_more_than_for_two_and_grows_less_with_more() -> (
    None
):
    better = capital(steps=200).plus([0.0, 1.0, 1.0, 1.0] * 50)
    worse = capital(steps=200).plus([0.0, 0.0, 0.0, 1.0] * 50)
    one, two = better.evidence_above(worse), better.evidence_over(worse)
    assert two <= one <= two + math.log(2) + 1e-9
    grid = [better.evidence_above(worse, step / 10) for step in range(-9, 10)]
    assert grid == sorted(grid, reverse=True)
    assert worse.evidence_above(better) < 0
    with pytest.raises(MeasureError, match="no such difference"):
        better.evidence_above(worse, 1.5)
