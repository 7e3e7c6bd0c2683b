"""What every store of plans, learnt shares, probes and the audit does, as tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.ports import LearntShares, MetadataStore
from trimtab.records import PlanRun, View
from trimtab.testing.at_once import at_once
from trimtab.testing.metadata_samples import (
    NOW_NS,
    sample_look,
    sample_plan,
    sample_plan_run,
    sample_probe,
    sample_prompt,
    sample_release,
    sample_step,
)
from trimtab.testing.texts import HARD_TEXT

DAY_NS = 86_400 * 10**9


class PlanStoreContract:
    def test_a_plan_comes_back_as_it_was_with_its_version_assigned(
        self, store: MetadataStore
    ) -> None:
        added = store.plans.add(sample_plan(HARD_TEXT))
        assert added == replace(sample_plan(HARD_TEXT), version=1)
        assert store.plans.get("default", "triage@1") == added
        assert store.plans.add(sample_plan(HARD_TEXT, created_ns=5)) == added
        second = store.plans.add(sample_plan("other", author="ann"))
        assert store.plans.get("default", "triage") == second
        assert second.ref == "triage@2"
        entries = store.audit("default", action="plan.add")[::-1]
        assert [(one.object, one.principal) for one in entries] == [
            ("triage@1", None),
            ("triage@2", "ann"),
        ]

    def test_the_list_has_the_newest_of_each_name_of_one_project_by_name(
        self, store: MetadataStore
    ) -> None:
        store.prompts.add(sample_prompt(name="b"))
        for name, message in [("b", "1"), ("a", "1"), ("b", "2"), ("Z", "1")]:
            store.plans.add(sample_plan(message, name=name))
        store.plans.add(sample_plan(project="other"))
        assert [plan.ref for plan in store.plans.list("default")] == ["Z@1", "a@1", "b@2"]
        assert store.plans.list("nowhere") == []

    @pytest.mark.parametrize("ref", ["triaje", "triage@2", "triage@", "triage@x", "", "a@b"])
    def test_an_unknown_plan_is_not_found(self, store: MetadataStore, ref: str) -> None:
        store.plans.add(sample_plan())
        with pytest.raises((NotFound, InvalidRequest)):
            store.plans.get("default", ref)
        with pytest.raises(NotFound):
            store.plans.get("other", "triage")

    def test_concurrent_writers_get_consecutive_versions(self, store: MetadataStore) -> None:
        added = at_once(lambda i: store.plans.add(sample_plan(f"{i}")), 16)
        assert sorted(plan.version for plan in added) == list(range(1, 17))

    def test_a_run_is_what_was_put_last(self, store: MetadataStore) -> None:
        run = sample_plan_run(inputs={"q": HARD_TEXT}, cost_usd=Decimal("0.10"))
        store.plans.put_run(run)
        assert store.plans.run("default", "p1") == run
        assert store.plans.running() == [run]
        done = replace(run, status="done", output=[1, None], ended_ns=5)
        store.plans.put_run(done)
        assert store.plans.run("default", "p1") == done
        assert list(store.plans.running()) == []
        for project, plan_run_id in (("default", "p2"), ("other", "p1")):
            with pytest.raises(NotFound):
                store.plans.run(project, plan_run_id)

    def test_runs_are_newest_first_and_of_a_plans_every_version(self, store: MetadataStore) -> None:
        plans = ["triage@1", "triage@2", "Triage@1", "triage_x@1"]
        for number, plan in enumerate(plans):
            store.plans.put_run(sample_plan_run(f"p{number}", plan=plan, started_ns=number))
        store.plans.put_run(sample_plan_run("p9", project="other"))

        def ids(plan: str | None = None, limit: int = 100) -> list[str]:
            return [run.plan_run_id for run in store.plans.runs("default", plan=plan, limit=limit)]

        assert ids() == ["p3", "p2", "p1", "p0"]
        assert ids(limit=2) == ["p3", "p2"]
        assert ids("triage") == ["p1", "p0"]
        assert ids("triage@2") == ["p1"]
        assert ids("tri") == []
        assert [run.project for run in store.plans.running()] == ["default"] * 4 + ["other"]
        with pytest.raises(InvalidRequest, match="limit"):
            ids(limit=-1)

    def test_the_later_record_of_a_step_counts_where_the_first_came(
        self, store: MetadataStore
    ) -> None:
        store.plans.put_run(sample_plan_run())
        given = [
            sample_step("a", status="failed", error="no"),
            sample_step("b", 0, output=HARD_TEXT, cost_usd=Decimal("0.30")),
            sample_step("b", 1),
            sample_step("b"),
            sample_step("a", output={"x": None}),
        ]
        for step in given:
            store.plans.record("default", "p1", step)
        assert store.plans.steps("default", "p1") == [given[4], *given[1:4]]
        store.plans.put_run(sample_plan_run(status="done"))
        assert len(store.plans.steps("default", "p1")) == 4

    def test_all_records_of_the_steps_of_a_run_are_replaced_at_once(
        self, store: MetadataStore
    ) -> None:
        store.plans.put_run(sample_plan_run())
        for step in (sample_step("a", status="failed"), sample_step("a"), sample_step("b")):
            store.plans.record("default", "p1", step)
        new = [sample_step("a", output=HARD_TEXT), sample_step("b", 0)]
        store.plans.amend("default", "p1", lambda run: replace(run, hidden=True), steps=new)
        assert store.plans.run("default", "p1").hidden
        assert store.plans.steps("default", "p1") == new

        def refuse(_: PlanRun) -> PlanRun:
            raise Conflict("no")

        with pytest.raises(Conflict):
            store.plans.amend("default", "p1", refuse, steps=[])
        assert store.plans.steps("default", "p1") == new
        store.plans.record("default", "p1", sample_step("c"))
        assert [one.step for one in store.plans.steps("default", "p1")] == ["a", "b", "c"]

    def test_records_that_are_due_come_oldest_first(self, store: MetadataStore) -> None:
        for number, redact_ns in enumerate([7, None, 3, 9]):
            store.plans.put_run(sample_plan_run(f"p{number}", redact_ns=redact_ns))
        assert [run.plan_run_id for run in store.plans.due(8)] == ["p2", "p0"]
        assert [run.plan_run_id for run in store.plans.due(9, limit=1)] == ["p2"]
        store.plans.amend("default", "p2", lambda run: replace(run, redact_ns=None))
        assert [run.plan_run_id for run in store.plans.due(8)] == ["p0"]

    @pytest.mark.parametrize(
        ("named", "left"),
        [
            ({"trace_ids": ["t1"], "before_ns": None}, ["p0", "p4"]),
            ({"trace_ids": ["t1", "t9"], "before_ns": 2}, ["p0", "p2", "p3", "p4"]),
            ({"trace_ids": [], "before_ns": None}, ["p0", "p1", "p2", "p3", "p4"]),
            ({"before_ns": 3}, ["p1", "p3", "p4"]),
            ({"before_ns": None}, ["p1"]),
        ],
    )
    def test_runs_are_erased_with_what_was_made_of_them(
        self, store: MetadataStore, named: dict[str, Any], left: list[str]
    ) -> None:
        """`p2` replays `p1`, and `p3` replays `p2`; `p1` is under way."""
        for number, replay_of in enumerate([None, None, "p1", "p2", None]):
            fields = {"replay_of": replay_of, "trace_id": f"t{number}", "started_ns": number}
            status = "running" if number == 1 else "done"
            store.plans.put_run(sample_plan_run(f"p{number}", status=status, **fields))
            store.plans.record("default", f"p{number}", sample_step())
        store.plans.put_run(sample_plan_run("p9", project="other", trace_id="t1", status="done"))
        erased = {f"t{number}" for number in range(5)} - {name.replace("p", "t") for name in left}
        assert set(store.plans.erase_runs("default", **named)) == erased
        assert sorted(run.plan_run_id for run in store.plans.runs("default")) == left
        assert len(store.plans.runs("other")) == 1
        for name in {f"p{number}" for number in range(5)} - set(left):
            with pytest.raises(NotFound):
                store.plans.steps("default", name)

    def test_steps_belong_to_a_run_that_is_there(self, store: MetadataStore) -> None:
        store.plans.put_run(sample_plan_run())
        assert list(store.plans.steps("default", "p1")) == []
        for project, plan_run_id in (("default", "p2"), ("other", "p1")):
            with pytest.raises(NotFound):
                store.plans.record(project, plan_run_id, sample_step())
            with pytest.raises(NotFound):
                store.plans.steps(project, plan_run_id)

    def test_versions_are_newest_first(self, store: MetadataStore) -> None:
        for message in ("1", "2", "3"):
            store.plans.add(sample_plan(message))
        store.plans.add(sample_plan(name="other"))
        found = store.plans.versions("default", "triage")
        assert [plan.ref for plan in found] == ["triage@3", "triage@2", "triage@1"]
        with pytest.raises(NotFound):
            store.plans.versions("other", "triage")

    def test_of_those_who_amend_a_run_at_once_each_sees_what_the_others_did(
        self, store: MetadataStore
    ) -> None:
        store.plans.put_run(sample_plan_run(calls=0))

        def one_more(run: PlanRun) -> PlanRun:
            return replace(run, calls=run.calls + 1)

        at_once(lambda _: store.plans.amend("default", "p1", one_more), 16)
        assert store.plans.run("default", "p1").calls == 16

        def refuse(run: PlanRun) -> PlanRun:
            raise Conflict(f"no, {run.plan_run_id}")

        with pytest.raises(Conflict, match="no, p1"):
            store.plans.amend("default", "p1", refuse)
        done = store.plans.amend("default", "p1", lambda run: replace(run, status="done"))
        assert (done.calls, store.plans.run("default", "p1")) == (16, done)
        assert list(store.plans.running()) == []
        with pytest.raises(NotFound):
            store.plans.amend("default", "p2", refuse)

    def test_only_who_executes_a_run_can_record_its_steps(self, store: MetadataStore) -> None:
        store.plans.put_run(sample_plan_run(owner="a"))
        store.plans.record("default", "p1", sample_step("a"), owner="a")
        store.plans.put_run(sample_plan_run(owner="b"))
        with pytest.raises(Conflict, match="executed by b"):
            store.plans.record("default", "p1", sample_step("b"), owner="a")
        store.plans.put_run(sample_plan_run(owner="b", status="done"))
        with pytest.raises(Conflict, match="is done"):
            store.plans.record("default", "p1", sample_step("b"), owner="b")
        assert [step.step for step in store.plans.steps("default", "p1")] == ["a"]

    def test_steps_that_are_recorded_at_once_are_all_kept(self, store: MetadataStore) -> None:
        store.plans.put_run(sample_plan_run())

        def record(number: int) -> None:
            store.plans.record("default", "p1", sample_step("a", number // 2, calls=number))
            store.plans.put_run(sample_plan_run(heard_ns=number))

        at_once(record, 32)
        found = store.plans.steps("default", "p1")
        assert sorted(step.item or 0 for step in found) == list(range(16))
        assert all(step.calls // 2 == step.item for step in found)


class ShareStoreContract:
    def test_shares_are_what_was_put_last(self, store: MetadataStore) -> None:
        assert list(store.shares.all()) == []
        first = LearntShares("default", "docs", {2: 0.1, 1: 0.9}, 5)
        store.shares.put(first, by="bandit")
        assert store.shares.all() == [first]
        later = [
            LearntShares("default", "chat", {1: 1.0}, 6),
            LearntShares("default", "docs", {1: 0.30000000000000004, 12: 0.0}, 2**62),
            LearntShares("other", "docs", {}, 7),
        ]
        for one in later:
            store.shares.put(one, by="bandit")
        assert store.shares.all() == later

    @pytest.mark.parametrize("share", [float("nan"), float("inf"), -0.1])
    def test_what_is_no_share_is_refused(self, store: MetadataStore, share: float) -> None:
        with pytest.raises(InvalidRequest, match="docs@1"):
            store.shares.put(LearntShares("default", "docs", {1: share}, 5), by="bandit")
        assert (list(store.shares.all()), store.gateway_revision()) == ([], 0)

    def test_forgetting_twice_is_once(self, store: MetadataStore) -> None:
        store.shares.put(LearntShares("default", "docs", {1: 1.0}, 5), by="bandit")
        store.shares.put(LearntShares("default", "chat", {1: 1.0}, 5), by="bandit")
        for _ in range(2):
            store.shares.delete("default", "docs", by="ann")
        store.shares.delete("other", "chat", by="ann")
        assert [one.route for one in store.shares.all()] == ["chat"]
        entries = store.audit("default")[::-1]
        assert [(one.action, one.object, one.principal) for one in entries] == [
            ("shares.put", "docs", "bandit"),
            ("shares.put", "chat", "bandit"),
            ("shares.delete", "docs", "ann"),
        ]
        assert store.gateway_revision() == 3


class ProbeStoreContract:
    def test_a_probe_is_what_was_put_last(self, store: MetadataStore) -> None:
        store.probes.put(sample_probe(), by="ann")
        changed = sample_probe(parameters={"seed": 7}, reference="run-1", enabled=False)
        store.probes.put(changed, by="bob")
        store.probes.put(sample_probe("b"), by="ann")
        store.probes.put(sample_probe(project="other"), by="ann")
        assert store.probes.get("default", "names") == changed
        assert store.probes.list("default") == [sample_probe("b"), changed]
        assert store.probes.all() == [sample_probe("b"), changed, sample_probe(project="other")]
        for project, name in (("default", "nemas"), ("nowhere", "names")):
            with pytest.raises(NotFound):
                store.probes.get(project, name)

    @pytest.mark.parametrize("name", ["", "a@b", "a\x00b", "x" * 201])
    def test_a_name_that_no_reference_could_hold_is_refused(
        self, store: MetadataStore, name: str
    ) -> None:
        with pytest.raises(InvalidRequest):
            store.probes.put(sample_probe(name), by="ann")

    def test_a_probe_is_deleted_with_its_looks(self, store: MetadataStore) -> None:
        store.probes.put(sample_probe(), by="ann")
        store.probes.add_look(sample_look())
        store.probes.delete("default", "names", by="bob")
        with pytest.raises(NotFound):
            store.probes.delete("default", "names", by="bob")
        assert list(store.probes.all()) == []
        store.probes.put(sample_probe(), by="ann")
        assert list(store.probes.looks("default", "names")) == []
        entries = store.audit("default", object="names")[::-1]
        assert [(one.action, one.principal) for one in entries] == [
            ("probe.put", "ann"),
            ("probe.delete", "bob"),
            ("probe.put", "ann"),
        ]

    def test_looks_are_newest_first(self, store: MetadataStore) -> None:
        store.probes.put(sample_probe(), by="ann")
        given = [
            sample_look(f"run-{n}", time_ns=t, sentence=HARD_TEXT) for n, t in enumerate([5, 9, 7])
        ]
        for look in given:
            store.probes.add_look(look)
        assert list(store.probes.looks("default", "names")) == [given[1], given[2], given[0]]
        assert list(store.probes.looks("default", "names", limit=1)) == [given[1]]
        again = replace(given[0], status="drifted", p_value=0.001)
        store.probes.add_look(again)
        assert list(store.probes.looks("default", "names"))[-1] == again
        with pytest.raises(NotFound):
            store.probes.add_look(sample_look(probe="others"))
        with pytest.raises(InvalidRequest, match="limit"):
            store.probes.looks("default", "names", limit=-1)

    def test_a_look_may_begin_when_none_began_for_as_long_as_the_probe_says(
        self, store: MetadataStore
    ) -> None:
        store.probes.put(sample_probe(every_s=60.0), by="ann")

        def claim(second: float, until: float) -> bool:
            return store.probes.claim(
                "default",
                "names",
                now_ns=NOW_NS + int(second * 1e9),
                until_ns=NOW_NS + int(until * 1e9),
            )

        assert claim(0, 100)
        assert not claim(1, 100)
        assert not claim(99, 200), "somebody holds it still"
        assert claim(100, 500), "whoever held it is gone"
        store.probes.add_look(sample_look())
        assert not claim(159, 500), "the last one began less than a minute ago"
        store.probes.put(sample_probe(every_s=60.0, reference="run-1"), by="ann")
        assert not claim(159, 500), "a change of the probe is no look"
        assert claim(160, 500)
        assert not store.probes.claim("other", "names", now_ns=NOW_NS, until_ns=NOW_NS + 1)

    def test_of_those_who_ask_at_once_one_may_look(self, store: MetadataStore) -> None:
        for number in range(3):
            store.probes.put(sample_probe(f"{number}"), by="ann")

        def claim(turn: int) -> bool:
            name = f"{turn % 3}"
            until = NOW_NS + DAY_NS
            return store.probes.claim("default", name, now_ns=NOW_NS + turn, until_ns=until)

        assert sum(at_once(claim, 24)) == 3


class ViewStoreContract:
    def test_a_view_is_what_was_put_last(self, store: MetadataStore) -> None:
        given = View(name="slow ones", page="traces", state={"filter": HARD_TEXT}, saved_by="ann")
        store.views.put(replace(given, state={}))
        store.views.put(given)
        store.views.put(replace(given, name="a"))
        store.views.put(replace(given, page="runs"))
        store.views.put(replace(given, project="other"))
        assert store.views.list("default", "traces") == [replace(given, name="a"), given]
        assert [one.page for one in store.views.list("default")] == ["runs", "traces", "traces"]
        assert store.views.list("nowhere") == []

    def test_a_view_is_deleted_once(self, store: MetadataStore) -> None:
        store.views.put(View(name="slow ones", page="traces", saved_by="ann"))
        with pytest.raises(NotFound, match="runs"):
            store.views.delete("default", "runs", "slow ones", by="bob")
        store.views.delete("default", "traces", "slow ones", by="bob")
        with pytest.raises(NotFound, match="slow ones"):
            store.views.delete("default", "traces", "slow ones", by="bob")
        assert store.views.list("default") == []
        entries = store.audit("default", object="slow ones")[::-1]
        assert [(one.action, one.principal) for one in entries] == [
            ("view.put", "ann"),
            ("view.delete", "bob"),
        ]

    @pytest.mark.parametrize("name", ["", "a@b", "a\x00b", "x" * 201])
    def test_a_view_needs_a_name_that_can_be_said(self, store: MetadataStore, name: str) -> None:
        with pytest.raises(InvalidRequest):
            store.views.put(View(name=name, page="traces"))


class AuditContract:
    def test_entries_are_newest_first_and_can_be_narrowed(self, store: MetadataStore) -> None:
        for text in "ab":
            store.prompts.add(sample_prompt(text))
        for name in ("Docs", "docs_x", "docs%"):
            store.prompts.add(sample_prompt(name=name))
        store.releases.add(sample_release())
        store.plans.add(sample_plan(name="docs", project="other"))

        def told(
            object: str | None = None, action: str | None = None, limit: int = 100
        ) -> list[str]:
            entries = store.audit("default", object=object, action=action, limit=limit)
            return [f"{one.action} {one.object}" for one in entries]

        both = ["prompt.add docs@2", "prompt.add docs@1"]
        assert told(object="docs") == ["release.add docs@1", *both]
        assert told(object="docs@2") == both[:1]
        assert told(object="docs%") == ["prompt.add docs%@1"]
        assert told(action="prompt", object="docs") == both
        assert told(action="release.add") == told(action="release") == ["release.add docs@1"]
        assert told(action="prompt.ad") == told(object="doc") == []
        assert len(told()) == 6
        assert told(limit=2) == told()[:2]
        with pytest.raises(InvalidRequest, match="limit"):
            told(limit=-1)

    def test_entries_are_narrowed_to_who_did_it(self, store: MetadataStore) -> None:
        for who in ("ann", "Ann", "bob"):
            store.views.put(View(name=f"of {who}", page="traces", saved_by=who))
        store.prompts.add(sample_prompt())
        assert [one.object for one in store.audit("default", principal="ann")] == ["of ann"]
        assert store.audit("default", principal="ann", action="prompt") == []
        assert store.audit("default", principal="an") == []

    def test_pages_follow_one_another(self, store: MetadataStore) -> None:
        for number in range(7):
            store.prompts.add(sample_prompt(f"{number}"))
        seen: list[str] = []
        before: int | None = None
        while page := store.audit("default", limit=3, before=before):
            seen += [one.object for one in page]
            before = page[-1].seq
        assert seen == [f"docs@{number}" for number in range(7, 0, -1)]
