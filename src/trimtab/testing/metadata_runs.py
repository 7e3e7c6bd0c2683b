"""What every store of runs, their results and calibration cards does, as tests."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from trimtab.errors import InvalidRequest, NotFound
from trimtab.ports import MetadataStore
from trimtab.records import (
    AppliedScorer,
    CalibrationCard,
    Comparison,
    Estimate,
    Passage,
    Result,
    Run,
    Score,
    Target,
    ToolCall,
    Usage,
    Verdict,
)
from trimtab.testing.at_once import at_once
from trimtab.testing.texts import HARD_TEXT


def sample_run(run_id: str = "run-1", **changes: object) -> Run:
    estimate = Estimate(value=0.75, low=0.5, high=0.9, n=40, total=41, method="wilson")
    comparison = Comparison(
        metric="f1", baseline=estimate, candidate=estimate, difference=estimate, p_value=0.04
    )
    run = Run(
        run_id=run_id,
        name="candidate against live",
        dataset="golden@1",
        dataset_digest="d" * 64,
        scorers=(AppliedScorer(name="f1", version="1"),),
        status="done",
        started_ns=1_700_000_000_000_000_000,
        metrics={"f1": estimate},
        verdict=Verdict(outcome="inconclusive", reasons=("too few",), comparisons=(comparison,)),
        cost_usd=Decimal("0.000000001"),
    )
    return replace(run, **changes)


def sample_result(example_id: str = "e1", **changes: object) -> Result:
    """A result with something in every field."""
    target = Target(kind="example", id=example_id)
    score = Score(score_id="s1", target=target, name="f1", value=0.5, run="run-1", time_ns=1)
    result = Result(
        example_id=example_id,
        output={"answer": "Lisbon"},
        context=("p",),
        passages=(Passage(id="p1", text="p", source="a.md"),),
        tool_calls=(ToolCall(name="look_up", arguments={"of": "Portugal"}),),
        model="openai/gpt-5",
        usage=Usage(input=10, output=2),
        cost_usd=Decimal("0.00012"),
        latency_ms=12.5,
        first_token_ms=3.5,
        trace_id="0" * 31 + "1",
        span_id="0" * 15 + "1",
        cached=True,
        scores=(score,),
        time_ns=1_700_000_000_000_000_000,
    )
    return replace(result, **changes)


def sample_card(**changes: object) -> CalibrationCard:
    share = Estimate(value=0.8, low=0.7, high=0.9, n=40, total=40, method="wilson")
    card = CalibrationCard(
        scorer="faithfulness",
        digest="d" * 64,
        dataset="labelled@1",
        dataset_digest="f" * 64,
        label="faithful",
        labelled=40,
        judged=40,
        agreement=share,
        kappa=share,
        created_ns=1,
    )
    return replace(card, **changes)


class RunStoreContract:
    def test_a_run_comes_back_as_it_was(self, store: MetadataStore) -> None:
        run = sample_run(error=HARD_TEXT)
        store.runs.put(run)
        assert store.runs.get("default", "run-1") == run

    def test_putting_a_run_again_replaces_it(self, store: MetadataStore) -> None:
        for done in range(3):
            store.runs.put(sample_run(done=done))
        assert [run.done for run in store.runs.list("default")] == [2]

    def test_the_list_is_newest_first_and_limited(self, store: MetadataStore) -> None:
        for i in (1, 3, 2):
            store.runs.put(sample_run(f"run-{i}", started_ns=i))
        store.runs.put(sample_run("run-9", project="other"))
        assert [run.run_id for run in store.runs.list("default")] == ["run-3", "run-2", "run-1"]
        assert [run.run_id for run in store.runs.list("default", limit=2)] == ["run-3", "run-2"]

    def test_runs_are_listed_by_suite_and_by_name(self, store: MetadataStore) -> None:
        kinds = [("docs", "nightly"), ("docs", None), ("chat", "nightly"), ("docs", "nightly")]
        for i, (name, suite) in enumerate(kinds):
            store.runs.put(sample_run(f"run-{i}", name=name, suite=suite, started_ns=i))
        of_suite = store.runs.list("default", suite="nightly")
        assert [run.run_id for run in of_suite] == ["run-3", "run-2", "run-0"]
        of_both = store.runs.list("default", suite="nightly", name="docs", limit=1)
        assert [run.run_id for run in of_both] == ["run-3"]
        of_name = store.runs.list("default", name="docs")
        assert [run.run_id for run in of_name] == ["run-3", "run-1", "run-0"]
        assert store.runs.list("default", suite="none") == []
        assert store.runs.list("other", name="docs") == []

    def test_running_runs_are_found_in_every_project_until_they_end(
        self, store: MetadataStore
    ) -> None:
        for i, project in enumerate(("a", "b")):
            store.runs.put(sample_run(f"run-{i}", project=project, status="running"))
        store.runs.put(sample_run("run-2"))
        assert {run.run_id for run in store.runs.running()} == {"run-0", "run-1"}
        store.runs.put(sample_run("run-0", project="a", status="failed"))
        assert [run.run_id for run in store.runs.running()] == ["run-1"]

    def test_a_run_of_another_project_is_not_found(self, store: MetadataStore) -> None:
        store.runs.put(sample_run())
        with pytest.raises(NotFound, match="run-1"):
            store.runs.get("other", "run-1")

    def test_a_start_beyond_64_bits_of_nanoseconds_is_refused(self, store: MetadataStore) -> None:
        with pytest.raises(InvalidRequest):
            store.runs.put(sample_run(started_ns=2**63))
        assert store.runs.list("default") == []

    def test_concurrent_puts_of_one_run_leave_one(self, store: MetadataStore) -> None:
        at_once(lambda i: store.runs.put(sample_run(done=i)), 16)
        assert len(store.runs.list("default")) == 1


class ResultContract:
    """What a run answered: appended as it comes, the later of one case counts."""

    def keep(self, store: MetadataStore, *batches: Iterable[Result]) -> list[Result]:
        store.runs.put(sample_run())
        for batch in batches:
            store.runs.append("default", "run-1", [*batch])
        return list(store.runs.results("default", "run-1"))

    def test_results_come_back_as_they_were_in_order(self, store: MetadataStore) -> None:
        given = [sample_result(f"e{i}", output=HARD_TEXT) for i in range(5)]
        failed = Result(example_id="e5", error="HTTP 500", time_ns=2)
        assert self.keep(store, given[:2], given[2:], [failed]) == [*given, failed]

    def test_a_run_has_no_results_at_first_and_appending_none_is_fine(
        self, store: MetadataStore
    ) -> None:
        assert self.keep(store) == []
        assert self.keep(store, []) == []

    def test_thousands_of_results_keep_their_order(self, store: MetadataStore) -> None:
        given = [sample_result(f"e{i}") for i in range(3001)]
        assert self.keep(store, given[:1700], given[1700:]) == given

    def test_a_result_of_many_megabytes_is_kept(self, store: MetadataStore) -> None:
        given = [sample_result("long", output="word " * 1_000_000), sample_result("short")]
        assert self.keep(store, given) == given

    def test_writing_the_same_again_changes_nothing(self, store: MetadataStore) -> None:
        given = [sample_result(f"e{i}") for i in range(700)]
        assert self.keep(store, given, given, given[300:]) == given

    def test_of_two_results_of_one_case_the_later_counts_where_the_first_was(
        self, store: MetadataStore
    ) -> None:
        first, second, third = (sample_result(f"e{i}") for i in range(3))
        better, best = replace(first, output="better"), replace(first, output="best")
        assert self.keep(store, [first, second, better], [best, third]) == [best, second, third]

    def test_repeats_of_one_example_are_cases_of_their_own(self, store: MetadataStore) -> None:
        given = [sample_result("e", repeat=repeat) for repeat in (0, 1, 2)]
        assert self.keep(store, given) == given

    @pytest.mark.parametrize("size", [1, 3, 500, 5_000])
    def test_pages_are_what_the_stream_is_whatever_their_size(
        self, store: MetadataStore, size: int
    ) -> None:
        each = [sample_result(f"e{n}", repeat=n % 2) for n in range(20)]
        again = [replace(each[n], output="later") for n in (3, 4, 17)]
        twice = [replace(each[3], output="last"), sample_result("new")]
        stream = self.keep(store, each[:7], each[7:], again, twice)
        pages: list[Result] = []
        start = 0
        while True:
            page, following = store.runs.page("default", "run-1", start=start, size=size)
            pages += page
            assert len(page) <= size
            if following is None:
                break
            assert following > start
            start = following
        assert pages == stream

    def test_a_page_of_no_run_is_not_found(self, store: MetadataStore) -> None:
        with pytest.raises(NotFound):
            store.runs.page("default", "run-9", size=5)

    def test_results_stay_when_the_run_is_put_again(self, store: MetadataStore) -> None:
        given = [sample_result()]
        self.keep(store, given)
        store.runs.put(sample_run(status="running", done=1))
        assert list(store.runs.results("default", "run-1")) == given

    def test_results_belong_to_one_run_of_one_project(self, store: MetadataStore) -> None:
        self.keep(store, [sample_result("mine")])
        for project, run_id in [("default", "run-2"), ("other", "run-1")]:
            store.runs.put(sample_run(run_id, project=project))
            assert list(store.runs.results(project, run_id)) == []

    def test_results_of_no_run_are_refused(self, store: MetadataStore) -> None:
        with pytest.raises(NotFound, match="run-9"):
            store.runs.append("default", "run-9", [sample_result()])
        with pytest.raises(NotFound, match="run-9"):
            store.runs.results("default", "run-9")

    def test_text_that_no_encoding_holds_is_refused_and_nothing_of_it_stays(
        self, store: MetadataStore
    ) -> None:
        store.runs.put(sample_run())
        with pytest.raises(InvalidRequest):
            store.runs.append("default", "run-1", [sample_result(), sample_result("\ud800")])
        assert list(store.runs.results("default", "run-1")) == []

    def test_concurrent_appends_lose_nothing(self, store: MetadataStore) -> None:
        store.runs.put(sample_run())
        at_once(lambda i: store.runs.append("default", "run-1", [sample_result(f"e{i}")]), 16)
        found = {result.example_id for result in store.runs.results("default", "run-1")}
        assert found == {f"e{i}" for i in range(16)}

    def test_what_is_appended_while_one_reads_disturbs_nothing(self, store: MetadataStore) -> None:
        given = [sample_result(f"e{i}") for i in range(1200)]
        self.keep(store, given)
        reading = store.runs.results("default", "run-1")
        seen = [next(reading)]
        store.runs.append("default", "run-1", [replace(given[-1], output="later")])
        assert [*seen, *reading] == given


class CardStoreContract:
    def test_a_card_comes_back_as_it_was(self, store: MetadataStore) -> None:
        card = sample_card(label=HARD_TEXT)
        store.cards.put(card)
        assert store.cards.get("default", "faithfulness", "d" * 64) == card

    def test_a_card_belongs_to_one_digest_of_one_scorer_of_one_project(
        self, store: MetadataStore
    ) -> None:
        store.cards.put(sample_card())
        assert store.cards.get("default", "faithfulness", "e" * 64) is None
        assert store.cards.get("default", "toxicity", "d" * 64) is None
        assert store.cards.get("other", "faithfulness", "d" * 64) is None

    def test_the_newest_card_counts_whatever_came_last(self, store: MetadataStore) -> None:
        for created_ns in (2, 3, 1):
            store.cards.put(sample_card(created_ns=created_ns, labelled=created_ns))
        found = store.cards.get("default", "faithfulness", "d" * 64)
        assert found is not None
        assert found.labelled == 3
        assert [card.labelled for card in store.cards.list("default")] == [3, 2, 1]

    def test_putting_a_card_of_one_moment_again_replaces_it(self, store: MetadataStore) -> None:
        for labelled in (30, 40):
            store.cards.put(sample_card(labelled=labelled))
        assert [card.labelled for card in store.cards.list("default")] == [40]

    def test_the_list_is_newest_first_and_can_be_narrowed(self, store: MetadataStore) -> None:
        for created_ns, scorer in enumerate(("faithfulness", "toxicity", "faithfulness")):
            store.cards.put(sample_card(scorer=scorer, created_ns=created_ns))
        store.cards.put(sample_card(project="other"))
        found = [(card.scorer, card.created_ns) for card in store.cards.list("default")]
        assert found == [("faithfulness", 2), ("toxicity", 1), ("faithfulness", 0)]
        of_one = store.cards.list("default", "faithfulness")
        assert [card.created_ns for card in of_one] == [2, 0]
        assert store.cards.list("default", "nothing") == []
