"""Means from judge and labels: against the paper's formula, at its limits, and by its gain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures.intervals import skew_interval, wilson
from trimtab.measures.prediction_powered import debiased_mean, rogan_gladen


def scored(seed: int, n: int = 60, more: int = 400) -> tuple[np.ndarray, np.ndarray, list]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(1.0, 1.0, n + more)
    judged = 0.8 * truth + rng.normal(0.3, 0.5, n + more)
    return truth, judged, [*truth[:n].tolist(), *[None] * more]


@pytest.mark.parametrize("seed", range(5))
def test_value_and_reliance_are_the_papers(seed: int) -> None:
    """Angelopoulos et al. 2023, examples 3.1 and 6.1, written out, with the judge's variance taken
    from the labelled and from the unlabelled cases, each where it counts."""
    truth, judged, labels = scored(seed)
    n, more = 60, 400
    found = debiased_mean(judged, labels)
    y, f, rest = truth[:n], judged[:n], judged[n:]
    covariance = np.mean((y - y.mean()) * (f - f.mean()))
    reliance = covariance / (np.var(f) + n / more * np.var(rest))
    assert found.reliance == pytest.approx(reliance)
    weight = found.reliance
    assert found.value == pytest.approx(weight * rest.mean() + (y - weight * f).mean())
    variance = weight**2 * np.var(rest) / more + np.var(y - weight * f) / n
    half = (found.high - found.low) / 2
    assert half == pytest.approx(1.96 * np.sqrt(variance), rel=0.12)
    assert found.raw == pytest.approx(judged.mean())


def test_no_other_reliance_gives_a_smaller_variance() -> None:
    truth, judged, labels = scored(0)
    best = debiased_mean(judged, labels).reliance

    def variance(weight: float) -> float:
        rest, y, f = judged[60:], truth[:60], judged[:60]
        return weight**2 * np.var(rest) / 400 + np.var(y - weight * f) / 60

    assert variance(best) < min(variance(best - 0.05), variance(best + 0.05))


def test_a_good_judge_is_worth_many_labels_and_a_useless_one_none() -> None:
    rng = np.random.default_rng(1)
    truth = (rng.random(1_100) < 0.7).astype(float)
    labels = [*truth[:100].tolist(), *[None] * 1_000]
    good = debiased_mean(np.abs(truth - (rng.random(1_100) < 0.05)), labels)
    noise = debiased_mean(rng.random(1_100), labels)
    assert good.effective_labels > 250
    assert noise.effective_labels == pytest.approx(100, rel=0.1)
    assert abs(noise.reliance) < 0.4
    assert good.high - good.low < 0.7 * (noise.high - noise.low)


def test_a_contrary_judge_is_as_good_as_an_agreeing_one() -> None:
    _, judged, labels = scored(2)
    straight, contrary = debiased_mean(judged, labels), debiased_mean(-judged, labels)
    assert contrary.reliance == pytest.approx(-straight.reliance)
    assert contrary[:3] == pytest.approx(straight[:3])


@given(st.floats(-5, 5), st.floats(0.1, 10))
def test_the_scale_of_the_judge_does_not_matter(shift: float, factor: float) -> None:
    _, judged, labels = scored(3)
    found = debiased_mean(shift + factor * judged, labels)
    assert found[:3] == pytest.approx(debiased_mean(judged, labels)[:3], rel=1e-6)


def test_a_judge_that_never_varies_leaves_the_labels_alone() -> None:
    truth, _, labels = scored(4)
    found = debiased_mean(np.ones(460), labels)
    assert found.reliance == 0
    assert found.value == pytest.approx(truth[:60].mean())
    assert found[1:3] == pytest.approx(skew_interval(truth[:60]), rel=0.02)
    assert found.effective_labels == pytest.approx(60, rel=0.02)


def test_with_every_case_labelled_the_judge_has_nothing_to_add() -> None:
    outcomes = [1.0] * 80 + [0.0] * 20
    found = debiased_mean([0.5, 0.9] * 50, outcomes)
    assert (found.value, found.reliance) == (0.8, 0.0)
    assert found[1:3] == pytest.approx(wilson(80, 100), abs=0.01)


def test_labels_that_are_all_alike_still_leave_doubt() -> None:
    judged = [1.0, 0.9] * 20 + [1.0, 0.8] * 100
    found = debiased_mean(judged, [1.0] * 40 + [None] * 200)
    assert found.value == 1.0
    assert 0.85 < found.low < 0.95
    assert found.high == 1.0


def test_a_rate_stays_within_its_range_and_uneven_clusters_leave_an_interval() -> None:
    rng = np.random.default_rng(6)
    judged = np.concatenate([np.ones(10), np.zeros(30), np.ones(200)])
    labels = [*[1.0] * 38, 0.0, 0.0, *[None] * 200]
    found = debiased_mean(judged, labels)
    assert 0.8 < found.low < found.value <= found.high <= 1
    keys = [*["large"] * 37, "a", "b", "c", *rng.integers(0, 50, 200).tolist()]
    uneven = debiased_mean(judged, labels, clusters=keys)
    assert uneven.high - uneven.low > found.high - found.low


def test_clusters_of_copies_count_once() -> None:
    _, judged, labels = scored(5)
    once = debiased_mean(judged, labels)
    keys = list(range(len(labels))) * 3
    thrice = debiased_mean(np.tile(judged, 3), labels * 3, clusters=keys)
    assert thrice.value == pytest.approx(once.value)
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low, rel=0.02)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: debiased_mean([0.5] * 100, [1.0] * 29 + [None] * 71), "29 labels are too few"),
        (lambda: debiased_mean([0.5] * 10, [1.0] * 9), "a label or None"),
        (lambda: debiased_mean([float("nan")] * 40, [1.0] * 40), "NaN"),
        (
            lambda: debiased_mean([0.5] * 40, [1.0, 0.0] * 20, clusters=["a", "b"] * 20),
            "too few clusters",
        ),
    ],
)
def test_too_little_to_correct_with_is_an_error(call: object, said: str) -> None:
    with pytest.raises(MeasureError, match=said):
        call()


def test_rogan_gladen_undoes_known_error_rates() -> None:
    """A judge with rates of .9 and .8 says yes to .9 * .7 + .2 * .3 = .69 where .7 is true."""
    found = rogan_gladen(
        69_000, 100_000, true_positives=45_000, labelled_positives=50_000,
        true_negatives=40_000, labelled_negatives=50_000,
    )  # fmt: skip
    assert found.value == pytest.approx(0.7)
    assert found.low == pytest.approx(0.7, abs=0.01)
    few = rogan_gladen(
        690, 1_000, true_positives=27, labelled_positives=30,
        true_negatives=16, labelled_negatives=20,
    )  # fmt: skip
    assert few.value == pytest.approx(0.7)
    assert few.high - few.low > 5 * (found.high - found.low)


@pytest.mark.parametrize(
    "counts",
    [
        {"true_positives": 10, "labelled_positives": 20, "true_negatives": 10},
        {"true_positives": 5, "labelled_positives": 5, "true_negatives": 20},
        {"true_positives": 30, "labelled_positives": 20, "true_negatives": 20},
    ],
)
def test_rogan_gladen_refuses_judges_no_better_than_chance_and_few_labels(
    counts: dict[str, int],
) -> None:
    with pytest.raises(MeasureError):
        rogan_gladen(50, 100, labelled_negatives=20, **counts)
