"""The life of a release: evidence before promotion, a way back, and all of it on record."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.stations.town import PROJECT, Town
from tests.tables import metadata_in

from trimtab.errors import Conflict, InvalidRequest, NotFound, TrimtabError
from trimtab.prompts.write import Draft, Writer
from trimtab.records import (
    Message,
    ModelTarget,
    Release,
    Retrieval,
    Verdict,
)
from trimtab.records.run import Outcome


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with closing(metadata_in(tmp_path)) as metadata:
        yield Town(metadata)


class TestCreating:
    def test_a_release_begins_as_a_candidate_with_its_prompt_pinned(self, town: Town) -> None:
        def prompt(text: str) -> None:
            messages = (Message(role="system", content=text),)
            writer = Writer(town.metadata.prompts, town.metadata.datasets, town.clock)
            writer.write(PROJECT, Draft(name="p", messages=messages))

        prompt("one")
        first = town.create(prompt="p", parameters={})
        assert (first.ref, first.state, first.prompt) == ("docs@1", "candidate", "p@1")
        prompt("two")
        second = town.create(prompt="p", parameters={})
        assert (second.ref, second.prompt) == ("docs@2", "p@2")
        assert first.digest != second.digest
        with pytest.raises(Conflict, match="docs@1 has the same content"):
            town.create(prompt="p@1", parameters={})

    def test_a_release_of_a_prompt_that_does_not_exist_is_not_found(self, town: Town) -> None:
        with pytest.raises(NotFound):
            town.create(prompt="nobody")

    def test_a_release_needs_a_model(self, town: Town) -> None:
        with pytest.raises(InvalidRequest) as caught:
            town.create(targets=())
        assert caught.value.where == "targets"

    @pytest.mark.parametrize("name", ["model", "messages", "stream", "stream_options"])
    def test_what_belongs_to_the_caller_or_the_targets_is_no_parameter(
        self, town: Town, name: str
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            town.create(parameters={"temperature": 0, name: None})
        assert caught.value.where == f"parameters.{name}"
        assert town.metadata.releases.list(PROJECT) == []

    def test_everything_a_release_was_given_is_kept(self, town: Town) -> None:
        given = {
            "targets": (ModelTarget(model="far/m", weight=2.5),),
            "parameters": {"seed": 10**18, "stop": ["a", None]},
            "retrieval": Retrieval(corpus="docs", k=7, b=0.1),
            "note": "why",
        }
        made = town.create(**given)
        stored = town.metadata.releases.get(PROJECT, made.release_id)
        assert stored == made
        assert {name: getattr(stored, name) for name in given} == given


def refused(town: Town, release: Release, **how: Any) -> Conflict:
    """How a promotion is refused; nothing may have moved."""
    before = town.metadata.releases.list(PROJECT)
    with pytest.raises(Conflict) as caught:
        town.promote(release, **how)
    assert town.metadata.releases.list(PROJECT) == before
    return caught.value


class TestPromoting:
    def test_the_first_release_of_a_route_needs_no_evidence(self, town: Town) -> None:
        live = town.promote(town.create())
        assert live.state == "live"
        assert live.approvals[-1].reason == "the first release of its route"
        assert town.promote(town.create("other")).state == "live", "each route has a first one"

    def test_a_pass_against_the_live_release_is_enough(self, town: Town) -> None:
        old, new = town.live(), town.create()
        run = town.compared(new, old)
        assert town.promote(new, run_id=run.run_id).state == "live"
        assert town.state(old) == "retired"
        assert town.all_live() == [new.ref]

    def test_without_a_run_the_newest_that_was_compared_with_what_is_live_counts(
        self, town: Town
    ) -> None:
        old, new = town.live(), town.create()
        run = town.compared(new, old, started_ns=20)
        town.compared(new, town.create(), started_ns=30)
        town.compared(new, old, "fail", started_ns=40, vouched=False)
        assert town.promote(new).approvals[-1].run == run.run_id

    def test_without_a_run_none_older_than_a_worse_one_counts(self, town: Town) -> None:
        old, new = town.live(), town.create()
        town.compared(new, old, started_ns=20)
        town.compared(new, old, "fail", started_ns=30)
        assert "the gate says fail" in refused(town, new).what

    def test_without_a_run_one_that_is_no_evidence_is_said(self, town: Town) -> None:
        old, new = town.live(), town.create()
        town.compared(new, old, started_ns=20, vouched=False)
        assert "who may not promote" in refused(town, new).what

    def test_without_a_run_the_refusal_says_how_to_get_one(self, town: Town) -> None:
        old, new = town.live(), town.create()
        error = refused(town, new)
        assert error.fix is not None
        assert (
            f"trimtab eval --release {new.ref} --dataset DATASET --baseline {old.ref}" in error.fix
        )

    def test_a_run_of_another_release_is_no_evidence(self, town: Town) -> None:
        old, new, other = town.live(), town.create(), town.create()
        run = town.compared(other, old)
        assert f"judged {other.ref}" in refused(town, new, run_id=run.run_id).what

    def test_a_run_of_something_that_was_no_release_is_no_evidence(self, town: Town) -> None:
        town.live()
        new = town.create()
        verdict = Verdict(outcome="pass", reasons=())
        run = town.run(new, release=None, release_digest=None, verdict=verdict)
        assert "something else" in refused(town, new, run_id=run.run_id).what

    def test_the_same_content_under_another_route_is_evidence(self, town: Town) -> None:
        old, new = town.live(), town.create(parameters={"a": 1})
        twin = town.create("twin", parameters={"a": 1})
        run = town.compared(twin, old)
        assert town.promote(new, run_id=run.run_id).state == "live"

    @pytest.mark.parametrize("outcome", ["fail", "inconclusive"])
    def test_a_gate_that_does_not_say_pass_refuses_and_says_why(
        self, town: Town, outcome: Outcome
    ) -> None:
        old, new = town.live(), town.create()
        run = town.compared(new, old, outcome)
        error = refused(town, new, run_id=run.run_id)
        assert f"the gate says {outcome}" in error.what
        assert "because" in error.what
        assert error.fields == {"outcome": outcome}

    def test_a_run_that_nobody_vouches_for_is_no_evidence(self, town: Town) -> None:
        old, new = town.live(), town.create()
        run = town.compared(new, old)
        town.metadata.runs.put(msgspec.structs.replace(run, vouched=False, author="ci"))
        error = refused(town, new, run_id=run.run_id)
        assert "was brought by ci, who may not promote" in error.what
        assert "releases:promote" in (error.fix or "")
        forced = town.promote(new, run_id=run.run_id, force=True, reason="seen by hand")
        assert forced.state == "live"

    def test_nor_is_one_that_was_compared_with_what_nobody_vouches_for(self, town: Town) -> None:
        old, new = town.live(), town.create()
        run = town.compared(new, old)
        assert run.verdict is not None
        base = town.metadata.runs.get("default", run.verdict.baseline_run or "")
        town.metadata.runs.put(msgspec.structs.replace(base, vouched=False, author="ci"))
        error = refused(town, new, run_id=run.run_id)
        assert f"with run {base.run_id}, which was brought by ci" in error.what

    @pytest.mark.parametrize("outcome", ["fail", "inconclusive"])
    def test_a_verdict_that_the_results_do_not_bear_out_is_no_evidence(
        self, town: Town, outcome: Outcome
    ) -> None:
        old, new = town.live(), town.create()
        run = town.compared(new, old)
        town.found = Verdict(outcome=outcome, reasons=("two cases are missing",))
        error = refused(town, new, run_id=run.run_id)
        assert f"its stored results say {outcome}" in error.what
        assert "two cases are missing" in error.what

    def test_a_run_that_was_not_compared_is_no_evidence(self, town: Town) -> None:
        town.live()
        new = town.create()
        assert "was not compared" in refused(town, new, run_id=town.run(new).run_id).what

    @pytest.mark.parametrize("baseline", ["another release", "a run that is gone", "nothing"])
    def test_a_pass_against_anything_but_the_live_release_is_no_evidence(
        self, town: Town, baseline: str
    ) -> None:
        old, new = town.live(), town.create()
        if baseline == "another release":
            run = town.compared(new, town.create())
        else:
            gone = "gone" if baseline == "a run that is gone" else None
            verdict = Verdict(outcome="pass", reasons=(), baseline_run=gone)
            run = town.run(new, verdict=verdict)
        assert f"not compared with {old.ref}" in refused(town, new, run_id=run.run_id).what

    def test_evidence_is_stale_once_another_release_went_live(self, town: Town) -> None:
        old, new = town.live(), town.create()
        run = town.compared(new, old)
        current = town.live()
        assert f"not compared with {current.ref}" in refused(town, new, run_id=run.run_id).what

    def test_force_needs_a_reason_and_leaves_it_with_the_run_on_record(self, town: Town) -> None:
        old, new = town.live(), town.create()
        run = town.compared(new, old, "fail")
        for reason in (None, "", "  \n"):
            with pytest.raises(InvalidRequest) as caught:
                town.promote(new, force=True, reason=reason, run_id=run.run_id)
            assert caught.value.where == "reason"
        live = town.promote(new, force=True, reason="the old one is down", run_id=run.run_id)
        (approval,) = live.approvals
        assert (approval.action, approval.principal) == ("promote", "ann")
        assert (approval.run, approval.reason) == (run.run_id, "the old one is down")

    def test_a_run_that_does_not_exist_is_never_put_on_record(self, town: Town) -> None:
        first = town.create()
        for how in ({}, {"force": True, "reason": "x"}):
            with pytest.raises(NotFound, match="no run 'made up'"):
                town.promote(first, run_id="made up", **how)
        assert town.state(first) == "candidate"

    def test_what_is_live_cannot_be_promoted_even_by_force(self, town: Town) -> None:
        live = town.live()
        with pytest.raises(Conflict, match="is live already"):
            town.promote(live, force=True, reason="again")
        assert len(town.metadata.releases.get(PROJECT, live.ref).approvals) == 1

    def test_an_unknown_release_is_not_found(self, town: Town) -> None:
        with pytest.raises(NotFound):
            town.promote("docs@1")

    def test_the_release_and_the_run_of_another_project_do_not_count(self, town: Town) -> None:
        old, new = town.live(), town.create()
        run = msgspec.structs.replace(town.compared(new, old), run_id="theirs", project="other")
        town.metadata.runs.put(run)
        with pytest.raises(NotFound):
            town.promote(new, run_id="theirs")
        with pytest.raises(NotFound):
            town.life.promote("other", new.ref, principal="ann")


class TestRollingBack:
    def test_the_release_that_was_live_before_answers_again(self, town: Town) -> None:
        one, two = town.live(), town.live()
        back = town.roll_back(two)
        assert (back.ref, back.state) == (one.ref, "live")
        assert town.state(two) == "retired"
        approval = back.approvals[-1]
        assert (approval.action, approval.principal) == ("roll_back", "ben")
        assert approval.reason == "it is worse"

    def test_going_back_twice_goes_further_back_and_not_forward_again(self, town: Town) -> None:
        one, two, three = (town.live() for _ in range(3))
        assert town.roll_back(three).ref == two.ref
        assert town.roll_back(two).ref == one.ref
        with pytest.raises(Conflict, match="no earlier release"):
            town.roll_back(one)
        assert town.all_live() == [one.ref]

    def test_a_release_that_was_taken_back_counts_again_once_it_is_promoted_again(
        self, town: Town
    ) -> None:
        one, two = town.live(), town.live()
        town.roll_back(two)
        town.promote(two, force=True, reason="mended")
        three = town.live()
        assert town.roll_back(three).ref == two.ref
        assert town.roll_back(two).ref == one.ref

    def test_the_only_release_of_a_route_has_nothing_before_it(self, town: Town) -> None:
        town.live("other")
        only = town.live()
        town.create()
        with pytest.raises(Conflict, match="no earlier release"):
            town.roll_back(only)
        assert town.state(only) == "live"

    def test_what_is_not_live_cannot_be_taken_back(self, town: Town) -> None:
        retired, _, candidate = town.live(), town.live(), town.create()
        for release, state in ((retired, "retired"), (candidate, "candidate")):
            with pytest.raises(Conflict, match=f"is {state}, not live"):
                town.roll_back(release)

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_a_rollback_needs_a_reason(self, town: Town, reason: str) -> None:
        one, two = town.live(), town.live()
        with pytest.raises(InvalidRequest) as caught:
            town.roll_back(two, reason)
        assert caught.value.where == "reason"
        assert town.state(one) == "retired"

    @pytest.mark.parametrize("seed", range(4))
    def test_any_history_goes_back_as_a_pile_of_releases_would(self, town: Town, seed: int) -> None:
        rng = random.Random(seed)
        pile: list[str] = []
        for _ in range(25):
            if len(pile) > 1 and rng.random() < 0.5:
                current = town.metadata.releases.get(PROJECT, pile.pop())
                assert town.roll_back(current).ref == pile[-1]
            else:
                pile.append(town.live().ref)
            assert town.all_live() == [pile[-1]]


class TestTheRecord:
    def test_every_step_is_in_the_audit_with_who_and_what(self, town: Town) -> None:
        one, two = town.live(), town.live()
        town.roll_back(two)
        entries = town.metadata.audit(PROJECT)[::-1]
        steps = [(entry.action, entry.object, entry.principal) for entry in entries]
        assert steps == [
            ("release.add", one.ref, None),
            ("release.promote", one.ref, "ann"),
            ("release.add", two.ref, None),
            ("release.retire", one.ref, "ann"),
            ("release.promote", two.ref, "ann"),
            ("release.retire", two.ref, "ben"),
            ("release.roll_back", one.ref, "ben"),
        ]

    def test_a_refusal_leaves_nothing_in_the_audit(self, town: Town) -> None:
        town.live()
        new = town.create()
        before = town.metadata.audit(PROJECT)
        refused(town, new)
        assert town.metadata.audit(PROJECT) == before


def all_at_once(*works: Callable[[], object]) -> list[object]:
    """The result or the error of each, started together."""
    together = threading.Barrier(len(works))

    def one(work: Callable[[], object]) -> object:
        together.wait()
        try:
            return work()
        except TrimtabError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


class TestAtOnce:
    @pytest.mark.parametrize("round", range(3))
    def test_promotions_at_once_leave_one_release_live(self, town: Town, round: int) -> None:
        candidates = [town.create() for _ in range(4)]

        def promotion(release: Release) -> Callable[[], object]:
            return lambda: town.promote(release, force=True, reason="now")

        results = all_at_once(*map(promotion, candidates))
        went_live = [result for result in results if isinstance(result, Release)]
        refusals = [str(result) for result in results if not isinstance(result, Release)]
        assert went_live
        assert all("went live meanwhile" in refusal for refusal in refusals), refusals
        (live,) = town.all_live()
        states = [town.state(release) for release in candidates]
        assert states.count("live") == 1
        assert states.count("retired") == len(went_live) - 1
        assert states.count("candidate") == len(refusals)
        assert [release.ref for release in town.metadata.releases.live()] == [live]

    def test_a_promotion_and_a_rollback_at_once_leave_one_release_live(self, town: Town) -> None:
        town.live()
        current, new = town.live(), town.create()
        all_at_once(
            lambda: town.promote(new, force=True, reason="now"),
            lambda: town.roll_back(current),
        )
        assert len(town.all_live()) == 1
