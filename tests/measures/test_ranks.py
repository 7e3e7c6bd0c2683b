"""Ranking measures against trec_eval's own expected outputs, and by hand."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures import ranks

FIXTURES = Path(__file__).parents[2].parent / "shared" / "data" / "evals" / "trec_eval"
CUTOFFS = (5, 10, 15, 20, 30, 100, 200, 500, 1000)
GAINS = st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=30)

Judged = dict[str, dict[str, float]]


@cache
def table(name: str) -> list[list[str]]:
    if not FIXTURES.exists():
        pytest.skip("shared data is absent")
    return [line.split() for line in (FIXTURES / name).read_text().splitlines() if line.strip()]


def judgements(name: str) -> Judged:
    found: Judged = defaultdict(dict)
    for query, _, document, gain in table(name):
        found[query][document] = float(gain)
    return found


def rankings() -> dict[str, list[str]]:
    scores: Judged = defaultdict(dict)
    for query, _, document, _, score, _ in table("results.test"):
        scores[query][document] = float(np.float32(score))  # trec_eval reads single precision
    return {query: ranks.ranked(found) for query, found in scores.items()}


def measured(order: list[str], judged: dict[str, float], level: float) -> dict[str, float]:
    """All measures of one query; gains below `level` are not relevant, but count for nDCG."""
    gains = np.array([max(0.0, judged.get(document, 0.0)) for document in order])
    relevance = np.where(gains >= level, gains, 0.0)
    relevant = sum(gain >= level for gain in judged.values())
    other = sum(0 <= gain < level for gain in judged.values())
    known = [judged.get(document, -1.0) >= 0 for document in order]
    found = {
        "map": ranks.average_precision(relevance, relevant=relevant),
        "Rprec": ranks.r_precision(relevance, relevant=relevant),
        "recip_rank": ranks.reciprocal_rank(relevance),
        "bpref": ranks.bpref(relevance, known, relevant=relevant, other=other),
        "ndcg": ranks.ndcg(gains, ideal=[max(0.0, g) for g in judged.values()]),
    }
    for k in CUTOFFS:
        found[f"P_{k}"] = ranks.precision(relevance, k=k)
        found[f"recall_{k}"] = ranks.recall(relevance, relevant=relevant, k=k)
        found[f"map_cut_{k}"] = ranks.average_precision(relevance[:k], relevant=relevant)
        found[f"ndcg_cut_{k}"] = ranks.ndcg(
            gains, k=k, ideal=[max(0.0, g) for g in judged.values()]
        )
    for k in (1, 5, 10):
        found[f"success_{k}"] = ranks.hit(relevance, k=k)
    return found


@pytest.mark.parametrize(
    ("expected", "qrels", "level"),
    [
        ("out.test", "qrels.test", 1),
        ("out.test.a", "qrels.test", 1),
        ("out.test.aq", "qrels.test", 1),
        ("out.test.aql", "qrels.rel_level", 2),
    ],
)
def test_every_measure_is_trec_evals_to_four_decimals(
    expected: str, qrels: str, level: float
) -> None:
    judged, orders = judgements(qrels), rankings()
    queries = sorted(judged.keys() & orders.keys())
    by_query = {query: measured(orders[query], judged[query], level) for query in queries}
    names = next(iter(by_query.values())).keys()
    by_query["all"] = {
        name: float(np.mean([by_query[query][name] for query in queries])) for name in names
    }
    compared = 0
    for name, query, value in table(expected):
        if query in by_query and name in names:
            assert by_query[query][name] == pytest.approx(float(value), abs=5.1e-5), (name, query)
            compared += 1
    assert compared >= 13


def test_ties_are_broken_by_the_later_id() -> None:
    assert ranks.ranked({"d1": 0.5, "d3": 0.5, "d2": 0.7}) == ["d2", "d3", "d1"]


@given(GAINS, st.integers(1, 40))
def test_measures_stay_within_the_unit_interval(gains: list[float], k: int) -> None:
    relevant = sum(gain > 0 for gain in gains) + 2
    for value in (
        ranks.precision(gains, k=k),
        ranks.recall(gains, relevant=relevant, k=k),
        ranks.average_precision(gains, relevant=relevant),
        ranks.r_precision(gains, relevant=relevant),
        ranks.reciprocal_rank(gains),
        ranks.ndcg(gains, k=k),
        ranks.ndcg(gains, ideal=[*gains, 3.0, 3.0]),
    ):
        assert 0 <= value <= 1 + 1e-12


@given(GAINS)
def test_the_best_order_is_perfect_and_no_order_beats_it(gains: list[float]) -> None:
    best = sorted(gains, reverse=True)
    relevant = sum(gain > 0 for gain in gains)
    assert ranks.ndcg(best) == pytest.approx(1.0 if relevant else 0.0)
    assert ranks.average_precision(best, relevant=relevant) == (1.0 if relevant else 0.0)
    assert ranks.average_precision(gains, relevant=relevant) <= 1.0


def test_ndcg_by_the_formula() -> None:
    dcg = 3 / np.log2(2) + 2 / np.log2(3) + 0 + 1 / np.log2(5)
    ideal = 3 / np.log2(2) + 2 / np.log2(3) + 1 / np.log2(4)
    assert ranks.ndcg([3, 2, 0, 1]) == pytest.approx(dcg / ideal)
    assert ranks.ndcg([3, 2, 0, 1], k=1, ideal=[5, 3]) == pytest.approx(3 / 5)


def test_nothing_relevant_and_nothing_retrieved_are_zero() -> None:
    assert ranks.ndcg([0.0, 0.0]) == 0.0
    assert ranks.ndcg([]) == 0.0
    assert ranks.average_precision([], relevant=3) == 0.0
    assert ranks.recall([0.0], relevant=0) == 0.0
    assert ranks.reciprocal_rank([]) == 0.0
    assert ranks.r_precision([], relevant=0) == 0.0
    assert ranks.bpref([], [], relevant=0, other=0) == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: ranks.ndcg([-1.0]),
        lambda: ranks.ndcg([float("nan")]),
        lambda: ranks.precision([1.0], k=0),
        lambda: ranks.recall([1.0, 1.0], relevant=1),
        lambda: ranks.bpref([1.0], [True, True], relevant=1, other=0),
    ],
)
def test_impossible_rankings_are_refused(call: object) -> None:
    with pytest.raises(MeasureError):
        call()
