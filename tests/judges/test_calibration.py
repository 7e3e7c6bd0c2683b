"""Calibration cards, debiased means and intervals of panels, from cases that are written out."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import InvalidRequest
from trimtab.experiments.calibration import About, calibrate, shortcoming, uncalibrated
from trimtab.experiments.debiasing import as_sure_as_its_judges, debiased, labels_of, panel_estimate
from trimtab.experiments.labels import labelled, value_at
from trimtab.experiments.repeats import headlines
from trimtab.records import (
    AppliedScorer,
    CalibrationCard,
    Estimate,
    Example,
    Result,
    Run,
    Score,
    Target,
)

ABOUT = About("judge", "d" * 64, "far/judge", "rows", "e" * 64, "metadata.human", 1)


def rows(labels: list[Any], clusters: list[str] | None = None) -> list[Example]:
    return [
        Example(
            example_id=str(n),
            input=f"{n}?",
            metadata={"human": label},
            cluster=clusters[n] if clusters else None,
        )
        for n, label in enumerate(labels)
    ]


def score(number: int, judged: Any, **metadata: Any) -> Score:
    field = "passed" if isinstance(judged, bool) else "label"
    if isinstance(judged, float):
        field = "value"
    given = {} if judged is None else {field: judged}
    return Score(
        score_id=f"s{number}",
        target=Target(kind="example", id=str(number)),
        name="judge",
        status="scored" if judged is not None else "unscored",
        reason=None if judged is not None else "judge: HTTP 500",
        source="judge",
        time_ns=0,
        metadata=metadata,
        **given,
    )


def card_of(labels: list[Any], judged: list[Any], **how: Any) -> CalibrationCard:
    scores = {str(n): score(n, one) for n, one in enumerate(judged)}
    return calibrate(labelled(rows(labels), scores, "metadata.human", **how), ABOUT)


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    assert estimate.value is not None
    return estimate.value


# -- verdicts, names and numbers ------------------------------------------------------------------

TRUE_FALSE = [True] * 6 + [False] * 4
JUDGED = [True, True, True, True, True, False, True, False, False, False]


@pytest.mark.parametrize(
    "labels",
    [
        TRUE_FALSE,
        [float(label) for label in TRUE_FALSE],
        ["yes" if label else "no" for label in TRUE_FALSE],
        ["PASS" if label else "fail " for label in TRUE_FALSE],
    ],
    ids=["bools", "numbers", "yes and no", "pass and fail"],
)
def test_verdicts_are_compared_however_labels_are_written(labels: list[Any]) -> None:
    card = card_of(labels, JUDGED)
    assert (card.labelled, card.judged) == (10, 10)
    assert value(card.agreement) == pytest.approx(0.8)
    # observed .8, expected .6 * .6 + .4 * .4 = .52 (Cohen 1960)
    assert value(card.kappa) == pytest.approx((0.8 - 0.52) / 0.48)
    assert value(card.true_positive_rate) == pytest.approx(5 / 6)
    assert value(card.true_negative_rate) == pytest.approx(3 / 4)


@given(st.lists(st.booleans(), min_size=4, max_size=40), st.booleans())
@settings(deadline=None)
def test_a_judge_that_always_says_the_same_has_kappa_zero(labels: list[bool], says: bool) -> None:
    card = card_of(list(labels), [says] * len(labels))
    assert value(card.kappa) == 0.0


def test_numbers_count_as_yes_from_the_threshold_on() -> None:
    judged = [0.9, 0.6, 0.4, 0.1]
    labels = [True, False, False, False]
    assert value(card_of(labels, judged).agreement) == 0.75
    assert value(card_of(labels, judged, threshold=0.8).agreement) == 1.0


def test_numbers_on_another_scale_are_compared_by_their_places() -> None:
    labels = [1, 2, 3, 4, 5, 5, 3, 1]
    judged = [0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25]
    card = card_of(labels, judged, scale=(1.0, 5.0))
    assert value(card.agreement) == 0.75
    assert card.kappa is not None
    assert card.kappa.method == "Cohen's kappa, quadratic weights"
    assert value(card.kappa) > 0.9
    assert value(card.alpha) > 0.9
    assert card.true_positive_rate is None


def test_labels_that_are_not_on_the_judges_scale_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="would be 5 on the judge's scale, 0 to 1"):
        card_of([0, 1, 5], [True, True, False])
    with pytest.raises(InvalidRequest, match="would be 6 on the judge's scale, 1 to 5"):
        card_of([1, 2, 6], [1.0, 2.0, 5.0], onto=(1.0, 5.0))
    with pytest.raises(InvalidRequest, match="is not a number"):
        card_of(["blue", "red"], [0.0, 1.0])
    with pytest.raises(InvalidRequest, match=r"no example has a label in metadata\.human"):
        card_of([None, None], [True, False])


def test_labels_are_moved_onto_the_judges_own_scale() -> None:
    card = card_of(["no", "yes", "yes"], [1.0, 5.0, 4.0], scale=(0.0, 1.0), onto=(1.0, 5.0))
    assert value(card.agreement) == 1.0


def test_names_are_compared_as_names() -> None:
    card = card_of(["billing", "shipping", "billing", "other"], ["billing", "billing"] * 2)
    assert value(card.agreement) == 0.5
    assert card.length_slope is None


def test_cases_that_were_not_judged_or_not_labelled_do_not_count() -> None:
    card = card_of([True, None, False, True], [True, True, None, True])
    assert (card.labelled, card.judged) == (3, 2)
    assert card.agreement is not None
    assert (card.agreement.n, card.agreement.total) == (2, 3)


def test_a_card_of_nothing_judged_has_no_numbers() -> None:
    card = card_of([True, False], [None, None])
    assert (card.judged, card.agreement, card.kappa, card.alpha) == (0, None, None, None)


def test_labels_are_found_at_expected_and_below_metadata() -> None:
    row = Example(example_id="1", input="?", expected="yes", metadata={"a": {"b": 3}})
    assert value_at(row, "expected") == "yes"
    assert value_at(row, "metadata.a.b") == 3
    assert [value_at(row, path) for path in ("metadata.x", "nothing", "expected.y")] == [None] * 3


def test_cases_of_one_cluster_do_not_count_as_so_many() -> None:
    labels = TRUE_FALSE * 8
    judged = {str(n): score(n, one) for n, one in enumerate(JUDGED * 8)}
    alone = calibrate(labelled(rows(labels), judged, "metadata.human"), ABOUT).agreement
    groups = [str(n % 10) for n in range(80)]
    grouped = calibrate(labelled(rows(labels, groups), judged, "metadata.human"), ABOUT).agreement
    assert alone is not None
    assert grouped is not None
    assert width(grouped) > 1.5 * width(alone)


# -- order, repeats, length, panels ---------------------------------------------------------------


def test_order_consistency_repeat_spread_and_votes_come_from_the_scores() -> None:
    scores = {
        str(n): score(n, 1.0, consistent=n != 0, judgements=[1.0, 0.0], longer_times=2.0)
        for n in range(4)
    }
    card = calibrate(labelled(rows(["answer"] * 4), scores, "metadata.human"), ABOUT)
    assert value(card.order_consistency) == 0.75
    assert card.repeat_spread == pytest.approx(0.7071, abs=1e-4)
    assert card.true_positive_rate is None


def test_a_tie_of_a_pairwise_judge_is_right_about_nobody() -> None:
    scores = {str(n): score(n, 0.5, consistent=False) for n in range(4)}
    labels = ["answer", "baseline"] * 2
    card = calibrate(labelled(rows(labels), scores, "metadata.human"), ABOUT)
    assert (value(card.agreement), value(card.kappa)) == (0.0, 0.0)


def test_a_judge_that_likes_length_shows_it_in_the_slope() -> None:
    dice = random.Random(1)
    lengths = {str(n): float(2 ** (3 + n % 6)) for n in range(60)}
    labels = [dice.choice([0.25, 0.5, 0.75]) for _ in range(60)]
    likes = {str(n): score(n, labels[n] + 0.04 * (n % 6) - 0.1) for n in range(60)}
    fair = {str(n): score(n, labels[n] + dice.choice([0.1, -0.1])) for n in range(60)}
    biased, unbiased = (
        calibrate(labelled(rows(labels), scores, "metadata.human", lengths=lengths), ABOUT)
        for scores in (likes, fair)
    )
    assert value(biased.length_slope) == pytest.approx(0.04)
    assert unbiased.length_slope is not None
    assert unbiased.length_slope.low is not None
    assert unbiased.length_slope.high is not None
    assert unbiased.length_slope.low < 0 < unbiased.length_slope.high


def test_judges_that_err_together_are_worth_one_vote() -> None:
    labels = [True, False] * 20

    def panel(wrong: list[set[int]]) -> float | None:
        scores = {}
        for n, label in enumerate(labels):
            votes = {f"m{j}": float(label is not (n in w)) for j, w in enumerate(wrong)}
            scores[str(n)] = score(n, sum(votes.values()) > 1.5, votes=votes)
        return calibrate(labelled(rows(labels), scores, "metadata.human"), ABOUT).effective_votes

    same = {1, 5, 9, 14, 20}
    assert panel([same, same, same]) == pytest.approx(1.0)
    apart = panel([{1, 5, 9}, {2, 6, 10}, {3, 7, 11}])
    assert apart is not None
    assert apart > 2.5


# -- runs -----------------------------------------------------------------------------------------


def width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low


def results(table: list[list[float]]) -> list[Result]:
    """A panel's results, from the votes of each judge."""
    found = []
    for n, votes in enumerate(zip(*table, strict=True)):
        by_model = {f"m{place}": vote for place, vote in enumerate(votes)}
        mean = sum(votes) / len(votes)
        found.append(Result(example_id=str(n), scores=(score(n, mean, votes=by_model),)))
    return found


@given(st.lists(st.tuples(*[st.sampled_from([0.0, 1.0])] * 2), min_size=4, max_size=60))
@settings(deadline=None)
def test_a_judge_who_always_says_yes_never_shortens_the_interval(
    votes: list[tuple[float, float]],
) -> None:
    two = [list(each) for each in zip(*votes, strict=True)]
    before, after = (
        panel_estimate(results(table), "judge") for table in (two, [*two, [1.0] * len(votes)])
    )
    assert before is not None
    assert after is not None
    assert width(after) >= width(before) - 1e-12


def test_the_headline_of_a_panel_is_no_surer_than_its_judges() -> None:
    table = [[1.0, 0.0] * 20, [1.0] * 40, [1.0] * 40]
    of_panel = results(table)
    scorer = AppliedScorer(name="judge", tier="judge")
    headline = headlines(of_panel, rows([None] * 40), [scorer])["judge"]
    [alone] = headlines(results([table[0], table[0]]), rows([None] * 40), [scorer]).values()
    assert value(headline) == pytest.approx(5 / 6)
    assert headline.high is not None
    assert headline.high <= 1
    assert value(headline) - (headline.low or 0) > 0.9 * (value(alone) - (alone.low or 0))
    assert "least sure judge" in headline.method


def test_what_is_no_panel_keeps_its_headline() -> None:
    plain = Estimate(value=0.5, low=0.4, high=0.6, n=10, total=10)
    one = [Result(example_id=str(n), scores=(score(n, 0.5),)) for n in range(10)]
    assert as_sure_as_its_judges(plain, one, "judge") is plain


def test_labels_correct_a_judge_that_is_too_kind() -> None:
    """It calls 90 % good where people call 50 % good, and knows which: gold lies within."""
    truth = {str(n): float(n % 2) for n in range(400)}
    kind = {name: 1.0 if truth[name] or int(name) % 10 else 0.0 for name in truth}
    known = {name: truth[name] for name in list(truth)[:100]}
    found = debiased(kind, known)
    assert found is not None
    assert (found.n, found.total) == (400, 400)
    assert (found.low or 0) < 0.5 < (found.high or 0)
    assert found.method.startswith("PPI++, 100 labels worth ")
    assert sum(kind.values()) / 400 > 0.85


@pytest.mark.parametrize("count", [0, 29])
def test_too_few_labels_correct_nothing(count: int) -> None:
    scores = {str(n): float(n % 2) for n in range(100)}
    assert debiased(scores, {str(n): 1.0 for n in range(count)}) is None


def test_labels_of_few_clusters_correct_nothing() -> None:
    scores = {str(n): float(n % 2) for n in range(100)}
    labels = {str(n): float(n % 3 == 0) for n in range(60)}
    groups = {str(n): str(n // 30) for n in range(100)}
    assert debiased(scores, labels, groups=groups) is None


def test_labels_are_the_scores_of_people_under_the_metrics_name() -> None:
    first = msgspec.structs.replace(score(1, 0.75), source="human")
    second = msgspec.structs.replace(score(1, 0.25), source="human", time_ns=5)
    other = msgspec.structs.replace(score(2, True), source="human", name="other")
    assert labels_of([second, first, score(3, 1.0), other], "judge") == {"1": 0.25}


def test_a_judge_without_a_card_of_its_digest_may_not_gate() -> None:
    run = Run(
        run_id="r",
        name="n",
        dataset="d",
        dataset_digest="",
        started_ns=0,
        scorers=(
            AppliedScorer(name="exact", digest="c"),
            AppliedScorer(name="faithfulness", digest="old", tier="judge"),
            AppliedScorer(name="toxicity", digest="known", tier="judge"),
        ),
    )
    known = card_of([True, False] * 20, [1.0, 0.0] * 20)
    assert uncalibrated(run, {"known": known}) == {"faithfulness": "no calibration card"}


@pytest.mark.parametrize(
    ("labels", "judged", "said"),
    [
        ([True, False] * 20, [None] * 40, "0 judged answers, and 30 are needed"),
        ([True, False] * 2, [1.0, 0.0] * 2, "4 judged answers, and 30 are needed"),
        ([True, False] * 20, [1.0] * 40, "more than chance would (kappa 0, and maybe -0.305)"),
        ([True, False] * 20, [0.0, 1.0] * 20, "more than chance would (kappa -1, "),
        ([True, False] * 20, [1.0, 1.0, 0.0, 0.0] * 10, "more than chance would (kappa 0, "),
        ([True] * 40, [1.0] * 40, "more than chance would (kappa 0, and maybe -1)"),
        ([True, False] * 20, [1.0, 0.0] * 20, None),
        ([True, False] * 20, [1.0, 0.0] * 18 + [None] * 4, None),
    ],
    ids=["nothing", "too few", "always yes", "reversed", "a coin", "one kind", "good", "most"],
)
def test_a_card_that_shows_nothing_lets_nobody_gate(
    labels: list[Any], judged: list[Any], said: str | None
) -> None:
    why = shortcoming(card_of(labels, judged))
    assert why == said if said is None else said in str(why)
