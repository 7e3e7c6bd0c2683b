"""Agreement coefficients against published examples, formulas written another way, and edges."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures.agreement import (
    cohen_kappa,
    detection,
    gwet_ac1,
    percent_agreement,
)
from trimtab.measures.intervals import clustered_rate, wilson
from trimtab.measures.krippendorff import krippendorff_alpha

N = None
# The 4 x 12 example of Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability".
CANONICAL = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]
LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60)


def from_table(table: list[list[int]]) -> tuple[list[int], list[int]]:
    """Two raters whose confusion matrix this is."""
    pairs = [
        (i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)
    ]
    return [i for i, _ in pairs], [j for _, j in pairs]


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849),
                             ("ratio", 0.797)],
)  # fmt: skip
def test_alpha_of_the_published_example(level: str, published: float) -> None:
    found = krippendorff_alpha(CANONICAL, level)
    assert found.value == pytest.approx(published, abs=5e-4)
    assert found.low < found.value < found.high <= 1


def test_kappa_of_cohens_textbook_table() -> None:
    """Fleiss, Levin & Paik 2003, table 18.1: kappa .676, whose large-sample error is .088."""
    first, second = from_table([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    found = cohen_kappa(first, second)
    assert found.value == pytest.approx(0.676, abs=5e-4)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.088, rel=0.06)


def test_ac1_where_kappa_is_paradoxical() -> None:
    """Both say the first label of 118 cases of 125, and never both the second (after Gwet 2008)."""
    first, second = from_table([[118, 5], [2, 0]])
    assert cohen_kappa(first, second).value < 0
    assert gwet_ac1(first, second).value == pytest.approx(0.9408, abs=5e-4)


def brute_kappa(pairs: list[tuple[int, int]], weight: object) -> float:
    """Weighted kappa by counting every pair of one rater's label with every one of the other's."""
    observed = Fraction(sum(weight(a, b) for a, b in pairs), len(pairs))
    chance = Fraction(
        sum(weight(a, b) for (a, _), (_, b) in itertools.product(pairs, pairs)), len(pairs) ** 2
    )
    return float(1 - observed / chance) if chance else 0.0


@given(LABELS)
def test_kappa_is_one_minus_observed_over_chance_disagreement(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    scale = range(4)
    expected = {
        "nominal": brute_kappa(pairs, lambda a, b: int(a != b)),
        "linear": brute_kappa(pairs, lambda a, b: abs(a - b)),
        "quadratic": brute_kappa(pairs, lambda a, b: (a - b) ** 2),
    }
    for weights, value in expected.items():
        found = cohen_kappa(first, second, weights=weights, labels=scale)
        assert found.value == pytest.approx(value, abs=1e-12)
        assert -1 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1


def brute_alpha(rows: list[list[int | None]], distance: object) -> float:
    """Alpha by the definition over all pairs of ratings."""
    units = [[r for r in unit if r is not None] for unit in zip(*rows, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    ratings = [r for unit in units for r in unit]
    n = len(ratings)
    observed = (
        sum(
            sum(distance(a, b, ratings) for a, b in itertools.permutations(unit, 2))
            / (len(unit) - 1)
            for unit in units
        )
        / n
    )
    chance = sum(distance(a, b, ratings) for a, b in itertools.permutations(ratings, 2))
    chance /= n * (n - 1)
    return 1 - observed / chance if chance else 0.0


def ordinal(a: int, b: int, ratings: list[int]) -> float:
    low, high = min(a, b), max(a, b)
    between = sum(low <= r <= high for r in ratings)
    return (between - (ratings.count(low) + ratings.count(high)) / 2) ** 2 if a != b else 0.0


@given(
    st.integers(2, 12).flatmap(
        lambda n: st.lists(
            st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=n, max_size=n),
            min_size=2,
            max_size=4,
        )
    )
)
def test_alpha_is_its_definition_over_all_pairs(rows: list[list[int | None]]) -> None:
    if sum(sum(r is not None for r in unit) > 1 for unit in zip(*rows, strict=True)) < 2:
        with pytest.raises(MeasureError):
            krippendorff_alpha(rows)
        return
    distances = {
        "nominal": lambda a, b, _: float(a != b),
        "ordinal": ordinal,
        "interval": lambda a, b, _: float((a - b) ** 2),
        "ratio": lambda a, b, _: ((a - b) / (a + b)) ** 2 if a + b else 0.0,
    }
    for level, distance in distances.items():
        found = krippendorff_alpha(rows, level)
        assert found.value == pytest.approx(brute_alpha(rows, distance), abs=1e-9), level
        assert found.low <= max(found.value, -1) + 1e-9
        assert found.value <= found.high + 1e-9


@given(LABELS, st.randoms(use_true_random=False))
def test_nothing_depends_on_the_order_of_cases_or_of_raters(
    pairs: list[tuple[int, int]], random: object
) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    for measure in (cohen_kappa, gwet_ac1, percent_agreement):
        before = measure([a for a, _ in pairs], [b for _, b in pairs])
        for rows in (shuffled, [(b, a) for a, b in pairs]):
            after = measure([a for a, _ in rows], [b for _, b in rows])
            assert after == pytest.approx(before, abs=1e-9)


@given(st.lists(st.booleans(), min_size=2, max_size=50), st.booleans())
def test_a_judge_that_always_says_the_same_has_no_kappa(gold: list[bool], said: bool) -> None:
    judged = [said] * len(gold)
    kappa = cohen_kappa(gold, judged)
    assert kappa.value == pytest.approx(0, abs=1e-12)
    alpha = krippendorff_alpha([gold, judged])
    assert alpha.value <= 0
    assert kappa.low <= 0 <= kappa.high


def test_perfect_agreement_is_not_certainty() -> None:
    gold = [True] * 15 + [False] * 15
    for found in (cohen_kappa(gold, gold), gwet_ac1(gold, gold), krippendorff_alpha([gold, gold])):
        assert (found.value, found.high) == (1.0, 1.0)
        assert 0.7 < found.low < 0.95
    clustered = cohen_kappa(gold, gold, clusters=[i // 5 for i in range(30)])
    assert clustered.low < cohen_kappa(gold, gold).low - 0.1


def test_clusters_widen_what_goes_wrong_together() -> None:
    rng = np.random.default_rng(0)
    gold = rng.random(200) < 0.5
    wrong = np.repeat(rng.random(40) < 0.2, 5)
    keys = np.repeat(np.arange(40), 5).tolist()
    alone = cohen_kappa(gold.tolist(), (gold ^ wrong).tolist())
    together = cohen_kappa(gold.tolist(), (gold ^ wrong).tolist(), clusters=keys)
    assert together.value == alone.value
    assert together.high - together.low > 1.7 * (alone.high - alone.low)


def test_detection_is_wilsons_per_kind_of_case() -> None:
    gold, judged = from_table([[40, 10], [3, 47]])
    found = detection([bool(g) for g in gold], [bool(j) for j in judged])
    assert found.true_positive_rate == pytest.approx((0.94, *wilson(47, 50)))
    assert found.true_negative_rate == pytest.approx((0.8, *wilson(40, 50)))
    assert found.confusion.counts.tolist() == [[40, 10], [3, 47]]
    keys = [i // 5 for i in range(100)]
    clustered = detection([bool(g) for g in gold], [bool(j) for j in judged], clusters=keys)
    outcomes = [float(j == 1) for g, j in zip(gold, judged, strict=True) if g == 1]
    expected = clustered_rate(outcomes, [k for k, g in zip(keys, gold, strict=True) if g == 1])
    assert clustered.true_positive_rate[1:] == pytest.approx(expected)


def test_a_kind_of_case_that_never_came_has_no_rate() -> None:
    found = detection([True, True], [True, False])
    assert found.true_negative_rate is None
    assert found.true_positive_rate.value == 0.5


def test_the_scale_may_hold_labels_that_nobody_gave() -> None:
    two, three = (gwet_ac1("aaab", "aabb", labels=scale).value for scale in ("ab", "abc"))
    assert three > two


@pytest.mark.parametrize(
    "call",
    [
        lambda: cohen_kappa([], []),
        lambda: cohen_kappa([1], [1]),
        lambda: cohen_kappa([1, 2], [1]),
        lambda: cohen_kappa([1, 2], [1, 3], labels=[1, 2]),
        lambda: cohen_kappa(["low", "high"], ["low", "high"], weights="linear"),
        lambda: cohen_kappa([1, 2], [1, 2], clusters=["a", "a"]),
        lambda: krippendorff_alpha([[1, 2], [1]]),
        lambda: krippendorff_alpha([[1, None], [1, 2]]),
        lambda: krippendorff_alpha([["a", "b"], ["a", "b"]], "ordinal"),
        lambda: krippendorff_alpha([["a", "b"], ["a", "b"]], "interval"),
        lambda: krippendorff_alpha([[-1, 2], [1, 2]], "ratio"),
        lambda: krippendorff_alpha([[1, 2], [1, 2]], clusters=["a"]),
        lambda: krippendorff_alpha([["a", "b"], ["a", "b"]], "ordinal", labels=["a"]),
    ],
)
def test_what_agreement_is_not_defined_for_is_an_error(call: object) -> None:
    with pytest.raises(MeasureError):
        call()
