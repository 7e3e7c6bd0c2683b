"""Simulated coverage of every interval of `trimtab.measures`: settings by name.

A setting draws data of a known truth some times, and says in which share of them the interval of a
nominal 95 % held it. `test_coverage` holds them to their limits; `bench/coverage.py` prints them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from trimtab.measures import (
    agreement,
    intervals,
    krippendorff,
    panels,
    prediction_powered,
    preference,
    repeats,
    resampling,
    unpaired,
)

Rng = np.random.Generator
Bounds = Sequence[float]
# one draw of n cases: the interval's (..., low, high), and the truth
Trial = Callable[[Rng, int], tuple[Bounds, float]]


def held(trial: Trial, n: int, *, draws: int, seed: int = 0) -> float:
    """Share of the draws in which the interval held the truth."""
    rng = np.random.default_rng([seed, n])
    count = 0
    for _ in range(draws):
        bounds, truth = trial(rng, n)
        count += bounds[-2] - 1e-9 <= truth <= bounds[-1] + 1e-9
    return count / draws


def margin(draws: int, errors: float = 3.0) -> float:
    """How far a simulated 95 % may lie off by chance: so many of its standard errors."""
    return errors * math.sqrt(0.95 * 0.05 / draws)


def correlated(rng: Rng, sizes: np.ndarray, rate: float, icc: float) -> np.ndarray:
    """Outcomes whose clusters draw their own rate from a beta with this intra-class correlation."""
    strength = (1 - icc) / icc
    rates = rng.beta(rate * strength, (1 - rate) * strength, size=len(sizes))
    return (rng.random(int(sizes.sum())) < np.repeat(rates, sizes)).astype(float)


def keys_of(n: int, size: int) -> list[int]:
    return [i // size for i in range(n)]


def rate_over_rates(interval: Callable[[int, int], Bounds]) -> Trial:
    """Rates drawn from .05 to .95: at a single rate coverage jumps with n, whatever the method."""
    memo: dict[tuple[int, int], Bounds] = {}

    def trial(rng: Rng, n: int) -> tuple[Bounds, float]:
        rate = rng.uniform(0.05, 0.95)
        k = int(rng.binomial(n, rate))
        if (k, n) not in memo:
            memo[k, n] = interval(k, n)
        return memo[k, n], rate

    return trial


def tango(rng: Rng, n: int) -> tuple[Bounds, float]:
    worse, better = rng.uniform(0.03, 0.25, size=2)
    w, b, _ = rng.multinomial(n, [worse, better, 1 - worse - better])
    return intervals.tango(int(w), int(b), n), better - worse


def mean_of(draw: Callable[[Rng, int], np.ndarray], truth: float, interval: Callable) -> Trial:
    return lambda rng, n: (interval(draw(rng, n)), truth)


def clustered_mean(rng: Rng, n: int) -> tuple[Bounds, float]:
    keys = keys_of(n, 5)
    shared = rng.normal(size=n)[keys]
    values = np.sqrt(0.3) * shared + np.sqrt(0.7) * rng.normal(size=n)
    return intervals.mean_interval(values, keys), 0.0


def ignored_clusters(rng: Rng, n: int) -> tuple[Bounds, float]:
    keys = keys_of(n, 5)
    values = np.sqrt(0.3) * rng.normal(size=n)[keys] + np.sqrt(0.7) * rng.normal(size=n)
    return intervals.mean_interval(values), 0.0


def clustered_rate(rng: Rng, n: int) -> tuple[Bounds, float]:
    outcomes = correlated(rng, np.full(n // 5, 5), 0.8, 0.3)
    return intervals.clustered_rate(outcomes, keys_of(n, 5)), 0.8


def clustered_bootstrap(rng: Rng, n: int) -> tuple[Bounds, float]:
    keys = keys_of(n, 5)
    values = np.sqrt(0.3) * rng.normal(size=n)[keys] + np.sqrt(0.7) * rng.normal(size=n)
    return resampling.bootstrap_bca(values, keys, seed=0, resamples=1_000), 0.0


def two_rates(rng: Rng, n: int) -> tuple[Bounds, float]:
    p, q = rng.uniform(0.5, 0.95, size=2)
    first, second = rng.random(n) < p, rng.random(n) < q
    return unpaired.rate_difference(first, second), q - p


def two_clustered_rates(rng: Rng, n: int) -> tuple[Bounds, float]:
    keys = keys_of(n, 5)
    first, second = (correlated(rng, np.full(n // 5, 5), p, 0.3) for p in (0.8, 0.75))
    found = unpaired.rate_difference(first, second, first_clusters=keys, second_clusters=keys)
    return found, -0.05


def two_means(rng: Rng, n: int) -> tuple[Bounds, float]:
    return unpaired.mean_difference(rng.normal(0, 1, n), rng.normal(1, 3, n)), 1.0


def judged(rng: Rng, truth: np.ndarray, tpr: float = 0.9, tnr: float = 0.8) -> np.ndarray:
    return np.where(truth, rng.random(len(truth)) < tpr, rng.random(len(truth)) < 1 - tnr)


def debiased_rate(rate: float) -> Trial:
    def trial(rng: Rng, n: int) -> tuple[Bounds, float]:
        truth = rng.random(n + 1_000) < rate
        labels = [*truth[:n].astype(float).tolist(), *[None] * 1_000]
        found = prediction_powered.debiased_mean(judged(rng, truth), labels)
        return (found.low, found.high), rate

    return trial


def judge_alone(rng: Rng, n: int) -> tuple[Bounds, float]:
    """What is corrected: the judge's own rate, a few points off, with Wilson's interval."""
    verdicts = judged(rng, rng.random(n + 1_000) < 0.8)
    return intervals.wilson(int(verdicts.sum()), n + 1_000), 0.8


def debiased_mean(rng: Rng, n: int) -> tuple[Bounds, float]:
    truth = rng.beta(8, 2, n + 1_000)
    scores = np.clip(truth + rng.normal(0.04, 0.1, n + 1_000), 0, 1)
    labels = [*truth[:n].tolist(), *[None] * 1_000]
    found = prediction_powered.debiased_mean(scores, labels)
    return (found.low, found.high), 0.8


def debiased_clusters(rng: Rng, n: int) -> tuple[Bounds, float]:
    """Labels scattered over clusters of ten cases, three times as many cases as labels."""
    cases = 30 * round(n / 10)
    truth = correlated(rng, np.full(cases // 10, 10), 0.8, 0.3)
    chosen = set(rng.permutation(cases)[:n].tolist())
    labels = [float(t) if i in chosen else None for i, t in enumerate(truth)]
    scores = judged(rng, truth == 1)
    found = prediction_powered.debiased_mean(scores, labels, clusters=keys_of(cases, 10))
    return (found.low, found.high), 0.8


def rogan_gladen(rng: Rng, n: int) -> tuple[Bounds, float]:
    labelled = rng.random(n) < 0.6
    verdicts, live = judged(rng, labelled), judged(rng, rng.random(1_000) < 0.8)
    found = prediction_powered.rogan_gladen(
        int(live.sum()),
        1_000,
        true_positives=int((verdicts & labelled).sum()),
        labelled_positives=int(labelled.sum()),
        true_negatives=int((~verdicts & ~labelled).sum()),
        labelled_negatives=int((~labelled).sum()),
    )
    return found, 0.8


def two_raters(cells: Sequence[float], measure: Callable[..., Bounds]) -> Trial:
    """Labels of two raters drawn from a table of probabilities, flat; the truth is what the measure
    says of a hundred thousand cases with just these shares."""
    k = math.isqrt(len(cells))
    whole = np.repeat(np.arange(k * k), np.round(np.array(cells) * 20_000).astype(int))
    truth = measure((whole // k).tolist(), (whole % k).tolist(), labels=range(k))[0]

    def trial(rng: Rng, n: int) -> tuple[Bounds, float]:
        drawn = rng.choice(k * k, size=n, p=cells)
        first, second = (drawn // k).tolist(), (drawn % k).tolist()
        return measure(first, second, labels=range(k)), truth

    return trial


def alpha(level: str) -> Trial:
    """Three raters of a five-point scale who see a hidden value with noise; a tenth is missing."""

    def ratings(rng: Rng, n: int) -> list[list[int | None]]:
        hidden = rng.normal(size=n)
        table = np.clip(np.rint(2 + hidden + 0.7 * rng.normal(size=(3, n))), 0, 4).astype(int)
        kept = rng.random((3, n)) > 0.1
        rows = zip(table.tolist(), kept.tolist(), strict=True)
        return [
            [value if keep else None for value, keep in zip(values, keeps, strict=True)]
            for values, keeps in rows
        ]

    truth = krippendorff.krippendorff_alpha(ratings(np.random.default_rng(99), 60_000), level)[0]
    return lambda rng, n: (krippendorff.krippendorff_alpha(ratings(rng, n), level), truth)


def clustered_kappa(rng: Rng, n: int) -> tuple[Bounds, float]:
    """Errors of the judge go together within clusters of five."""
    gold = rng.random(n) < 0.5
    wrong = correlated(rng, np.full(n // 5, 5), 0.15, 0.3) == 1
    found = agreement.cohen_kappa(
        gold.tolist(), (gold ^ wrong).tolist(), clusters=keys_of(n, 5), labels=[False, True]
    )
    return found, 0.7


def strength(rng: Rng, n: int) -> tuple[Bounds, float]:
    """The strength of the best of three against the worst, from n pairs with ties."""
    truth = np.array([1.0, 0.4, 0.0])
    a = rng.integers(0, 3, n)
    b = (a + rng.integers(1, 3, n)) % 3
    won = (rng.random(n) < 1 / (1 + np.exp(truth[b] - truth[a]))).astype(float)
    ladder = preference.bradley_terry(
        a.tolist(), b.tolist(), won, anchor=2, resamples=400, ridge=0.01
    )
    place = ladder.competitors.index(0)
    return ladder.strengths[place], 1.0


def wins_with_ties(rng: Rng, n: int) -> tuple[Bounds, float]:
    return preference.win_rate(rng.choice([0.0, 0.5, 1.0], size=n, p=[0.25, 0.2, 0.55])), 0.65


def wins_by_length(rng: Rng, n: int) -> tuple[Bounds, float]:
    apart = rng.normal(100, 150, n)
    odds = 0.4 + 1.2 * np.tanh(apart / 150)
    won = rng.random(n) < 1 / (1 + np.exp(-odds))
    found = preference.length_controlled_win_rate(won.astype(float), apart)
    return found, 1 / (1 + math.exp(-0.4))


def intraclass(rng: Rng, n: int) -> tuple[Bounds, float]:
    scores = np.sqrt(0.6) * rng.normal(size=(n, 1)) + np.sqrt(0.4) * rng.normal(size=(n, 3))
    return repeats.variation(scores.ravel(), keys_of(3 * n, 3)).intraclass, 0.6


def effective_votes(rng: Rng, n: int) -> tuple[Bounds, float]:
    errors = np.sqrt(0.4) * rng.normal(size=n) + np.sqrt(0.6) * rng.normal(size=(5, n))
    found = panels.effective_votes(errors, resamples=400)
    return found, 5 / (1 + 4 * 0.4)


def panel(rng: Rng, n: int) -> tuple[Bounds, float]:
    case = rng.normal(size=n)
    votes = (0.7 * case + 0.7 * rng.normal(size=(5, n)) < 0.8416 * math.sqrt(0.98)).astype(float)
    return panels.panel_mean(votes, scale=(0.0, 1.0)), 0.8


def token_f1(rng: Rng, n: int) -> np.ndarray:
    return np.where(rng.random(n) < 0.6, 1.0, 0.8 * rng.random(n))


def bca(values: np.ndarray) -> Bounds:
    return resampling.bootstrap_bca(values, seed=0, resamples=1_000)


EVEN = [0.4, 0.1, 0.1, 0.4]
RARE = [0.1, 0.05, 0.05, 0.8]
CLOSE = [0.45, 0.05, 0.05, 0.45]
THREE = [0.25, 0.04, 0.01, 0.05, 0.25, 0.05, 0.02, 0.08, 0.25]


def weighted_kappa(first: Sequence, second: Sequence, labels: Sequence) -> Bounds:
    return agreement.cohen_kappa(first, second, weights="quadratic", labels=labels)


TRIALS: dict[str, Trial] = {
    "rate: Wilson": rate_over_rates(intervals.wilson),
    "rate: Jeffreys": rate_over_rates(intervals.jeffreys),
    "rate: Clopper-Pearson": rate_over_rates(intervals.clopper_pearson),
    "rate over clusters, ICC .3": clustered_rate,
    "paired rates: Tango": tango,
    "unpaired rates: Newcombe": two_rates,
    "unpaired rates over clusters, ICC .3": two_clustered_rates,
    "mean, normal: Student": mean_of(lambda g, n: g.normal(size=n), 0.0, intervals.mean_interval),
    "mean, beta(8, 2): skew": mean_of(
        lambda g, n: g.beta(8, 2, size=n), 0.8, intervals.skew_interval
    ),
    "mean, token F1: skew": mean_of(token_f1, 0.76, intervals.skew_interval),
    "mean, exponential: skew": mean_of(
        lambda g, n: g.exponential(size=n), 1.0, intervals.skew_interval
    ),
    "mean, beta(8, 2): BCa": mean_of(lambda g, n: g.beta(8, 2, size=n), 0.8, bca),
    "mean, exponential: BCa": mean_of(lambda g, n: g.exponential(size=n), 1.0, bca),
    "mean over clusters of 5, ICC .3: Student": clustered_mean,
    "mean over clusters of 5, ICC .3: BCa": clustered_bootstrap,
    "mean over clusters of 5, clusters ignored": ignored_clusters,
    "unpaired means: Welch": two_means,
    "PPI++, rate .8": debiased_rate(0.8),
    "PPI++, rate .5": debiased_rate(0.5),
    "PPI++, rate .9": debiased_rate(0.9),
    "PPI++, mean, beta(8, 2)": debiased_mean,
    "PPI++ over clusters of 10, ICC .3": debiased_clusters,
    "judge alone, uncorrected": judge_alone,
    "Rogan-Gladen": rogan_gladen,
    "kappa, .6": two_raters(EVEN, agreement.cohen_kappa),
    "kappa, .6, one label rare": two_raters(RARE, agreement.cohen_kappa),
    "kappa, .8": two_raters(CLOSE, agreement.cohen_kappa),
    "quadratic kappa, three labels": two_raters(THREE, weighted_kappa),
    "kappa over clusters of 5, ICC .3": clustered_kappa,
    "AC1, one label rare": two_raters(RARE, agreement.gwet_ac1),
    "alpha, nominal": alpha("nominal"),
    "alpha, ordinal": alpha("ordinal"),
    "alpha, interval": alpha("interval"),
    "Bradley-Terry strength: BCa": strength,
    "win rate with ties": wins_with_ties,
    "length-controlled win rate": wins_by_length,
    "intraclass correlation, 3 samples": intraclass,
    "effective votes of five: BCa": effective_votes,
    "panel mean of five": panel,
}

SIZES = (20, 50, 100, 300)
# settings whose n counts labels, of which 30 are needed
LABELLED = {name for name in TRIALS if name.startswith(("PPI++", "judge alone", "Rogan"))}
