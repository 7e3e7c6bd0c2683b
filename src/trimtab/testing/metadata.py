"""What every metadata store does, as tests: subclass and provide the fixture `store`.

    class TestMyStore(MetadataStoreContract):
        @pytest.fixture
        def store(self):
            with closing(MyStore()) as store:
                yield store

`store` is open, empty, and shared by the threads of a test.
"""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from msgspec.structs import replace

from trimtab.errors import Conflict, InvalidRequest, NotFound, StoreError
from trimtab.ports import MetadataStore
from trimtab.records import (
    Approval,
    Message,
    ModelTarget,
    Prompt,
    Release,
    Retrieval,
)
from trimtab.records.prompt import prompt_digest
from trimtab.records.release import ReleaseState, release_digest
from trimtab.testing.at_once import at_once
from trimtab.testing.metadata_access import (
    AllowanceStoreContract,
    ApprovedModelStoreContract,
    GatewayRevisionContract,
    GuardPolicyStoreContract,
    KeyStoreContract,
    RouteStoreContract,
    SpendStoreContract,
)
from trimtab.testing.metadata_datasets import DatasetStoreContract
from trimtab.testing.metadata_runs import CardStoreContract, ResultContract, RunStoreContract
from trimtab.testing.texts import HARD_TEXT


def sample_prompt(
    text: str = "Answer briefly.", *, name: str = "docs", **changes: object
) -> Prompt:
    """A prompt as its station hands it to the store: the version is not assigned yet."""
    messages = (Message(role="system", content=text), Message(role="user", content="{{question}}"))
    prompt = Prompt(
        name=name,
        version=0,
        messages=messages,
        variables=("question",),
        parameters={"temperature": 0.0},
        digest=prompt_digest(messages, {"temperature": 0.0}),
        created_ns=1_700_000_000_000_000_000,
    )
    return replace(prompt, **changes)


def sample_release(
    release_id: str = "r1", *, model: str = "trimtab/extract", **changes: object
) -> Release:
    """A release whose content differs with `model`."""
    targets = (ModelTarget(model=model),)
    retrieval = Retrieval(corpus="docs")
    release = Release(
        release_id=release_id,
        route="docs",
        version=0,
        targets=targets,
        retrieval=retrieval,
        digest=release_digest(None, targets, {}, None, retrieval),
        created_ns=1_700_000_000_000_000_000,
    )
    return replace(release, **changes)


def approve(action: str = "promote", **changes: object) -> Approval:
    approval = Approval(principal="ann", time_ns=1_700_000_000_000_000_001, action="approve")
    return replace(approval, action=action, **changes)


class PromptStoreContract:
    def test_a_prompt_comes_back_as_it_was_with_its_version_assigned(
        self, store: MetadataStore
    ) -> None:
        given = sample_prompt(HARD_TEXT, labels=("a", "b"), output_schema={"type": "object"})
        added = store.prompts.add(given)
        assert added == replace(given, version=1)
        assert store.prompts.get("default", "docs@1") == added
        assert store.prompts.get("default", "docs") == added

    def test_versions_count_from_one_and_a_bare_name_is_the_newest(
        self, store: MetadataStore
    ) -> None:
        versions = [store.prompts.add(sample_prompt(text)).version for text in "abc"]
        assert versions == [1, 2, 3]
        assert store.prompts.get("default", "docs").version == 3
        assert store.prompts.get("default", "docs@2").messages[0].content == "b"

    def test_adding_the_newest_content_again_returns_it(self, store: MetadataStore) -> None:
        first = store.prompts.add(sample_prompt("a"))
        assert store.prompts.add(sample_prompt("a", created_ns=5, labels=("late",))) == first
        assert len(store.prompts.list("default")) == 1

    def test_going_back_to_earlier_content_is_a_new_version(self, store: MetadataStore) -> None:
        assert [store.prompts.add(sample_prompt(text)).version for text in "aba"] == [1, 2, 3]

    def test_the_list_has_the_newest_of_each_name_of_one_project_by_name(
        self, store: MetadataStore
    ) -> None:
        for name, text in [("b", "1"), ("a", "1"), ("b", "2"), ("Z", "1"), ("é", "1")]:
            store.prompts.add(sample_prompt(text, name=name))
        store.prompts.add(sample_prompt(project="other"))
        assert [prompt.ref for prompt in store.prompts.list("default")] == [
            "Z@1",
            "a@1",
            "b@2",
            "é@1",
        ]
        assert store.prompts.list("nowhere") == []

    def test_all_are_every_version_of_every_project(self, store: MetadataStore) -> None:
        assert list(store.prompts.all()) == []
        for text, project in [("a", "one"), ("b", "one"), ("a", "two")]:
            store.prompts.add(sample_prompt(text, project=project))
        found = sorted((prompt.project, prompt.ref) for prompt in store.prompts.all())
        assert found == [("one", "docs@1"), ("one", "docs@2"), ("two", "docs@1")]

    def test_the_revision_of_prompts_grows_with_every_version_and_with_nothing_else(
        self, store: MetadataStore
    ) -> None:
        before = store.prompts.revision()
        store.prompts.add(sample_prompt("a"))
        first = store.prompts.revision()
        assert first > before
        store.prompts.add(sample_prompt("a"))
        store.releases.add(sample_release())
        assert store.prompts.revision() == first
        at_once(lambda i: store.prompts.add(sample_prompt(f"{i}", name=f"p{i % 3}")), 12)
        assert store.prompts.revision() == first + 12

    def test_projects_do_not_see_each_others_prompts(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt("a", project="one"))
        assert store.prompts.add(sample_prompt("a", project="two")).version == 1
        with pytest.raises(NotFound):
            store.prompts.get("three", "docs")

    def test_an_unknown_prompt_is_not_found_and_a_close_name_is_offered(
        self, store: MetadataStore
    ) -> None:
        store.prompts.add(sample_prompt(name="support-bot"))
        with pytest.raises(NotFound, match="support-bot"):
            store.prompts.get("default", "suport-bot")
        with pytest.raises(NotFound, match="support-bot@1"):
            store.prompts.get("default", "support-bot@2")

    @pytest.mark.parametrize(
        "version", ["x", "0", "", "-1", "1.0", "1@1", " 1", "٣", "1000000", "9" * 5000]
    )
    def test_a_malformed_version_is_refused_with_the_versions_there_are(
        self, store: MetadataStore, version: str
    ) -> None:
        store.prompts.add(sample_prompt())
        with pytest.raises((InvalidRequest, NotFound), match="docs@1") as caught:
            store.prompts.get("default", f"docs@{version}")
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("name", ["", " ", "a@b", "a\x00b", "a\nb", "\ud800", "x" * 201])
    def test_a_name_that_no_reference_could_hold_is_refused(
        self, store: MetadataStore, name: str
    ) -> None:
        with pytest.raises(InvalidRequest):
            store.prompts.add(sample_prompt(name=name))
        with pytest.raises(InvalidRequest):
            store.prompts.add(sample_prompt(project=name))
        assert store.prompts.list("default") == []

    def test_a_number_beyond_64_bits_is_refused_or_kept(self, store: MetadataStore) -> None:
        given = sample_prompt(created_ns=2**63)
        try:
            assert store.prompts.add(given).created_ns == 2**63
        except InvalidRequest:
            assert store.prompts.list("default") == []

    def test_concurrent_writers_get_consecutive_versions(self, store: MetadataStore) -> None:
        added = at_once(lambda i: store.prompts.add(sample_prompt(f"text {i}")), 48)
        assert sorted(prompt.version for prompt in added) == list(range(1, 49))
        for prompt in added:
            assert store.prompts.get("default", prompt.ref) == prompt

    def test_concurrent_writers_of_one_content_make_one_version(self, store: MetadataStore) -> None:
        added = at_once(lambda _: store.prompts.add(sample_prompt()), 16)
        assert {prompt.version for prompt in added} == {1}


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


class CursorStoreContract:
    """Everything `ports.CursorStore` promises."""

    def test_a_cursor_starts_at_zero_and_keeps_what_was_put(self, store: MetadataStore) -> None:
        assert store.cursors.get("scoring") == 0
        for value in (5, 2**62, 3):
            store.cursors.put("scoring", value)
            assert store.cursors.get("scoring") == value
        assert store.cursors.get("monitoring") == 0


class MetadataStoreContract(
    PromptStoreContract,
    DatasetStoreContract,
    ReleaseStoreContract,
    RunStoreContract,
    ResultContract,
    CardStoreContract,
    CursorStoreContract,
    KeyStoreContract,
    AllowanceStoreContract,
    ApprovedModelStoreContract,
    GuardPolicyStoreContract,
    RouteStoreContract,
    SpendStoreContract,
    GatewayRevisionContract,
):
    """Everything `ports.MetadataStore` promises."""

    def test_ping_is_quiet_while_open_and_an_error_once_closed(self, store: MetadataStore) -> None:
        store.ping()
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.ping()
        with pytest.raises(StoreError, match="closed"):
            store.prompts.list("default")
