"""Two runs compared: pairing, intervals, tests, and what is defined when there is little."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.experiments.compare import compare, summarise
from trimtab.measures.intervals import tango, wilson
from trimtab.records import Comparison

OUTCOME = st.sampled_from([0.0, 1.0, None])
SCORE = st.one_of(st.none(), st.floats(0, 1).map(lambda x: round(x, 3)))


def scores(values: object, start: int = 0) -> dict[str, float | None]:
    return {f"e{i}": v if v is None else float(v) for i, v in enumerate(values, start)}


def test_pass_fail_runs_are_compared_by_mcnemar_over_the_pairs() -> None:
    before = scores([1] * 80 + [0] * 20)
    after = scores([1] * 70 + [0] * 10 + [1] * 3 + [0] * 17)
    found = compare("exact", before, after, binary=True)
    assert found.p_value == pytest.approx(stats.binomtest(3, 13).pvalue)
    assert found.test == "exact McNemar"
    assert (found.changed, found.difference.n, found.difference.total) == (13, 100, 100)
    assert found.difference.value == pytest.approx(-0.07)
    assert (found.difference.low, found.difference.high) == tango(10, 3, 100)
    assert (found.baseline.low, found.baseline.high) == wilson(80, 100)
    assert (found.candidate.value, found.candidate.method) == (0.73, "Wilson")


def test_other_scores_are_compared_by_sign_flips_and_a_t_interval() -> None:
    rng = np.random.default_rng(1)
    before = rng.beta(6, 3, size=150)
    after = np.clip(before + rng.normal(0.02, 0.1, size=150), 0, 1)
    found = compare("f1", scores(before), scores(after), binary=False, seed=3)
    expected = stats.ttest_rel(after, before)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)
    assert found.test == "sampled sign flip"
    low, high = expected.confidence_interval()
    assert found.difference.low == pytest.approx(low, abs=0.15 * (high - low))
    assert found.difference.high == pytest.approx(high, abs=0.15 * (high - low))
    assert found == compare("f1", scores(before), scores(after), binary=False, seed=3)


def test_only_ids_scored_in_both_are_paired_and_the_rest_lowers_coverage() -> None:
    before = scores([1, 1, None, 0])
    after = {**scores([0, None, 1, 1]), "e9": 1.0}
    found = compare("exact", before, after, binary=True)
    assert (found.difference.n, found.difference.total) == (2, 5)
    assert found.difference.coverage == 0.4
    assert found.baseline.value == found.candidate.value == 0.5


def test_clusters_of_several_pairs_are_flipped_as_one() -> None:
    keys = {f"e{i}": f"doc{i // 10}" for i in range(200)}
    before = scores([1] * 200)
    after = scores([0] * 20 + [1] * 180)  # two documents lost entirely
    alone = compare("exact", before, after, binary=True)
    found = compare("exact", before, after, binary=True, clusters=keys)
    assert alone.p_value < 1e-4
    assert found.p_value == 0.5  # two clusters, both down: 2 of 4 sign assignments
    assert found.test == "exact sign flip over 20 clusters"
    assert found.difference.method == "Student and Hall over 20 clusters"
    width = found.difference.high - found.difference.low
    assert width > 1.5 * (alone.difference.high - alone.difference.low)


def test_clusters_of_one_change_nothing() -> None:
    before, after = scores([1, 0, 1, 1] * 10), scores([1, 1, 0, 1] * 10)
    keys = {name: name for name in before}
    assert compare("m", before, after, binary=True, clusters=keys) == compare(
        "m", before, after, binary=True
    )


def test_an_id_without_a_cluster_is_its_own() -> None:
    before, after = scores([1, 0] * 10), scores([0, 1] * 10)
    keys = {"e0": "a", "e1": "a"}
    found = compare("m", before, after, binary=True, clusters=keys)
    assert found.difference.method == "Student and Hall over 19 clusters"


@given(st.lists(st.tuples(OUTCOME, OUTCOME), max_size=40))
def test_swapping_the_runs_mirrors_the_comparison(pairs: list[tuple]) -> None:
    before, after = scores([a for a, _ in pairs]), scores([b for _, b in pairs])
    found, mirrored = (
        compare("m", *runs, binary=True) for runs in ((before, after), (after, before))
    )
    assert found.p_value == mirrored.p_value
    assert found.detectable == mirrored.detectable
    if found.difference.value is not None:
        assert found.difference.value == pytest.approx(-mirrored.difference.value)
        assert found.difference.low == pytest.approx(-mirrored.difference.high, abs=1e-9)
        assert found.baseline == mirrored.candidate


@given(st.lists(st.tuples(SCORE, SCORE), max_size=30), st.booleans(), st.integers(1, 4))
def test_every_comparison_is_complete_and_in_order(
    pairs: list[tuple], higher: bool, size: int
) -> None:
    before, after = scores([a for a, _ in pairs]), scores([b for _, b in pairs])
    keys = {name: str(i // size) for i, name in enumerate(before)}
    found = compare(
        "m", before, after, binary=False, higher_is_better=higher, clusters=keys, seed=1
    )
    for estimate in (found.baseline, found.candidate, found.difference):
        if estimate.low is not None:
            assert estimate.low <= estimate.value + 1e-9
            assert estimate.value - 1e-9 <= estimate.high
        assert estimate.n <= estimate.total == len(before)
    reordered = compare(
        "m",
        dict(reversed(before.items())),
        after,
        binary=False,
        higher_is_better=higher,
        clusters=keys,
        seed=1,
    )
    assert reordered == found
    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "total"),
    [({}, {}, 0), ({"a": 1.0}, {"b": 1.0}, 2), ({"a": None}, {"a": None}, 1), ({"a": 1.0}, {}, 1)],
)
def test_without_a_pair_nothing_is_claimed(
    binary: bool, before: dict, after: dict, total: int
) -> None:
    found = compare("m", before, after, binary=binary)
    assert found.difference == msgspec.structs.replace(
        found.difference, value=None, low=None, high=None, n=0, total=total
    )
    assert found.p_value is None
    assert found.detectable is None


def test_one_pair_has_a_rate_but_no_spread() -> None:
    rate = compare("m", {"a": 1.0}, {"a": 0.0}, binary=True)
    assert (rate.difference.low, rate.difference.high) == tango(1, 0, 1)
    assert (rate.p_value, rate.detectable) == (1.0, None)
    score = compare("m", {"a": 0.7}, {"a": 0.2}, binary=False)
    assert score.difference.value == pytest.approx(-0.5)
    assert (score.difference.low, score.p_value, score.detectable) == (None, 1.0, None)


def test_one_cluster_has_no_interval_however_many_pairs() -> None:
    keys = {f"e{i}": "doc" for i in range(50)}
    found = compare("m", scores([1] * 50), scores([0] * 50), binary=True, clusters=keys)
    assert (found.difference.low, found.baseline.low, found.p_value) == (None, None, 1.0)


def test_an_unchanged_score_is_bounded_by_the_number_of_pairs() -> None:
    same = scores([0.8] * 300)
    found = compare("f1", same, same, binary=False)
    assert (found.difference.low, found.difference.high) == pytest.approx(tango(0, 0, 300))
    assert found.baseline.low == pytest.approx(0.8 + 0.8 * tango(0, 0, 300).low)
    assert found.p_value == 1.0
    assert found.detectable == pytest.approx(0.026, abs=0.001)  # eight losses out of eight changes


@pytest.mark.parametrize("shift", [0.0, 0.1])
@pytest.mark.parametrize("n", [2, 20, 200])
def test_of_scores_without_a_scale_a_constant_shift_shows_no_interval(n: int, shift: float) -> None:
    before, after = scores([0.5] * n), scores([0.5 + shift] * n)
    found = compare("cost_usd", before, after, binary=False, higher_is_better=False)
    bounds = (found.difference.low, found.baseline.low, found.candidate.high, found.detectable)
    assert bounds == (None,) * 4
    assert found.difference.value == pytest.approx(shift)
    rare = scores([0.5] * (n - 1) + [9.0])
    assert compare("cost_usd", before, rare, binary=False).difference.low is None


def test_what_no_difference_on_the_scale_could_show_is_not_detectable() -> None:
    before, after = scores([1.0] * 8), scores([0.0] * 8)
    assert compare("m", before, after, binary=False, scale=(0.0, 1.0)).detectable is None
    assert compare("m", before, after, binary=False, scale=(0.0, 9.0)).detectable is not None


@pytest.mark.parametrize(("scale", "base"), [((0.0, 1.0), 0.5), ((1.0, 5.0), 3.0)])
def test_on_a_scale_a_constant_shift_is_as_sure_as_its_pairs_are_many(
    scale: tuple[float, float], base: float
) -> None:
    widths = []
    for n in (2, 5, 60, 600):
        pair = (scores([base] * n), scores([base + 0.1] * n))
        found = compare("m", *pair, binary=False, higher_is_better=False, scale=scale)
        low, high = found.difference.low, found.difference.high
        assert low is not None
        assert high is not None
        assert low < 0.1 < high
        widths.append(high - low)
        assert found.detectable is None or found.detectable > 0
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.5 * (scale[1] - scale[0])


def test_a_scale_that_a_score_contradicts_bounds_nothing() -> None:
    found = summarise("m", scores([0.5] * 20 + [7.0]), binary=False, scale=(0.0, 1.0))
    assert (found.low, found.method) == (None, "too few cases deviate")


def test_clusters_of_equal_sums_are_not_certain() -> None:
    keys = {f"e{i}": f"c{i // 2}" for i in range(40)}
    same, mixed = scores([0.5] * 40), scores([0.5, 1.0] * 20)
    found = compare("m", same, mixed, binary=False, clusters=keys)
    assert found.difference.low is not None
    assert found.difference.high is not None
    assert found.difference.low < 0.25 < found.difference.high


def test_the_detectable_difference_is_shown_four_times_in_five() -> None:
    rng = np.random.default_rng(6)
    first = compare(
        "f1", scores(np.full(60, 5.0)), scores(5 + rng.normal(0, 0.3, 60)), binary=False
    )
    draws = rng.normal(first.detectable, 0.3, size=(4000, 60))
    shown = (stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05).mean()
    assert 0.65 < shown < 0.92  # the spread behind `detectable` was itself estimated


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.5])
def test_what_is_not_a_score_is_refused_with_its_example(bad: float) -> None:
    with pytest.raises(MeasureError, match="example e1"):
        compare("exact", scores([1, bad]), scores([1, 1]), binary=True)


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_a_headline_refuses_nan(bad: float) -> None:
    with pytest.raises(MeasureError):
        summarise("f1", {"a": bad}, binary=False)


def test_a_headline_counts_what_is_missing() -> None:
    found = summarise("exact", scores([1, 0, 1, None, None]), binary=True)
    assert (found.n, found.total, found.coverage) == (3, 5, 0.6)
    assert (found.low, found.high) == wilson(2, 3)
    nothing = summarise("exact", scores([None, None]), binary=True)
    assert (nothing.value, nothing.low, nothing.n, nothing.total) == (None, None, 0, 2)


def test_a_headline_stays_within_the_scale_of_the_score() -> None:
    found = summarise("f1", scores([1.0] * 30 + [0.9]), binary=False)
    assert found.high == 1.0
    assert 0.8 < found.low < 0.99
    latency = summarise(
        "latency_ms", scores([200, 210, 190, 4000]), binary=False, higher_is_better=False
    )
    assert latency.high > 4000  # a long tail may be longer than what was seen of it


def test_headlines_heed_clusters() -> None:
    values = scores([1.0] * 70 + [0.0] * 30)
    keys = {name: f"doc{i // 10}" for i, name in enumerate(values)}
    wide = summarise("exact", values, binary=True, clusters=keys)
    narrow = summarise("exact", values, binary=True)
    assert wide.method == "Wilson over 10 clusters"
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
