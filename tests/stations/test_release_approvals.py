"""Approvals: other people's, of this very content, and not older than what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.stations.town import PROJECT, Town
from tests.tables import metadata_in

from trimtab.errors import Conflict, InvalidRequest
from trimtab.records import Release
from trimtab.releases.moves import WATCHER
from trimtab.releases.rules import Rule, Rules

RULES = Rules(
    live=Rule(approvals=2),
    environments={"staging": Rule(gate=False), "eu": Rule(approvals=1, gate=False)},
)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with closing(metadata_in(tmp_path)) as metadata:
        yield Town(metadata, RULES)


def refusal(town: Town, release: Release, by: str = "ann", **how: object) -> Conflict:
    with pytest.raises(Conflict) as caught:
        town.promote(release, by=by, **{"force": True, "reason": "now", **how})
    return caught.value


def test_a_release_needs_so_many_people_and_force_does_not_help(town: Town) -> None:
    release = town.create(author="zoe")
    error = refusal(town, release)
    assert "docs@1 needs 2 approvals to go live" in error.what
    assert "it has none" in error.what
    assert error.fix == "let them run `trimtab releases approve docs@1 --reason WHY`"
    assert error.fields == {"needed": 2, "missing": 2}
    town.approve(release, "bob")
    assert "it has those of bob" in refusal(town, release).what
    town.approve(release, "cy")
    assert town.promote(release).state == "live"


@pytest.mark.parametrize("second", ["bob", "ann", "bob-laptop"])
def test_one_person_counts_once_and_whoever_promotes_not_at_all(town: Town, second: str) -> None:
    town.people = {"bob-laptop": "bob"}
    release = town.create(author="zoe")
    town.approve(release, "bob")
    town.approve(release, second)
    assert refusal(town, release).fields["missing"] == 1
    assert refusal(town, release, by="bob-laptop").fields["missing"] >= 1


def test_the_author_cannot_approve_with_any_key(town: Town) -> None:
    town.people = {"zoe-laptop": "zoe"}
    release = town.create(author="zoe")
    for key in ("zoe", "zoe-laptop"):
        with pytest.raises(Conflict, match="whose approval of it does not count"):
            town.approve(release, key)
    assert town.get(release).approvals == ()


def test_where_everybody_is_local_the_error_says_what_to_do(town: Town) -> None:
    release = town.create(author="local")
    with pytest.raises(Conflict) as caught:
        town.approve(release, "local")
    for error in (caught.value, refusal(town, release, by="local")):
        assert error.fix is not None
        assert "without credentials everybody is `local`" in error.fix
        assert "trimtab keys issue" in error.fix


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_approval_needs_a_reason(town: Town, reason: str) -> None:
    release = town.create()
    with pytest.raises(InvalidRequest, match="an approval needs a reason"):
        town.life.approve(PROJECT, release.ref, principal="bob", reason=reason)


def test_an_approval_for_an_environment_counts_there_and_one_for_all_everywhere(
    town: Town,
) -> None:
    town.rules = Rules()
    town.promote(town.create("other"), environment="us")
    town.rules = Rules(live=Rule(approvals=1), environments=RULES.environments)
    release = town.create(author="zoe")
    assert town.promote(release, environment="staging").live_in == ("staging",)
    assert "to answer in 'eu'" in refusal(town, release, environment="eu").what
    town.approve(release, "bob", environment="eu")
    assert town.promote(release, environment="eu").live_in == ("eu", "staging")
    assert "to go live" in refusal(town, release).what
    assert "to answer in 'us'" in refusal(town, release, environment="us").what
    town.approve(release, "bob")
    assert town.promote(release, environment="us").live_in == ("eu", "staging", "us")
    assert town.promote(release).state == "live"


def test_an_approval_is_of_one_content(town: Town) -> None:
    first, second = town.create(author="zoe"), town.create(author="zoe")
    for who in ("bob", "cy"):
        town.approve(first, who)
    assert refusal(town, second).fields["missing"] == 2


class TestStale:
    @pytest.fixture
    def approved(self, town: Town) -> Release:
        release = town.create(author="zoe")
        for who in ("bob", "cy"):
            town.approve(release, who)
        return release

    def test_a_comparison_that_fails_later_makes_them_stale(
        self, town: Town, approved: Release
    ) -> None:
        other = town.create("other")
        town.compared(approved, other, "fail", ended_ns=1)
        town.compared(approved, other, "pass", ended_ns=town.clock.now_ns())
        town.compared(approved, other, "inconclusive", ended_ns=town.clock.now_ns())
        town.compared(other, approved, "fail", ended_ns=town.clock.now_ns())
        assert not town.life.approved(approved).stale
        failed = town.compared(approved, other, "fail", ended_ns=town.clock.now_ns())
        error = refusal(town, approved)
        assert f"bob, cy must look again: run {failed.run_id} failed" in error.what
        assert town.life.approved(approved).missing == 2
        for who in ("bob", "cy"):
            town.approve(approved, who)
        assert town.promote(approved).state == "live"

    def test_what_was_taken_back_is_looked_at_again(self, town: Town, approved: Release) -> None:
        before = town.create(author="zoe")
        for who in ("bob", "cy"):
            town.approve(before, who)
        town.promote(before)
        town.promote(approved, force=True, reason="now")
        town.roll_back(approved)
        assert "it was taken back since" in refusal(town, approved).what
        assert not town.life.approved(before).stale, "what took its place was not taken back"
        assert town.state(before) == "live", "a way back waits for nobody"

    def test_a_canary_that_its_watch_ended_is_looked_at_again(
        self, town: Town, approved: Release
    ) -> None:
        canary = {"share": 0.1, "beside_targets": True}
        town.life.canary(PROJECT, approved.ref, principal="ann", **canary)
        town.life.end_canary(PROJECT, approved.ref, principal="ann")
        assert not town.life.approved(approved).stale, "somebody ended it, who may know why"
        town.life.canary(PROJECT, approved.ref, principal="ann", **canary)
        assert town.life.status(PROJECT, "docs").taken_back is None
        ended = town.life.end_canary(PROJECT, approved.ref, principal=WATCHER, reason="errors")
        assert "its watch ended it" in refusal(town, approved).what
        back = town.life.status(PROJECT, "docs").taken_back
        assert back is not None
        when = ended.approvals[-1].time_ns
        assert (back.release, back.time_ns, back.reason) == (approved.ref, when, "errors")
        town.life.canary(PROJECT, approved.ref, principal="ann", **canary)
        assert town.life.status(PROJECT, "docs").taken_back is None, "it is tried again"

    def test_what_another_release_replaced_keeps_its_approvals(
        self, town: Town, approved: Release
    ) -> None:
        town.promote(approved)
        other = town.create(author="zoe")
        for who in ("bob", "cy"):
            town.approve(other, who)
        town.promote(other, force=True, reason="now")
        assert town.state(approved) == "retired"
        assert town.promote(approved, force=True, reason="back").state == "live"


class TestStatus:
    def test_it_says_what_answers_what_waits_and_what_is_next(self, town: Town) -> None:
        first = town.create(author="zoe")
        found = town.life.status(PROJECT, "docs")
        assert (found.live, found.canary, found.environments) == (None, None, ())
        assert found.waiting is not None
        assert (found.waiting.release, found.waiting.approved.missing) == ("docs@1", 2)
        assert found.next == "2 more to approve: trimtab releases approve docs@1 --reason WHY"
        for who in ("bob", "cy"):
            town.approve(first, who)
        assert town.life.status(PROJECT, "docs").next == "trimtab releases promote docs@1"
        town.promote(first)
        assert town.life.status(PROJECT, "docs").next.startswith("nothing waits")
        second = town.create(author="zoe")
        town.promote(second, environment="staging")
        found = town.life.status(PROJECT, "docs")
        assert found.live is not None
        assert (found.live.release, found.live.by) == ("docs@1", "ann")
        (place,) = found.environments
        assert (place.environment, place.release) == ("staging", "docs@2")
        assert found.next.startswith("trimtab eval --release docs@2 ")
        town.compared(second, first, "inconclusive")
        assert "the gate said inconclusive" in town.life.status(PROJECT, "docs").next

    def test_a_canary_is_there_since_it_began_whatever_its_share_became(self, town: Town) -> None:
        release = town.create()
        canary = {"principal": "ann", "beside_targets": True}
        begun = town.life.canary(PROJECT, release.ref, share=0.1, **canary)
        town.life.canary(PROJECT, release.ref, share=0.2, **canary)
        found = town.life.status(PROJECT, "docs").canary
        assert found is not None
        assert (found.share, found.since_ns) == (0.2, begun.approvals[0].time_ns)


@pytest.mark.parametrize(
    ("said", "fix"),
    [("Staging", "did you mean 'staging'?"), ("stagin", "did you mean 'staging'?"), ("x", "Known")],
)
def test_a_misspelt_environment_is_refused(town: Town, said: str, fix: str) -> None:
    release = town.create(author="zoe")
    for move in (
        lambda: town.approve(release, "bob", environment=said),
        lambda: town.promote(release, environment=said, force=True, reason="now"),
    ):
        with pytest.raises(InvalidRequest, match="is listed") as caught:
            move()
        assert caught.value.where == "environment"
        assert (caught.value.fix or "").startswith(fix)
        assert "Known are eu, staging" in (caught.value.fix or "")
    assert town.get(release).approvals == ()


def test_an_environment_is_known_once_a_release_answered_in_it(town: Town) -> None:
    town.rules = Rules()
    town.promote(town.create("other"), environment="old")
    town.rules = RULES
    release = town.create(author="zoe")
    assert town.approve(release, "bob", environment="old").approvals[-1].environment == "old"
    with pytest.raises(InvalidRequest, match="is listed"):
        town.approve(release, "bob", environment="older")
