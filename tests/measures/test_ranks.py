"""Ranking measures against trec_eval's own expected outputs, and by hand."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures import browsing, pools, ranks

FIXTURES = Path(__file__).parents[2].parent / "shared" / "data" / "evals" / "trec_eval"
CUTOFFS = (5, 10, 15, 20, 30, 100, 200, 500, 1000)
GAINS = st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=30)

OTHER_IN_VERSION_9 = ("iprec_at_recall", "11pt_avg")  # which pytrec_eval contains

Judged = dict[str, dict[str, float]]
Orders = dict[str, list[str]]


@cache
def table(name: str) -> list[list[str]]:
    if not FIXTURES.exists():
        pytest.skip("the test files of trec_eval are not beside this checkout")
    return [line.split() for line in (FIXTURES / name).read_text().splitlines() if line.strip()]


def judgements(name: str) -> Judged:
    found: Judged = defaultdict(dict)
    for query, _, document, gain in table(name):
        found[query][document] = float(gain)
    return found


def rankings(*, truncated: bool = False, depth: int | None = None) -> Orders:
    """trec_eval's run; its `results.trunc` lacks query 302 and all but 84 lines of 303."""
    scores: Judged = defaultdict(dict)
    for query, _, document, _, score, _ in table("results.test"):
        if not truncated or query == "301" or (query == "303" and len(scores[query]) < 84):
            scores[query][document] = float(np.float32(score))  # read in single precision
    return {query: ranks.ranked(found)[:depth] for query, found in scores.items()}


def measured(order: list[str], judged: dict[str, float], level: float) -> dict[str, float]:
    """All measures of one query; gains below `level` are not relevant, but count for nDCG."""
    graded = ranks.gains(order, judged)
    relevance = [gain if gain >= level else 0.0 for gain in graded]
    ideal = ranks.gains(list(judged), judged)
    relevant = sum(gain >= level for gain in judged.values())
    other = sum(0 <= gain < level for gain in judged.values())
    known = [judged.get(document, -1.0) >= 0 for document in order]
    pooled = [document in judged for document in order]
    highest = max(ideal, default=0.0) or 1.0
    found = {
        "map": ranks.average_precision(relevance, relevant=relevant),
        "Rprec": ranks.r_precision(relevance, relevant=relevant),
        "recip_rank": ranks.reciprocal_rank(relevance),
        "bpref": pools.bpref(relevance, known, relevant=relevant, other=other),
        "infAP": pools.inferred_average_precision(
            relevance, known, relevant=relevant, pooled=pooled
        ),
        "ndcg": ranks.ndcg(graded, ideal=ideal),
        "set_F": ranks.f_measure(relevance, relevant=relevant) if order else 0.0,
        "rbp": browsing.rank_biased_precision([gain / highest for gain in graded]),
        "set_P": ranks.precision(relevance, k=len(order)) if order else 0.0,
        "set_recall": ranks.recall(relevance, relevant=relevant),
    }
    if not all(known):  # trec_eval leaves out what missing ranks could add where all were judged
        found["rbp_resid"] = browsing.rank_biased_residual(known)
    for k in CUTOFFS:
        found[f"P_{k}"] = ranks.precision(relevance, k=k)
        found[f"recall_{k}"] = ranks.recall(relevance, relevant=relevant, k=k)
        found[f"map_cut_{k}"] = ranks.average_precision(relevance[:k], relevant=relevant)
        found[f"ndcg_cut_{k}"] = ranks.ndcg(graded, k=k, ideal=ideal)
    for k in (1, 5, 10):
        found[f"success_{k}"] = ranks.hit(relevance, k=k)
    for k in (5, 10, 20):
        found[f"unj_{k}"] = pools.unjudged(known, k=k)
    for tenth in range(11):
        found[f"iprec_at_recall_{tenth / 10:.2f}"] = ranks.interpolated_precision(
            relevance, recall=tenth / 10, relevant=relevant
        )
    for fifth in range(1, 11):
        k = int(fifth / 5 * relevant + 0.9)
        found[f"Rprec_mult_{fifth / 5:.2f}"] = ranks.precision(relevance, k=k)
    found["11pt_avg"] = sum(found[f"iprec_at_recall_{n / 10:.2f}"] for n in range(11)) / 11
    return found


@pytest.mark.parametrize(
    ("expected", "qrels", "level", "truncated", "depth", "values"),
    [
        ("out.test", "qrels.test", 1, False, None, 25),
        ("out.test.a", "qrels.test", 1, False, None, 77),
        ("out.test.aq", "qrels.test", 1, False, None, 302),
        ("out.test.aql", "qrels.rel_level", 2, False, None, 302),
        ("out.test.aqc", "qrels.test", 1, True, None, 301),
        ("out.test.aqcM", "qrels.test", 1, True, 100, 301),
    ],
)
def test_every_measure_is_trec_evals_to_four_decimals(
    expected: str, qrels: str, level: float, truncated: bool, depth: int | None, values: int
) -> None:
    judged, orders = judgements(qrels), rankings(truncated=truncated, depth=depth)
    by_query = {q: measured(orders.get(q, []), judged[q], level) for q in sorted(judged)}
    names = by_query["301"].keys()
    every = {name: [found.get(name, 0.0) for found in by_query.values()] for name in names}
    by_query["all"] = {name: sum(found) / len(found) for name, found in every.items()}
    by_query["all"]["gm_map"] = ranks.geometric_mean(every["map"])
    by_query["all"]["gm_bpref"] = ranks.geometric_mean(every["bpref"])
    compared = 0
    for name, query, value in table(expected):
        if name in by_query.get(query, ()):
            assert by_query[query][name] == pytest.approx(float(value), abs=5.1e-5), (name, query)
            compared += 1
    assert compared == values


def random_run(seed: int) -> tuple[Judged, Judged]:
    """Runs with ties and judgements of some, all or none of what they found."""
    rng = random.Random(seed)
    run: Judged = {}
    judged: Judged = {}
    for query in map(str, range(60)):
        names = rng.sample([f"d{n:03}" for n in range(300)], rng.randrange(1, 120))
        run[query] = {name: rng.randrange(20) / 4 for name in names}
        pool = rng.sample([f"d{n:03}" for n in range(300)], rng.randrange(1, 150))
        judged[query] = {name: rng.choice([0, 0, 0, 1, 2, 3]) for name in pool}
    return run, judged


@pytest.mark.parametrize("seed", [1, 2])
def test_random_runs_score_as_in_trec_evals_own_code(seed: int) -> None:
    run, judged = random_run(seed)
    oracle = pytrec_eval.RelevanceEvaluator(judged, pytrec_eval.supported_measures).evaluate(run)
    compared = 0
    for query, scores in run.items():
        mine = measured(ranks.ranked(scores), judged[query], 1)
        for name, value in oracle[query].items():
            if name in mine and not name.startswith(OTHER_IN_VERSION_9):
                assert mine[name] == pytest.approx(value, abs=1e-9), (name, query)
                compared += 1
    assert compared > 60 * 50


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


def test_exponential_gain_is_linear_gain_of_two_to_the_grade() -> None:
    grades, every = [2, 0, 3, 1], [3, 3, 2, 1, 0]
    found = ranks.ndcg(grades, k=3, ideal=every, gain="exponential")
    assert found == pytest.approx(ranks.ndcg([3, 0, 7, 1], k=3, ideal=[7, 7, 3, 1, 0]))
    dcg, best = 3 / 1 + 7 / np.log2(4), 7 / 1 + 7 / np.log2(3) + 3 / np.log2(4)
    assert found == pytest.approx(dcg / best)


def test_err_and_rbp_by_their_formulae() -> None:
    # R = 7/8, 0, 3/8 on grades 0 to 3
    expected = 7 / 8 + (1 - 7 / 8) * (3 / 8) / 3
    assert browsing.expected_reciprocal_rank([3, 0, 2], highest=3) == pytest.approx(expected)
    found = browsing.rank_biased_precision([1, 0, 0.5], persistence=0.8)
    assert found == pytest.approx(0.2 * (1 + 0.5 * 0.64))
    endless = browsing.rank_biased_precision([1.0] * 400, persistence=0.8)
    assert endless == pytest.approx(1.0)


@given(GAINS, st.lists(st.booleans(), min_size=30, max_size=30))
def test_the_residual_is_what_unjudged_ranks_could_add(
    gains: list[float], judged: list[bool]
) -> None:
    known = judged[: len(gains)]
    low = [float(gain > 0 and seen) for gain, seen in zip(gains, known, strict=True)]
    high = [1.0 if not seen else value for value, seen in zip(low, known, strict=True)]
    most = browsing.rank_biased_precision(high + [1.0] * 2000)
    least = browsing.rank_biased_precision(low)
    assert browsing.rank_biased_residual(known) == pytest.approx(most - least)


@given(GAINS)
def test_with_all_judged_inferred_precision_is_average_precision(gains: list[float]) -> None:
    relevant = sum(gain > 0 for gain in gains)
    found = pools.inferred_average_precision(gains, [True] * len(gains), relevant=relevant)
    assert found == pytest.approx(ranks.average_precision(gains, relevant=relevant), abs=1e-4)


def test_f_measure_is_the_weighted_harmonic_mean() -> None:
    precision, recall = 2 / 4, 2 / 5
    for beta in (0.5, 1, 2):
        expected = (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
        found = ranks.f_measure([1, 0, 1], relevant=5, k=4, beta=beta)
        assert found == pytest.approx(expected)


def test_arrays_lists_and_tuples_are_the_same() -> None:
    gains = [0.0, 2.0, 1.0]
    for same in (tuple(gains), np.array(gains), np.array([0, 2, 1], dtype=np.int8)):
        assert ranks.ndcg(same, k=2) == ranks.ndcg(gains, k=2)
        assert ranks.average_precision(same, relevant=3) == pytest.approx((1 / 2 + 2 / 3) / 3)


def test_nothing_relevant_and_nothing_retrieved_are_zero() -> None:
    assert ranks.ndcg([0.0, 0.0]) == 0.0
    assert ranks.ndcg([]) == 0.0
    assert ranks.average_precision([], relevant=3) == 0.0
    assert ranks.recall([0.0], relevant=0) == 0.0
    assert ranks.reciprocal_rank([]) == 0.0
    assert ranks.r_precision([], relevant=0) == 0.0
    assert pools.bpref([], [], relevant=0, other=0) == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: ranks.ndcg([-1.0]),
        lambda: ranks.ndcg([float("nan")]),
        lambda: ranks.precision([1.0], k=0),
        lambda: ranks.recall([1.0, 1.0], relevant=1),
        lambda: ranks.ndcg([[1.0]]),
        lambda: ranks.ndcg("abc"),
        lambda: ranks.ndcg([float("inf")]),
        lambda: ranks.ndcg([1.0], gain="squared"),
        lambda: ranks.ndcg([3], ideal=[1]),
        lambda: ranks.ndcg([1.0], ideal=[]),
        lambda: ranks.ranked({"a": float("nan")}),
        lambda: ranks.interpolated_precision([1.0], recall=1.1, relevant=1),
        lambda: browsing.rank_biased_precision([2.0]),
        lambda: browsing.rank_biased_precision([1.0], persistence=1.0),
        lambda: browsing.expected_reciprocal_rank([2.0], highest=1),
        lambda: ranks.geometric_mean([]),
        lambda: pools.bpref([1.0], [True, True], relevant=1, other=0),
    ],
)
def test_impossible_rankings_are_refused(call: object) -> None:
    with pytest.raises(MeasureError):
        call()
