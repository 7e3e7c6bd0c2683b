"""What every store of releases does with environments, canaries and notes, as tests."""

from __future__ import annotations

import contextlib

import pytest

from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.ports import MetadataStore
from trimtab.records import Approval, Release, Segment, Watch, Watched
from trimtab.records.release import ReleaseState
from trimtab.testing.at_once import at_once
from trimtab.testing.metadata_samples import approve, sample_release


def add_releases(store: MetadataStore, count: int) -> None:
    """`r0`, `r1` ... of one route, which are docs@1, docs@2 ..."""
    for number in range(count):
        store.releases.add(sample_release(f"r{number}", model=f"m{number}"))


def there(environment: str = "staging", **changes: object) -> Approval:
    return approve("promote", environment=environment, **changes)


class PlacementContract:
    def test_an_environment_has_one_release_of_a_route(self, store: MetadataStore) -> None:
        add_releases(store, 2)
        store.releases.add(sample_release("c0", route="chat"))
        placed = store.releases.place("default", "r0", there(reason="try it"))
        assert (placed.live_in, placed.state) == (("staging",), "draft")
        assert placed.approvals == (there(reason="try it"),)
        assert store.releases.get("default", "r0") == placed
        store.releases.place("default", "r0", there("eu"))
        store.releases.place("default", "c0", there())
        store.releases.place("default", "r1", there())
        found = {one.release_id: one.live_in for one in store.releases.list()}
        assert found == {"r0": ("eu",), "r1": ("staging",), "c0": ("staging",)}
        last = store.releases.get("default", "r0").approvals[-1]
        assert (last.action, last.principal, last.environment) == ("withdraw", "ann", "staging")
        assert "docs@2" in (last.reason or "")

    def test_what_answers_nowhere_is_where_it_was(self, store: MetadataStore) -> None:
        add_releases(store, 1)
        store.releases.transition("default", "r0", "candidate", approve("approve"))
        store.releases.place("default", "r0", there())
        withdrawal = approve("withdraw", environment="staging")
        withdrawn = store.releases.place("default", "r0", withdrawal, withdraw=True)
        assert (withdrawn.live_in, withdrawn.state) == ((), "candidate")
        assert withdrawn.approvals[-1] == withdrawal
        with pytest.raises(Conflict, match="staging"):
            store.releases.place("default", "r0", withdrawal, withdraw=True)
        assert store.releases.get("default", "r0") == withdrawn

    def test_a_decision_against_what_answers_there_is_not_carried_out_on_another(
        self, store: MetadataStore
    ) -> None:
        add_releases(store, 3)
        store.releases.place("default", "r0", there(), over="")
        store.releases.place("default", "r1", there(), over="r0")
        for stale in ("", "r0", "r2"):
            with pytest.raises(Conflict, match="docs@2 answers in 'staging'"):
                store.releases.place("default", "r2", there(), over=stale)
        withdrawal = approve("withdraw", environment="staging")
        with pytest.raises(Conflict):
            store.releases.place("default", "r0", withdrawal, withdraw=True)
        assert store.releases.get("default", "r2").approvals == ()
        assert store.releases.get("default", "r1").live_in == ("staging",)

    @pytest.mark.parametrize("environment", [None, "", " ", "a@b", "a\nb"])
    def test_a_place_has_a_name(self, store: MetadataStore, environment: str | None) -> None:
        add_releases(store, 1)
        with pytest.raises(InvalidRequest, match="environment"):
            store.releases.place("default", "r0", approve(environment=environment))

    def test_what_is_live_may_answer_in_an_environment_too_and_stays_there_when_replaced(
        self, store: MetadataStore
    ) -> None:
        add_releases(store, 2)
        store.releases.transition("default", "r0", "live", approve())
        store.releases.place("default", "r0", there())
        assert store.releases.get("default", "r0").state == "live"
        store.releases.transition("default", "r1", "live", approve())
        former = store.releases.get("default", "r0")
        assert (former.state, former.live_in) == ("candidate", ("staging",))
        assert (former.approvals[-1].action, former.approvals[-1].environment) == ("withdraw", None)
        assert [one.ref for one in store.releases.live()] == ["docs@2"]
        store.releases.place("default", "r1", there())
        assert store.releases.get("default", "r0").state == "candidate"
        back = store.releases.transition("default", "r0", "live", approve("roll_back"))
        assert back.state == "live"
        assert store.releases.get("default", "r1").live_in == ("staging",)

    def test_what_retires_answers_nowhere_and_cannot_be_placed(self, store: MetadataStore) -> None:
        add_releases(store, 2)
        store.releases.place("default", "r0", there())
        retired = store.releases.transition("default", "r0", "retired", approve("retire"))
        assert retired.live_in == ()
        with pytest.raises(Conflict, match="docs@1 is retired"):
            store.releases.place("default", "r0", there())
        store.releases.place("default", "r1", there(), over="")

    def test_a_rollback_returns_to_a_retired_release_which_is_a_candidate_then(
        self, store: MetadataStore
    ) -> None:
        add_releases(store, 2)
        store.releases.transition("default", "r0", "retired", approve("retire"))
        store.releases.place("default", "r1", there())
        back = approve("roll_back", environment="staging")
        found = store.releases.place("default", "r0", back, over="r1")
        assert (found.state, found.live_in) == ("candidate", ("staging",))
        assert store.releases.get("default", "r0") == found
        assert store.releases.get("default", "r1").live_in == ()

    def test_a_release_cannot_be_added_where_another_answers(self, store: MetadataStore) -> None:
        store.releases.add(sample_release("r0", live_in=("eu", "staging")))
        with pytest.raises(Conflict, match="docs@1"):
            store.releases.add(sample_release("r1", model="m1", live_in=("staging",)))
        store.releases.add(sample_release("r1", model="m1", live_in=("us",)))

    def test_of_placements_at_once_one_is_left_and_each_is_on_record(
        self, store: MetadataStore
    ) -> None:
        add_releases(store, 8)
        before = store.releases.revision()
        at_once(lambda i: store.releases.place("default", f"r{i}", there()), 8)
        assert store.releases.revision() == before + 8
        found = store.releases.list()
        assert sum("staging" in one.live_in for one in found) == 1
        actions = sorted(approval.action for one in found for approval in one.approvals)
        assert actions == ["promote"] * 8 + ["withdraw"] * 7

    def test_of_placements_at_once_that_expect_the_same_one_succeeds(
        self, store: MetadataStore
    ) -> None:
        add_releases(store, 8)
        placed: list[Release] = []

        def place(number: int) -> None:
            with contextlib.suppress(Conflict):
                placed.append(store.releases.place("default", f"r{number}", there(), over=""))

        at_once(place, 8)
        assert [one.release_id for one in store.releases.list() if one.live_in] == [
            one.release_id for one in placed
        ]
        assert len(placed) == 1

    def test_a_canary_has_the_segment_and_the_watch_of_its_approval_while_it_is_one(
        self, store: MetadataStore
    ) -> None:
        add_releases(store, 2)
        segment = Segment(teams=("a",), attributes={"plan": "free"})
        watch = Watch(figures=(Watched(figure="error"), Watched(figure="score", score="f1")))
        begun = approve("canary", share=0.1, segment=segment, watch=watch)
        states: tuple[ReleaseState, ...] = ("candidate", "live")
        for state in states:
            changed = store.releases.transition("default", "r0", "canary", begun)
            assert (changed.segment, changed.watch) == (segment, watch)
            assert store.releases.get("default", "r0") == changed
            ended = store.releases.transition("default", "r0", state, approve())
            assert (ended.share, ended.segment, ended.watch) == (None, None, None)
        store.releases.transition("default", "r1", "canary", begun)
        store.releases.transition("default", "r0", "live", approve(), ends_canary=True)
        ended = store.releases.get("default", "r1")
        assert (ended.state, ended.segment, ended.watch) == ("candidate", None, None)

    def test_a_note_changes_nothing_but_the_approvals(self, store: MetadataStore) -> None:
        add_releases(store, 1)
        before, revision = store.releases.get("default", "r0"), store.releases.revision()
        said = approve("approve", reason="read it")
        noted = store.releases.note("default", "r0", said)
        assert noted.approvals == (said,)
        assert (noted.state, noted.live_in) == (before.state, before.live_in)
        assert store.releases.get("default", "r0") == noted
        assert store.releases.revision() == revision + 1
        at_once(lambda _: store.releases.note("default", "r0", said), 8)
        assert len(store.releases.get("default", "r0").approvals) == 9

    def test_what_is_not_there_is_not_found_and_counts_as_nothing(
        self, store: MetadataStore
    ) -> None:
        add_releases(store, 1)
        for project, release_id in (("default", "r9"), ("other", "r0")):
            with pytest.raises(NotFound):
                store.releases.note(project, release_id, approve())
            with pytest.raises(NotFound):
                store.releases.place(project, release_id, there())
        assert store.releases.revision() == 1

    def test_who_did_it_is_on_record(self, store: MetadataStore) -> None:
        store.releases.add(sample_release("r0", author="bob"))
        store.releases.add(sample_release("r1", model="m1"))
        for number in range(2):
            store.releases.place("default", f"r{number}", there())
        store.releases.note("default", "r1", approve("approve", principal="cy"))
        entries = store.audit("default", action="release")[::-1]
        assert [(one.action, one.object, one.principal) for one in entries] == [
            ("release.add", "docs@1", "bob"),
            ("release.add", "docs@2", None),
            ("release.promote", "docs@1", "ann"),
            ("release.withdraw", "docs@1", "ann"),
            ("release.promote", "docs@2", "ann"),
            ("release.approve", "docs@2", "cy"),
        ]
