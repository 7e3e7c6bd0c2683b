"""Any order of moves: one release answers in each place, and a way back leads where one was."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from msgspec import UNSET
from tests.stations.town import PROJECT, Town
from tests.tables import metadata_in

from trimtab.errors import Conflict
from trimtab.records import Release, Segment, Watch, Watched
from trimtab.releases.difference import difference
from trimtab.releases.history import history
from trimtab.releases.rules import Rule, Rules

ENVIRONMENTS = ("eu", "staging")
PLACES = (None, *ENVIRONMENTS)
PEOPLE = ("ann", "bob", "cy")
RULES = Rules(
    live=Rule(approvals=1), environments={"eu": Rule(approvals=2), "staging": Rule(gate=False)}
)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with closing(metadata_in(tmp_path)) as metadata:
        yield Town(metadata)


class Walk:
    """Random moves on one route, beside a model of what they come to: a pile for each place."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town = town
        self.rng = random.Random(seed)
        self.piles: dict[str | None, list[str | None]] = {place: [] for place in PLACES}
        self.changes = 0
        self.done: Counter[str] = Counter()

    def releases(self) -> list[Release]:
        return list(self.town.metadata.releases.list(PROJECT, "docs"))

    def step(self) -> None:
        move = self.rng.choice(
            [
                "create",
                *["approve"] * 4,
                *["promote"] * 4,
                "roll_back",
                "roll_back",
                "withdraw",
                "try",
            ]
        )
        before, audit = self.releases(), len(self.town.metadata.audit(PROJECT, limit=10_000))
        refused = True
        with suppress(Conflict):
            getattr(self, move)()
            refused = False
            self.done[move] += 1
        after = self.releases()
        rows = len(self.town.metadata.audit(PROJECT, limit=10_000)) - audit
        if refused:
            assert (after, rows) == (before, 0), move
        added = sum(len(one.approvals) for one in after) - sum(len(o.approvals) for o in before)
        assert rows == added + (len(after) - len(before)), "one row for each change"
        self.check()

    def pick(self) -> Release:
        found = self.releases()
        if not found:
            raise Conflict("there is none yet")
        return self.rng.choice(found)

    def create(self) -> None:
        self.town.create(author="ann")

    def approve(self) -> None:
        place = self.rng.choice((None, *PLACES))
        self.town.approve(self.pick(), self.rng.choice(PEOPLE), environment=place)

    def promote(self) -> None:
        release, place = self.pick(), self.rng.choice(PLACES)
        by = self.rng.choice(PEOPLE)
        approvals = self.town.life.approved(release, place, principal=by)
        self.town.promote(release, by=by, force=True, reason="walk", environment=place)
        assert not approvals.missing, "nobody approved, and it answers"
        self.piles[place].append(release.ref)

    def roll_back(self) -> None:
        place = self.rng.choice(PLACES)
        holder = self.town.all_live() if place is None else self.town.placed(place)
        if not holder:
            raise Conflict("nothing is there")
        back = self.town.roll_back(
            self.town.metadata.releases.get(PROJECT, holder[0]), environment=place
        )
        pile = self.piles[place]
        while pile and pile[-1] == holder[0]:
            pile.pop()
        former = pile[-1] if pile else None
        if former is None:
            assert place is not None
            assert place not in back.live_in
            pile.append(None)
        else:
            assert back.ref == former, "what was before is there again"

    def withdraw(self) -> None:
        place = self.rng.choice(ENVIRONMENTS)
        ref = next(iter(self.town.placed(place)), None) or self.pick().ref
        self.town.life.withdraw(PROJECT, ref, environment=place, principal="ann")
        self.piles[place].append(None)

    def try_(self) -> None:
        release = self.pick()
        if release.state == "canary":
            self.town.life.end_canary(PROJECT, release.ref, principal="ann")
        else:
            self.town.life.canary(PROJECT, release.ref, share=0.1, principal="ann")

    def __getattr__(self, name: str) -> object:
        if name == "try":
            return self.try_
        raise AttributeError(name)

    def check(self) -> None:
        states = Counter(one.state for one in self.releases())
        assert states["live"] <= 1
        assert states["canary"] <= 1
        for place in PLACES:
            found = self.town.all_live() if place is None else self.town.placed(place)
            assert len(found) <= 1
            top = self.piles[place][-1] if self.piles[place] else None
            assert found == ([top] if top else []), place
        assert not [one for one in self.releases() if one.state == "retired" and one.live_in]


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_moves(town: Town, seed: int) -> None:
    town.rules = RULES if seed % 2 else Rules()
    walk = Walk(town, seed)
    for _ in range(70):
        walk.step()
    assert walk.done.keys() >= {"create", "approve", "promote"}
    events = history("docs", walk.releases())
    assert [one.time_ns for one in events] == sorted((e.time_ns for e in events), reverse=True)
    assert len(events) == len(town.metadata.audit(PROJECT, limit=10_000))


class TestEnvironments:
    def test_evidence_is_against_what_answers_there(self, town: Town) -> None:
        live, placed, new = town.live(), town.create(), town.create()
        town.promote(placed, environment="eu", force=True, reason="x")
        wrong = town.compared(new, live)
        with pytest.raises(Conflict, match=f"not compared with {placed.ref}"):
            town.promote(new, environment="eu", run_id=wrong.run_id)
        right = town.compared(new, placed)
        found = town.promote(new, environment="eu", run_id=right.run_id)
        assert found.live_in == ("eu",)
        assert (found.approvals[-1].run, found.approvals[-1].environment) == (right.run_id, "eu")
        with pytest.raises(Conflict, match="answers in 'eu' already"):
            town.promote(new, environment="eu", run_id=right.run_id)

    def test_an_environment_without_a_gate_needs_no_run_and_others_do(self, town: Town) -> None:
        town.rules = Rules(environments={"staging": Rule(gate=False), "production": Rule()})
        town.live()
        new = town.create()
        assert town.promote(new, environment="staging").live_in == ("staging",)
        with pytest.raises(Conflict, match="no evidence"):
            town.promote(new, environment="production")
        with pytest.raises(Conflict, match="no evidence"):
            town.promote(new)

    def test_what_is_live_may_be_pinned_to_an_environment_without_evidence(
        self, town: Town
    ) -> None:
        live = town.live()
        assert town.promote(live, environment="eu").live_in == ("eu",)
        town.live()
        assert (town.state(live), town.placed("eu")) == ("candidate", [live.ref])

    def test_a_rollback_returns_to_what_has_retired_since(self, town: Town) -> None:
        one, two = town.live(), town.create()
        for release in (one, two):
            town.promote(release, environment="eu", force=True, reason="x")
        town.live()
        assert town.state(one) == "retired"
        back = town.roll_back(two, environment="eu")
        assert (back.ref, back.state, back.live_in) == (one.ref, "candidate", ("eu",))


class TestGuardPolicies:
    def test_a_release_has_the_version_of_its_policy_in_its_content(self, town: Town) -> None:
        first = town.create(guard_policy="strict", parameters={})
        assert first.guard_policy == "strict@a"
        with pytest.raises(Conflict, match="has the same content"):
            town.create(guard_policy="strict@a", parameters={})
        town.policies["strict"] = "b"
        second = town.create(guard_policy="strict", parameters={})
        assert (second.guard_policy, second.digest != first.digest) == ("strict@b", True)
        with pytest.raises(Exception, match="it is strict@b now"):
            town.create(guard_policy="strict@a", parameters={})

    def test_evidence_is_of_the_policy_that_was_judged(self, town: Town) -> None:
        live, new = town.live(), town.create(guard_policy="strict")
        run = town.compared(new, live)
        town.policies["strict"] = "b"
        with pytest.raises(Conflict, match="judged with strict@a, and strict@b would guard it"):
            town.promote(new, run_id=run.run_id)
        assert town.promote(new, force=True, reason="tightened").state == "live"


class TestCanaryTerms:
    def test_what_is_not_said_stays_as_it_is(self, town: Town) -> None:
        town.live()
        release = town.create()
        segment = Segment(teams=("search",))
        watch = Watch(figures=(Watched(figure="error"),))

        def canary(share: float, **terms: object) -> Release:
            life = town.life
            return life.canary(PROJECT, release.ref, share=share, principal="ann", **terms)

        begun = canary(0.1, segment=segment, watch=watch)
        assert (begun.segment, begun.watch) == (segment, watch)
        grown = canary(0.2)
        assert (grown.share, grown.segment, grown.watch) == (0.2, segment, watch)
        bare = canary(0.2, watch=None)
        assert (bare.segment, bare.watch) == (segment, None)
        assert canary(1.0).share == 1.0, "all calls of named teams"
        assert canary(0.2, segment=Segment()).segment is None
        town.life.end_canary(PROJECT, release.ref, principal="ann")
        assert canary(0.2).segment is None


def test_a_difference_names_what_changed_and_only_that(town: Town) -> None:
    base = town.create(parameters={"seed": 1, "stop": "x"}, guard_policy="strict")
    new = town.create(parameters={"seed": 2, "top_p": None})
    found = difference(base, new)
    assert [(one.field, one.before, one.after) for one in found.changes] == [
        ("guard_policy", "strict@a", UNSET),
        ("parameters.seed", 1, 2),
        ("parameters.stop", "x", UNSET),
        ("parameters.top_p", UNSET, None),
    ]
    assert difference(base, base).same
