"""What every store of releases does, as tests: states, and the one that is live."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from msgspec.structs import replace

from trimtab.errors import Conflict, NotFound
from trimtab.ports import MetadataStore
from trimtab.records.release import ReleaseState
from trimtab.testing.at_once import at_once
from trimtab.testing.metadata_samples import approve, sample_prompt, sample_release
from trimtab.testing.texts import HARD_TEXT


class ReleaseStoreContract:
    def test_a_release_is_found_by_id_and_by_route_and_version(self, store: MetadataStore) -> None:
        given = sample_release(note=HARD_TEXT)
        added = store.releases.add(given)
        assert added == replace(given, version=1)
        assert store.releases.get("default", "r1") == added
        assert store.releases.get("default", "docs@1") == added

    def test_versions_count_within_a_route(self, store: MetadataStore) -> None:
        refs = [
            store.releases.add(sample_release(f"r{i}", model=f"m{i}", route=route)).ref
            for i, route in enumerate(["docs", "docs", "chat"])
        ]
        assert refs == ["docs@1", "docs@2", "chat@1"]

    @pytest.mark.parametrize("ref", ["nothing", "docs", "docs@2", "chat@1", ""])
    def test_an_unknown_release_is_not_found(self, store: MetadataStore, ref: str) -> None:
        store.releases.add(sample_release())
        with pytest.raises(NotFound):
            store.releases.get("default", ref)
        with pytest.raises(NotFound):
            store.releases.get("other", "r1")

    def test_the_same_content_twice_on_a_route_is_a_conflict_until_it_retires(
        self, store: MetadataStore
    ) -> None:
        store.releases.add(sample_release("r1"))
        with pytest.raises(Conflict, match="docs@1"):
            store.releases.add(sample_release("r2"))
        store.releases.add(sample_release("r3", route="chat"))
        store.releases.transition("default", "r1", "retired", approve("retire"))
        assert store.releases.add(sample_release("r2")).version == 2

    def test_an_id_is_used_once(self, store: MetadataStore) -> None:
        store.releases.add(sample_release("r1"))
        with pytest.raises(Conflict, match="r1"):
            store.releases.add(sample_release("r1", model="m2"))

    def test_a_second_live_release_cannot_be_added(self, store: MetadataStore) -> None:
        store.releases.add(sample_release("r1", state="live"))
        with pytest.raises(Conflict, match="docs@1"):
            store.releases.add(sample_release("r2", model="m2", state="live"))

    def test_a_transition_changes_the_state_and_appends_the_approval(
        self, store: MetadataStore
    ) -> None:
        store.releases.add(sample_release())
        first = approve("approve", run="run-1", reason="the gate passed")
        store.releases.transition("default", "r1", "candidate", first)
        changed = store.releases.transition("default", "r1", "live", approve())
        assert (changed.state, changed.approvals) == ("live", (first, approve()))
        assert store.releases.get("default", "r1") == changed
        assert store.releases.live() == [changed]

    def test_making_a_release_live_retires_the_one_that_was(self, store: MetadataStore) -> None:
        for number in (1, 2):
            store.releases.add(sample_release(f"r{number}", model=f"m{number}"))
            store.releases.transition("default", f"r{number}", "live", approve())
        former = store.releases.get("default", "r1")
        assert former.state == "retired"
        assert [approval.action for approval in former.approvals] == ["promote", "retire"]
        assert former.approvals[-1].principal == "ann"
        assert [release.ref for release in store.releases.live()] == ["docs@2"]

    def test_a_decision_against_one_live_release_is_not_carried_out_on_another(
        self, store: MetadataStore
    ) -> None:
        for release_id in ("r1", "r2", "r3"):
            store.releases.add(sample_release(release_id, model=release_id))
        store.releases.transition("default", "r1", "live", approve(), over="")
        store.releases.transition("default", "r2", "live", approve(), over="r1")
        for stale in ("r1", ""):
            with pytest.raises(Conflict, match="meanwhile"):
                store.releases.transition("default", "r3", "live", approve(), over=stale)
        assert [release.release_id for release in store.releases.live()] == ["r2"]
        assert store.releases.get("default", "r3").approvals == ()

    def test_a_live_release_stays_live_when_it_is_made_live_again(
        self, store: MetadataStore
    ) -> None:
        store.releases.add(sample_release())
        for _ in range(2):
            changed = store.releases.transition("default", "r1", "live", approve())
        assert changed.state == "live"
        assert store.releases.live() == [changed]

    def test_routes_and_projects_each_have_their_live_release(self, store: MetadataStore) -> None:
        places = [("b", "docs"), ("a", "docs"), ("a", "chat")]
        for i, (project, route) in enumerate(places):
            store.releases.add(sample_release(f"r{i}", project=project, route=route))
            store.releases.transition(project, f"r{i}", "live", approve())
        found = [(release.project, release.route) for release in store.releases.live()]
        assert sorted(found) == sorted(places)

    def test_a_transition_of_what_is_not_there_is_not_found_and_counts_as_nothing(
        self, store: MetadataStore
    ) -> None:
        store.releases.add(sample_release())
        before = store.releases.revision()
        with pytest.raises(NotFound):
            store.releases.transition("other", "r1", "live", approve())
        with pytest.raises(NotFound):
            store.releases.transition("default", "r2", "live", approve())
        assert store.releases.revision() == before

    def test_the_list_is_newest_first_and_can_be_narrowed(self, store: MetadataStore) -> None:
        for i, (project, route) in enumerate([("a", "docs"), ("a", "chat"), ("b", "docs")]):
            store.releases.add(sample_release(f"r{i}", project=project, route=route, created_ns=i))
        ids = [release.release_id for release in store.releases.list()]
        assert ids == ["r2", "r1", "r0"]
        assert [release.release_id for release in store.releases.list("a")] == ["r1", "r0"]
        assert [release.release_id for release in store.releases.list("a", "docs")] == ["r0"]
        assert [release.release_id for release in store.releases.list(route="docs")] == ["r2", "r0"]

    def test_the_revision_grows_with_every_change_and_with_nothing_else(
        self, store: MetadataStore
    ) -> None:
        seen = [store.releases.revision()]
        store.releases.add(sample_release())
        seen.append(store.releases.revision())
        store.releases.transition("default", "r1", "live", approve())
        seen.append(store.releases.revision())
        assert seen[0] < seen[1] < seen[2]
        store.releases.list()
        store.prompts.add(sample_prompt())
        assert store.releases.revision() == seen[2]

    def test_a_canary_has_the_share_of_its_approval_until_it_is_none_any_more(
        self, store: MetadataStore
    ) -> None:
        store.releases.add(sample_release())
        for share in (0.05, 0.2):
            begun = approve("canary", share=share)
            changed = store.releases.transition("default", "r1", "canary", begun)
            assert (changed.state, changed.share) == ("canary", share)
            assert store.releases.get("default", "r1") == changed
        for state in ("candidate", "live"):
            changed = store.releases.transition("default", "r1", state, approve())
            assert changed.share is None

    def test_a_route_has_one_canary(self, store: MetadataStore) -> None:
        for number, route in enumerate(["docs", "docs", "chat"]):
            store.releases.add(sample_release(f"r{number}", model=f"m{number}", route=route))
        begun = approve("canary", share=0.1)
        store.releases.transition("default", "r0", "canary", begun)
        with pytest.raises(Conflict, match="docs@1 is the canary"):
            store.releases.transition("default", "r1", "canary", begun)
        assert store.releases.transition("default", "r2", "canary", begun).state == "canary"
        assert store.releases.get("default", "r1").approvals == ()

    def test_a_transition_may_be_of_some_states_only(self, store: MetadataStore) -> None:
        store.releases.add(sample_release())
        store.releases.transition("default", "r1", "live", approve())
        among: tuple[ReleaseState, ...] = ("canary",)
        end = approve("end_canary")
        with pytest.raises(Conflict, match="is live, not canary"):
            store.releases.transition("default", "r1", "candidate", end, among=among)
        assert store.releases.get("default", "r1").state == "live"

    def test_a_transition_may_end_the_canary_beside_it(self, store: MetadataStore) -> None:
        for number in range(3):
            store.releases.add(sample_release(f"r{number}", model=f"m{number}"))
        store.releases.transition("default", "r0", "live", approve())
        store.releases.transition("default", "r1", "canary", approve("canary", share=0.1))
        store.releases.transition("default", "r2", "live", approve())
        assert store.releases.get("default", "r1").state == "canary"
        store.releases.transition("default", "r0", "live", approve("roll_back"), ends_canary=True)
        ended = store.releases.get("default", "r1")
        assert (ended.state, ended.share) == ("candidate", None)
        assert ended.approvals[-1].action == "end_canary"

    def test_of_canaries_and_promotions_at_once_one_of_each_is_left(
        self, store: MetadataStore
    ) -> None:
        at_once(lambda i: store.releases.add(sample_release(f"r{i}", model=f"m{i}")), 8)

        def move(number: int) -> None:
            state: ReleaseState = "live" if number % 2 else "canary"
            approval = approve("promote" if number % 2 else "canary", share=0.1)
            with contextlib.suppress(Conflict):
                store.releases.transition("default", f"r{number}", state, approval)

        at_once(move, 8)
        found = Counter(release.state for release in store.releases.list())
        assert (found["live"], found["canary"]) == (1, 1)

    def test_concurrent_promotions_leave_one_live_release_and_count_each(
        self, store: MetadataStore
    ) -> None:
        added = at_once(lambda i: store.releases.add(sample_release(f"r{i}", model=f"m{i}")), 12)
        assert sorted(release.version for release in added) == list(range(1, 13))
        before = store.releases.revision()
        at_once(lambda i: store.releases.transition("default", f"r{i}", "live", approve()), 12)
        (live,) = store.releases.live()
        assert store.releases.revision() == before + 12
        others = [r for r in store.releases.list() if r.release_id != live.release_id]
        assert all(release.approvals[-1].action == "retire" for release in others)
