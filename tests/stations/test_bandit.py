"""Shares that follow scores: soon to the best, never below the floor, and not on three scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.ports import LearntShares
from trimtab.records import Bandit, Route
from trimtab.records.route import ReleaseShare, route_complaint
from trimtab.releases.bandit import Judged, Memory, floored, learnt, moved
from trimtab.releases.shares import in_force, with_learnt, written

BANDIT = Bandit(score="helpful")
EVEN = {1: 1.0, 2: 1.0}


def route(*weights: float, bandit: Bandit | None = BANDIT) -> Route:
    split = tuple(ReleaseShare(version=n, weight=weight) for n, weight in enumerate(weights, 1))
    return Route(name="chat", split=split, bandit=bandit)


def shares(counts: dict[int, tuple[float, int]], **bandit: Any) -> dict[int, float]:
    weights = dict.fromkeys(counts, 1.0)
    found = learnt(Bandit(score="helpful", **bandit), weights, counts)
    return {one.version: one.share for one in found}


class TestShares:
    def test_without_scores_they_are_as_written(self) -> None:
        found = learnt(BANDIT, {1: 3.0, 2: 1.0}, {})
        assert [one.share for one in found] == pytest.approx([0.725, 0.275], abs=0.01)
        assert [one.mean for one in found] == [0.5, 0.5]

    def test_three_scores_move_next_to_nobody(self) -> None:
        assert shares({1: (3.0, 3), 2: (0.0, 3)})[1] < 0.56

    def test_the_best_gets_what_the_floor_leaves_once_that_is_known(self) -> None:
        found = shares({1: (800.0, 1000), 2: (600.0, 1000), 3: (600.0, 1000)}, floor=0.1)
        assert found == pytest.approx({1: 0.8, 2: 0.1, 3: 0.1}, abs=0.02)

    def test_where_less_is_better_the_least_gets_it(self) -> None:
        found = shares({1: (800.0, 1000), 2: (200.0, 1000)}, higher_is_better=False)
        assert found[2] > 0.9

    def test_the_mean_is_in_the_scores_own_unit(self) -> None:
        found = learnt(Bandit(score="s", low=1, high=5), EVEN, {1: (499.0, 998), 2: (0.0, 0)})
        assert found[0].mean == pytest.approx(3.0)
        assert 2.8 < found[0].low < 3.0 < found[0].high < 3.2
        assert found[1].sessions == 0

    def test_the_same_counts_give_the_same_shares(self) -> None:
        counts = {1: (70.0, 100), 2: (60.0, 90)}
        assert learnt(BANDIT, EVEN, counts) == learnt(BANDIT, EVEN, counts)

    @given(
        st.lists(
            st.tuples(st.floats(0, 1), st.integers(0, 5_000), st.floats(0.01, 9)),
            min_size=2,
            max_size=7,
        ),
        st.floats(0, 0.25),
    )
    def test_they_are_shares_and_none_is_below_the_floor(
        self, arms: list[tuple[float, int, float]], floor: float
    ) -> None:
        counts = {n: (mean * units, units) for n, (mean, units, _) in enumerate(arms)}
        weights = {n: weight for n, (_, _, weight) in enumerate(arms)}
        found = learnt(Bandit(score="s", floor=floor), weights, counts)
        assert sum(one.share for one in found) == pytest.approx(1)
        least = min(floor, 1 / len(arms))
        assert all(one.share >= least - 1e-9 for one in found)

    def test_more_releases_than_the_floor_has_room_for_share_evenly(self) -> None:
        assert floored(np.array([1.0, 0, 0, 0, 0, 0, 0, 0]), 0.25).tolist() == [0.125] * 8

    @pytest.mark.parametrize(
        ("after", "before", "is_change"),
        [
            ({1: 0.5, 2: 0.5}, {1: 0.505, 2: 0.495}, False),
            ({1: 0.5, 2: 0.5}, {1: 0.51, 2: 0.49}, True),
            ({1: 0.5, 2: 0.5}, {1: 0.5}, True),
        ],
    )
    def test_less_than_a_point_is_no_change(
        self, after: dict[int, float], before: dict[int, float], is_change: bool
    ) -> None:
        assert moved(after, before) is is_change


class TestMemory:
    def test_a_session_counts_once_with_the_mean_of_its_scores(self) -> None:
        memory = Memory(BANDIT)
        memory.add(Judged(1, "ada", n, float(n % 2)) for n in range(100))
        memory.add([Judged(1, "bob", 100, 1.0), Judged(2, "ada", 100, 1.0)])
        assert memory.counts(1) == (1.5, 2)
        assert memory.counts(2) == (1.0, 1)
        assert memory.counts(3) == (0.0, 0)

    def test_sessions_are_forgotten_after_their_last_score(self) -> None:
        memory = Memory(BANDIT)
        memory.add([Judged(1, "a", 1, 1.0), Judged(1, "b", 2, 0.0), Judged(1, "a", 5, 1.0)])
        memory.forget(3)
        assert memory.counts(1) == (1.0, 1)
        memory.forget(6)
        assert memory.counts(1) == (0.0, 0)

    def test_scores_outside_of_the_bounds_count_as_the_nearer(self) -> None:
        memory = Memory(Bandit(score="s", low=1, high=5))
        memory.add([Judged(1, "a", 1, 9.0), Judged(1, "b", 1, -3.0), Judged(1, "c", 1, 3.0)])
        assert memory.counts(1) == (1.5, 3)
        assert memory.clipped == 2


class TestInForce:
    def test_what_is_learnt_divides_the_part_of_those_it_is_about(self) -> None:
        stored = LearntShares("default", "chat", {1: 0.8, 2: 0.2}, 5)
        assert in_force(route(1, 1, 2), stored) == pytest.approx({1: 0.4, 2: 0.1, 3: 0.5})
        [changed] = with_learnt([route(1, 1, 2)], [stored])
        assert written(changed) == pytest.approx({1: 0.4, 2: 0.1, 3: 0.5})

    @pytest.mark.parametrize(
        "stored",
        [None, LearntShares("default", "chat", {9: 1.0}, 5)],
        ids=["nothing", "about others"],
    )
    def test_without_anything_learnt_the_split_is_as_written(
        self, stored: LearntShares | None
    ) -> None:
        assert in_force(route(3, 1), stored) == {1: 0.75, 2: 0.25}

    def test_a_route_without_a_bandit_keeps_its_split(self) -> None:
        plain = route(1, 1, bandit=None)
        assert with_learnt([plain], [LearntShares("default", "chat", {1: 0.9, 2: 0.1}, 5)]) == [
            plain
        ]

    @pytest.mark.parametrize(
        ("one", "complaint"),
        [
            (route(1.0), "a `split` of two releases or more"),
            (route(1.0, 0.0), "a `split` of two releases or more"),
            (route(1, 1, bandit=Bandit(score=" ")), "name the `score`"),
            (route(1, 1, bandit=Bandit(score="s", low=1, high=1)), "`low` below its `high`"),
        ],
    )
    def test_a_bandit_that_cannot_be_is_refused(self, one: Route, complaint: str) -> None:
        assert complaint in (route_complaint(one) or "")


class TestLife:
    """Whole lives of a split, a hundred sessions between two looks."""

    def lives(
        self, means: list[float], *, looks: int, seed: int, floor: float = 0.05
    ) -> tuple[float, float, float]:
        """Mean regret of a session beside that of even shares, the last share of the best, and the
        least share of any at any time."""
        draw = np.random.default_rng(seed)
        bandit = Bandit(score="s", floor=floor)
        weights = dict.fromkeys(range(len(means)), 1.0)
        counts = dict.fromkeys(weights, (0.0, 0))
        now, least, lost = [1 / len(means)] * len(means), 1.0, 0.0
        for _ in range(looks):
            for version, number in enumerate(draw.multinomial(100, now)):
                good, units = counts[version]
                counts[version] = (
                    good + float(draw.binomial(number, means[version])),
                    units + number,
                )
                lost += float(number) * (max(means) - means[version])
            now = [one.share for one in learnt(bandit, weights, counts)]
            least = min(least, *now)
        even = 100 * looks * (max(means) - sum(means) / len(means))
        return lost / even if even else 0.0, now[int(np.argmax(means))], least

    def test_it_loses_far_less_than_even_shares_and_ends_at_the_best(self) -> None:
        found = [self.lives([0.5, 0.6, 0.7], looks=60, seed=seed) for seed in range(5)]
        assert np.mean([regret for regret, _, _ in found]) < 0.4
        assert np.median([best for _, best, _ in found]) > 0.85
        assert min(least for _, _, least in found) >= 0.05 - 1e-9

    def test_of_two_that_are_alike_neither_starves(self) -> None:
        found = [self.lives([0.6, 0.6], looks=60, seed=seed, floor=0.1) for seed in range(5)]
        assert min(least for _, _, least in found) >= 0.1 - 1e-9
        last = [best for _, best, _ in found]
        assert 0.25 < np.mean(last) < 0.75
