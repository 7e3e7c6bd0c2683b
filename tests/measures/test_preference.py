"""Win rates and ladders: against the likelihood maximised by other means, and by their symmetry."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from trimtab.errors import MeasureError
from trimtab.measures.intervals import wilson
from trimtab.measures.preference import (
    bradley_terry,
    elo,
    length_controlled_win_rate,
    win_rate,
)


def tournament(seed: int, n: int = 300) -> tuple[list[str], list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = {"a": 1.2, "b": 0.5, "c": 0.0, "d": -0.7}
    names = np.array(list(truth))
    first = rng.choice(names, n)
    second = np.array([rng.choice([x for x in names if x != one]) for one in first])
    gap = np.array([truth[x] - truth[y] for x, y in zip(first, second, strict=True)])
    won = (rng.random(n) < 1 / (1 + np.exp(-gap))).astype(float)
    won[rng.random(n) < 0.1] = 0.5
    return first.tolist(), second.tolist(), won


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_strengths_maximise_the_likelihood(ridge: float) -> None:
    first, second, won = tournament(0)
    names = sorted(set(first))
    a, b = (np.array([names.index(x) for x in side]) for side in (first, second))

    def loss(s: np.ndarray) -> float:
        gap = s[a] - s[b]
        return float((np.logaddexp(0, gap) - won * gap).sum() + ridge / 2 * (s**2).sum())

    best = optimize.minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    best -= best.mean()
    ladder = bradley_terry(first, second, won, ridge=ridge, resamples=50)
    found = dict(zip(ladder.competitors, ladder.strengths, strict=True))
    assert [found[name].value for name in names] == pytest.approx(best.tolist(), abs=1e-5)
    assert list(ladder.competitors) == ["a", "b", "c", "d"]


def test_two_competitors_have_the_log_odds_of_their_win_rate() -> None:
    ladder = bradley_terry("a" * 40, "b" * 40, [1.0] * 30 + [0.0] * 10, anchor="b", ridge=0.0)
    assert ladder.strengths[0].value == pytest.approx(math.log(3))
    assert ladder.strengths[0].low < math.log(3) < ladder.strengths[0].high
    assert ladder.strengths[1] == (0, 0, 0)


def test_a_tie_is_half_a_win_for_each() -> None:
    ties = bradley_terry("abab", "baba", [0.5] * 4, ridge=0.0)
    halves = bradley_terry("abab", "baba", [1.0, 1.0, 0.0, 0.0], ridge=0.0)
    assert [s.value for s in ties.strengths] == pytest.approx([s.value for s in halves.strengths])


def test_it_does_not_matter_who_is_named_first_nor_in_which_order() -> None:
    first, second, won = tournament(1)
    before = bradley_terry(first, second, won, resamples=20)
    after = bradley_terry(second[::-1], first[::-1], 1 - won[::-1], resamples=20)
    assert after.competitors == before.competitors
    found, expected = ([s.value for s in ladder.strengths] for ladder in (after, before))
    assert found == pytest.approx(expected, abs=1e-8)


def test_clusters_of_copies_count_once() -> None:
    first, second, won = tournament(2, 100)
    once = bradley_terry(first, second, won, anchor="d", ridge=0.0, seed=3, resamples=2_000)
    keys = list(range(100)) * 4
    four = bradley_terry(
        first * 4, second * 4, np.tile(won, 4), anchor="d", clusters=keys, ridge=0.0, seed=3,
        resamples=2_000,
    )  # fmt: skip
    for one, other in zip(once.strengths, four.strengths, strict=True):
        assert other.value == pytest.approx(one.value, abs=1e-6)
        assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.15)


def test_without_ridge_a_competitor_that_never_lost_has_no_strength() -> None:
    with pytest.raises(MeasureError, match="must have lost"):
        bradley_terry("aab", "bcc", [1, 1, 0.5], ridge=0.0)
    ladder = bradley_terry("aab", "bcc", [1, 1, 0.5])
    assert math.isfinite(ladder.strengths[0].value)


def test_elo_keeps_the_odds() -> None:
    assert elo(0.0) == 1000
    assert elo(math.log(10)) - elo(0.0) == pytest.approx(400)


def test_a_win_rate_without_ties_has_wilsons_interval() -> None:
    assert win_rate([1.0] * 30 + [0.0] * 10) == pytest.approx((0.75, *wilson(30, 40)))


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=60))
def test_win_rates_of_the_two_sides_add_to_one(verdicts: list[float]) -> None:
    ours, theirs = win_rate(verdicts), win_rate([1 - v for v in verdicts])
    assert ours.value + theirs.value == pytest.approx(1)
    assert ours.low == pytest.approx(1 - theirs.high, abs=1e-9)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


def by_length(seed: int, quality: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    apart = rng.normal(200, 150, 4_000)
    odds = quality + 1.5 * np.tanh(apart / apart.std())
    return (rng.random(4_000) < 1 / (1 + np.exp(-odds))).astype(float), apart


@pytest.mark.parametrize("quality", [-0.5, 0.0, 0.7])
def test_what_length_won_is_taken_away(quality: float) -> None:
    verdicts, apart = by_length(0, quality)
    expected = 1 / (1 + math.exp(-quality))
    found = length_controlled_win_rate(verdicts, apart)
    assert found.low < expected < found.high
    assert win_rate(verdicts).low > found.high


def test_where_lengths_are_equal_nothing_is_controlled() -> None:
    verdicts = [1.0] * 60 + [0.0] * 40
    found = length_controlled_win_rate(verdicts, [0.0] * 100, ridge=1e-6)
    assert found.value == pytest.approx(0.6, abs=1e-4)
    assert found[1:] == pytest.approx(wilson(60, 100), abs=0.015)


def test_copies_in_clusters_do_not_narrow_the_controlled_rate() -> None:
    verdicts, apart = by_length(1, 0.3)
    once = length_controlled_win_rate(verdicts[:200], apart[:200])
    keys = list(range(200)) * 5
    five = length_controlled_win_rate(np.tile(verdicts[:200], 5), np.tile(apart[:200], 5),
                                      clusters=keys)  # fmt: skip
    assert five == pytest.approx(once, abs=0.003)


@pytest.mark.parametrize(
    "call",
    [
        lambda: win_rate([]),
        lambda: win_rate([2.0]),
        lambda: bradley_terry("a", "a", [1.0]),
        lambda: bradley_terry("ab", "b", [1.0]),
        lambda: bradley_terry("ab", "ba", [1.0, 0.0], anchor="z"),
        lambda: bradley_terry("a", "b", [1.0]),
        lambda: length_controlled_win_rate([1.0, 0.0], [1.0]),
    ],
)
def test_what_is_no_set_of_verdicts_is_an_error(call: object) -> None:
    with pytest.raises(MeasureError):
        call()
