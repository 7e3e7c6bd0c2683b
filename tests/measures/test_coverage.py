"""Simulation: do 95 % intervals hold the truth 95 % of the time at the sizes people use?

The fast tests look at every interval with a few hundred draws; the slow ones look at all sizes and
settings and are what the goal of 93 to 97 % is held to. `bench/coverage.py` prints the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats
from tests.measures.simulations import LABELLED, SIZES, TRIALS, margin
from tests.measures.simulations import held as share_held

from trimtab.measures.intervals import (
    Interval,
    clustered_rate,
    mean_interval,
    rare_interval,
    skew_interval,
    tango,
    wilson,
)

Rng = np.random.Generator
Draw = Callable[[Rng, int], np.ndarray]

POPULATIONS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, n: rng.normal(size=n), 0.0),
    "exponential": (lambda rng, n: rng.exponential(size=n), 1.0),
    "beta": (lambda rng, n: rng.beta(8, 2, size=n), 0.8),
    "log-normal": (lambda rng, n: rng.lognormal(0, 0.5, size=n), float(np.exp(0.125))),
    "token f1": (lambda rng, n: np.where(rng.random(n) < 0.6, 1.0, 0.8 * rng.random(n)), 0.76),
}


def held(intervals: Sequence[Interval], truth: float) -> float:
    return sum(low <= truth <= high for low, high in intervals) / len(intervals)


def correlated_rates(rng: Rng, sizes: np.ndarray, rate: float, icc: float) -> np.ndarray:
    """Outcomes whose clusters draw their own rate from a beta with this intra-class correlation."""
    strength = (1 - icc) / icc
    rates = rng.beta(rate * strength, (1 - rate) * strength, size=len(sizes))
    return (rng.random(int(sizes.sum())) < np.repeat(rates, sizes)).astype(float)


def keys_of(sizes: np.ndarray) -> list[int]:
    return np.repeat(np.arange(len(sizes)), sizes).tolist()


def test_wilson_covers_on_average_over_rates_at_twenty_cases() -> None:
    rng = np.random.default_rng(1)
    rates = rng.uniform(0.05, 0.95, size=4000)
    table = [wilson(k, 20) for k in range(21)]
    successes = rng.binomial(20, rates)
    inside = [table[k].low <= p <= table[k].high for k, p in zip(successes, rates, strict=True)]
    assert 0.94 < np.mean(inside) < 0.965


def test_tango_covers_at_three_hundred_cases() -> None:
    rng = np.random.default_rng(2)
    draws = rng.multinomial(300, [0.09, 0.04, 0.87], size=1000)
    intervals = [tango(int(w), int(b), 300) for w, b, _ in draws]
    assert 0.93 < held(intervals, -0.05) < 0.97


def test_means_of_skewed_values_are_covered_at_fifty_cases() -> None:
    rng = np.random.default_rng(3)
    intervals = [skew_interval(rng.exponential(size=50)) for _ in range(500)]
    assert 0.92 < held(intervals, 1.0) < 0.985


def test_ignoring_clusters_would_not_cover_and_heeding_them_does() -> None:
    """Forty documents with ten questions each and an intra-class correlation of .3."""
    rng = np.random.default_rng(4)
    sizes = np.full(40, 10)
    keys = keys_of(sizes)
    heeded, ignored = [], []
    for _ in range(400):
        values = np.sqrt(0.3) * rng.normal(size=40)[keys] + np.sqrt(0.7) * rng.normal(size=400)
        heeded.append(mean_interval(values, keys))
        ignored.append(mean_interval(values))
    assert held(ignored, 0.0) < 0.75
    assert 0.92 < held(heeded, 0.0) < 0.98


def test_clustered_rates_are_covered_at_a_hundred_and_sixty_cases() -> None:
    rng = np.random.default_rng(5)
    sizes = np.full(20, 8)
    keys = keys_of(sizes)
    intervals = [clustered_rate(correlated_rates(rng, sizes, 0.8, 0.3), keys) for _ in range(400)]
    assert 0.92 < held(intervals, 0.8) < 0.985


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 50, 100, 300])
def test_wilson_and_tango_cover_93_to_98_percent(n: int) -> None:
    rng = np.random.default_rng(n)
    table = [wilson(k, n) for k in range(n + 1)]
    for rate in (0.5, 0.7, 0.8, 0.9):
        intervals = [table[k] for k in rng.binomial(n, rate, size=20_000)]
        assert 0.925 < held(intervals, rate) < 0.98, rate
    memo: dict[tuple[int, int], Interval] = {}
    for worse, better in ((0.2, 0.15), (0.25, 0.05), (0.15, 0.15)):
        draws = rng.multinomial(n, [worse, better, 1 - worse - better], size=5_000).tolist()
        for w, b, _ in draws:
            memo.setdefault((w, b), tango(w, b, n))
        coverage = held([memo[w, b] for w, b, _ in draws], better - worse)
        assert 0.935 < coverage < 0.975, (worse, better)


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 50, 100, 300])
@pytest.mark.parametrize("population", sorted(POPULATIONS))
def test_means_are_covered_93_to_97_percent(population: str, n: int) -> None:
    draw, truth = POPULATIONS[population]
    rng = np.random.default_rng(n)
    intervals = [skew_interval(draw(rng, n)) for _ in range(2000)]
    high = 0.97 if n > 20 else 0.99  # wide rather than narrow where little is known
    if population == "token f1":
        high = 0.99
    assert 0.93 < held(intervals, truth) < high


@pytest.mark.slow
@pytest.mark.parametrize("icc", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("clusters", [10, 20, 40])
@pytest.mark.parametrize("shape", ["equal", "unequal"])
def test_clustered_means_and_rates_are_covered(shape: str, clusters: int, icc: float) -> None:
    rng = np.random.default_rng(clusters)
    means, rates = [], []
    for _ in range(1000):
        sizes = np.full(clusters, 8)
        if shape == "unequal":
            sizes = np.minimum(60, 1 + rng.geometric(0.12, clusters))
        keys = keys_of(sizes)
        shared = np.sqrt(icc) * rng.normal(size=clusters)[keys]
        means.append(mean_interval(shared + np.sqrt(1 - icc) * rng.normal(size=len(keys)), keys))
        rates.append(clustered_rate(correlated_rates(rng, sizes, 0.8, icc), keys))
    # a simulated coverage is itself uncertain by 0.007
    assert 0.93 - 0.01 < held(means, 0.0) < 0.97 + 0.01
    assert 0.93 - 0.01 < held(rates, 0.8) < (0.99 if clusters == 10 else 0.985)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.2])
@pytest.mark.parametrize(("n", "size"), [(24, 1), (96, 1), (300, 1), (96, 6), (300, 6)])
def test_rare_losses_are_not_called_excluded(n: int, size: int, share: float) -> None:
    """The lower bound is what passes a gate: it is meant to exceed the truth 2.5 % of
    the time, and must not do so 5 % of it."""
    rng = np.random.default_rng(n + size)
    sizes = np.full(n // size, size)
    keys = keys_of(sizes) if size > 1 else None
    above = 0
    for _ in range(800):
        changed = (
            correlated_rates(rng, sizes, share, 0.25)
            if size > 1
            else (rng.random(n) < share).astype(float)
        )
        losses = -changed * rng.random(n)
        above += rare_interval(losses, keys, span=1.0).low > -share / 2
    assert above / 800 < 0.05


# Cells whose coverage may leave 93 to 97 %: wide where little is known, never narrow but for the
# bootstrap over four clusters, and the two ways of getting it wrong that the others are there for.
WIDE = {
    ("rate: Clopper-Pearson", 20),  # never covers less than it says
    ("rate: Clopper-Pearson", 50),
    ("rate over clusters, ICC .3", 20),  # four clusters
    ("unpaired rates over clusters, ICC .3", 20),
    ("kappa over clusters of 5, ICC .3", 20),
    ("mean, token F1: skew", 20),
    ("win rate with ties", 20),
    ("AC1, one label rare", 20),
    ("Bradley-Terry strength: BCa", 20),
    ("Rogan-Gladen", 20),
    *(("panel mean of five", n) for n in SIZES),
}
NARROW = {("mean over clusters of 5, ICC .3: BCa", 20): 0.82}
WRONG = {"mean over clusters of 5, clusters ignored", "judge alone, uncorrected"}


def assert_covered(name: str, n: int, draws: int, seed: int) -> None:
    cases = max(n, 30) if name in LABELLED else n
    share = share_held(TRIALS[name], cases, draws=draws, seed=seed)
    if name in WRONG:
        assert share < 0.88
        return
    assert share > NARROW.get((name, n), 0.93 - margin(draws))
    assert (name, n) in WIDE or share < 0.97 + margin(draws, 2.5)


@pytest.mark.parametrize("name", list(TRIALS))
def test_every_interval_covers_at_fifty_cases(name: str) -> None:
    assert_covered(name, 50, draws=250, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", list(TRIALS))
def test_every_interval_covers_93_to_97_percent(name: str, n: int) -> None:
    assert_covered(name, n, draws=600, seed=2)


@pytest.mark.parametrize(
    "name", ["mean, normal: Student", "mean over clusters of 5, ICC .3: Student"]
)
def test_students_interval_covers_normal_values_exactly(name: str) -> None:
    """With the normal quantile in place of Student's it would be 93.5 % at twenty cases, and 85 %
    at four clusters."""
    share = share_held(TRIALS[name], 20, draws=20_000, seed=3)
    assert share == pytest.approx(0.95, abs=margin(20_000))


def test_rates_are_covered_on_average_exactly_as_enumerated() -> None:
    """No draws: the chance of every count at every rate of a grid."""
    rates = np.linspace(0.05, 0.95, 181)
    for n in SIZES:
        bounds = np.array([wilson(k, n) for k in range(n + 1)])
        counts = np.arange(n + 1)
        chance = stats.binom.pmf(counts[None, :], n, rates[:, None])
        inside = (bounds[:, 0] <= rates[:, None]) & (rates[:, None] <= bounds[:, 1])
        coverage = (chance * inside).sum(axis=1)
        assert 0.945 < coverage.mean() < 0.96
        assert coverage.min() > 0.86
