"""Panels: what more judges may and may not do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures.intervals import mean_interval, wilson
from trimtab.measures.panels import decision, effective_votes, panel_mean

VOTES = st.integers(3, 20).flatmap(
    lambda n: st.lists(
        st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n), min_size=1, max_size=4
    )
)


def errors(seed: int, shared: float, judges: int = 5, n: int = 4_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(judges, n))
    return np.sqrt(shared) * rng.normal(size=n) + np.sqrt(1 - shared) * own


@pytest.mark.parametrize("shared", [0.0, 0.3, 0.7, 1.0])
def test_effective_votes_follow_the_correlation_of_errors(shared: float) -> None:
    table = errors(0, shared)
    found = effective_votes(table, resamples=200)
    pairs = np.cov(table, bias=True)
    rho = (pairs.sum() - np.trace(pairs)) / (4 * np.trace(pairs))
    assert found.value == pytest.approx(min(5, 5 / (1 + 4 * rho)))
    assert found.value == pytest.approx(5 / (1 + 4 * shared), rel=0.08)


@given(VOTES)
def test_effective_votes_lie_between_one_and_all(votes: list[list[float]]) -> None:
    found = effective_votes(votes, resamples=50)
    assert 1 <= found.low <= found.high <= len(votes)
    assert 1 <= found.value <= len(votes)


def test_copies_of_a_judge_are_one_vote() -> None:
    row = errors(1, 0.0, judges=1, n=50)
    assert effective_votes(np.tile(row, (7, 1)), resamples=50).value == pytest.approx(1)


def test_judges_that_never_erred_are_not_known_to_err_apart() -> None:
    assert effective_votes([[0.0] * 20] * 3, resamples=50) == (1, 1, 1)


@given(VOTES)
def test_an_always_yes_judge_never_narrows_the_panel(votes: list[list[float]]) -> None:
    without = panel_mean(votes, scale=(0.0, 1.0))
    for said in (1.0, 0.0):
        joined = panel_mean([*votes, [said] * len(votes[0])], scale=(0.0, 1.0))
        assert joined.high - joined.low >= without.high - without.low - 1e-12
        assert 0 <= joined.low <= joined.value <= joined.high <= 1


@given(VOTES, st.randoms(use_true_random=False))
def test_neither_judges_nor_cases_have_an_order(votes: list[list[float]], random: object) -> None:
    table = np.array(votes)
    cases = list(range(table.shape[1]))
    random.shuffle(cases)
    before = panel_mean(table)
    assert panel_mean(table[::-1][:, cases]) == pytest.approx(before)


def test_twenty_five_copies_are_as_sure_as_one_judge() -> None:
    row = np.random.default_rng(2).random(40)
    one, many = panel_mean([row]), panel_mean([row] * 25)
    assert many == pytest.approx(one)
    assert one[1:] == pytest.approx(mean_interval(row))


def test_a_panel_of_one_has_its_judges_interval() -> None:
    assert panel_mean([[1.0] * 8 + [0.0] * 2])[1:] == pytest.approx(wilson(8, 10))


@pytest.mark.parametrize(
    ("votes", "decided"),
    [
        (["a", "b", "a"], "a"),
        (["a", "b"], None),
        (["a", "b", "c", "a"], None),
        (["a", None, None], "a"),
        ([None, None], None),
        ([], None),
    ],
)
def test_a_majority_is_more_than_half_of_the_votes_cast(
    votes: list[str | None], decided: str | None
) -> None:
    assert decision(votes) == decided


@pytest.mark.parametrize(
    "call",
    [
        lambda: panel_mean([]),
        lambda: panel_mean([1.0, 0.0]),
        lambda: panel_mean([[1.0, float("nan")]]),
        lambda: panel_mean([[2.0, 1.0]], scale=(0.0, 1.0)),
        lambda: effective_votes([[1.0]]),
    ],
)
def test_what_is_no_table_of_scores_is_an_error(call: object) -> None:
    with pytest.raises(MeasureError):
        call()
