"""Ladders of runs, and live releases that may be looked at at any time."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from tests.stations.measured import Numbers, examples, measured

from trimtab.errors import Conflict, InvalidRequest
from trimtab.experiments.decision import Measured
from trimtab.experiments.ladder import standing
from trimtab.experiments.live import ANY_TIME, LiveScore, compared
from trimtab.records import Verdict

ROWS = examples(40)
GOOD: Numbers = {"right": [True] * 36 + [False] * 4}
FAIR: Numbers = {"right": [n % 2 == 0 for n in range(40)]}
POOR: Numbers = {"right": [n % 10 == 0 for n in range(40)]}


def runs() -> list[Measured]:
    return [measured(key, own) for key, own in (("p", POOR), ("g", GOOD), ("f", FAIR))]


def test_the_ladder_has_the_strongest_first_with_intervals() -> None:
    found = standing(runs(), ROWS)
    assert [rung.run_id for rung in found.rungs] == ["g", "f", "p"]
    assert (found.metric, found.pairs) == ("right", 120)
    top = found.rungs[0]
    assert top.low < top.elo < top.high
    assert top.low > found.rungs[-1].high
    assert sum(rung.wins for rung in found.rungs) == sum(rung.losses for rung in found.rungs)


def test_where_less_is_better_the_ladder_is_turned_around() -> None:
    slow, fast = ({"latency": [ms] * 40} for ms in (9.0, 1.0))
    pair = [measured("slow", slow), measured("fast", fast)]
    lower = [
        Measured(
            msgspec.structs.replace(
                each.run,
                scorers=tuple(
                    msgspec.structs.replace(s, higher_is_better=False) for s in each.run.scorers
                ),
            ),
            each.results,
        )
        for each in pair
    ]
    assert [rung.run_id for rung in standing(lower, ROWS).rungs] == ["fast", "slow"]


def test_a_pairwise_judge_says_itself_who_won() -> None:
    won: Numbers = {"pairwise": [1.0] * 30 + [0.5] * 4 + [0.0] * 6}
    base, new = measured("base", {"pairwise": [0.5] * 40}), measured("new", won)
    verdict = Verdict(outcome="pass", reasons=(), baseline_run="base")
    judged = Measured(msgspec.structs.replace(new.run, verdict=verdict), new.results)
    found = standing([base, judged], ROWS, metric="pairwise")
    assert [rung.run_id for rung in found.rungs] == ["new", "base"]
    assert (found.rungs[0].wins, found.rungs[0].losses, found.rungs[0].ties) == (30, 6, 4)


def test_runs_over_different_rows_are_no_ladder() -> None:
    other = measured("x", GOOD, dataset_digest="another", dataset="other@1")
    with pytest.raises(Conflict, match="different examples"):
        standing([*runs(), other], ROWS)


@pytest.mark.parametrize(
    ("chosen", "metric", "problem"),
    [(slice(0, 1), None, "2 to 100"), (slice(None), "tone", "no metric 'tone'")],
)
def test_what_cannot_be_compared_is_said(chosen: slice, metric: str | None, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        standing(runs()[chosen], ROWS, metric=metric)


def stream(base: float, new: float, count: int, seed: int = 3) -> Iterator[LiveScore]:
    rng = np.random.default_rng(seed)
    for n in range(count):
        release, rate = (("docs@1", base), ("docs@2", new))[n % 2]
        yield LiveScore(release, f"s{n}", float(rng.random() < rate))


NAMES = {"route": "docs", "score": "helpful", "base": "docs@1", "new": "docs@2"}


def test_a_live_difference_is_proved_with_a_sentence_that_says_when_one_may_look() -> None:
    found = compared(list(stream(0.5, 0.9, 600)), **NAMES)
    assert found.proved == "better"
    assert found.sentence.startswith("docs@2 is proved better than docs@1 on helpful (+")
    assert found.sentence.endswith(ANY_TIME)
    worse = compared(list(stream(0.5, 0.9, 600)), **NAMES, higher_is_better=False)
    assert worse.proved == "worse"


def test_looking_after_every_twenty_calls_finds_no_difference_where_there_is_none() -> None:
    found = 0
    for seed in range(20):
        scores = list(stream(0.7, 0.7, 400, seed))
        looks = (compared(scores[:n], **NAMES) for n in range(20, 401, 20))
        found += any(each.proved for each in looks)
    assert found <= 1


def test_calls_of_a_session_are_one_score() -> None:
    scores = [LiveScore(f"docs@{1 + n % 2}", f"s{n % 2}", 1.0) for n in range(100)]
    found = compared(scores, **NAMES)
    assert (found.base.sessions, found.base.calls, found.proved) == (1, 50, None)


def test_a_release_without_scores_is_said() -> None:
    found = compared([], **NAMES)
    assert found.sentence.startswith("There is no helpful of docs@1 or of docs@2 yet.")
    assert found.difference is None


def test_a_score_outside_its_bounds_is_refused() -> None:
    scores = [LiveScore("docs@1", "s", 4.0), LiveScore("docs@2", "t", 5.0)]
    with pytest.raises(InvalidRequest, match="outside"):
        compared(scores, **NAMES)
    assert compared(scores, **NAMES, low=1.0, high=5.0).difference == 1.0
