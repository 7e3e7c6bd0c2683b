"""Curation: the calls that a score condemned become examples, once, with what was learnt."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.tables import metadata_in, telemetry_in

from trimtab.datasets.curate import Curation, curate
from trimtab.kit import ids
from trimtab.kit.clock import SystemClock
from trimtab.ports import TelemetryStore
from trimtab.records import Dataset, Example, Score, Span, Target
from trimtab.stores.metadata.sql import SQLMetadata

PASSAGE = {"id": "a.md#x/0", "text": "The port is 8321.", "source": "a.md"}


class Archive:
    """Recorded calls with their scores, and the dataset `failures` that is curated from them."""

    def __init__(self, telemetry: TelemetryStore, metadata: SQLMetadata) -> None:
        self.telemetry = telemetry
        self.datasets = metadata.datasets
        self._time = itertools.count(1)

    def call(self, question: Any, *, trace_id: str | None = None, **root: Any) -> Span:
        """Record a call through a route; its root span."""
        trace_id = trace_id or ids.trace_id()
        shared: dict[str, Any] = {"trace_id": trace_id, "start_ns": 1, "end_ns": 2}
        shared["project"] = root.get("project", "default")
        asked = question if isinstance(question, list) else [{"role": "user", "content": question}]
        span = Span(
            **{
                **shared,
                "span_id": ids.span_id(),
                "name": "docs",
                "kind": "chain",
                "input": asked,
                "release": "r1",
                **root,
            }
        )
        found = Span(
            **shared,
            span_id=ids.span_id(),
            parent_id=span.span_id,
            name="retrieve",
            kind="retriever",
            output=[PASSAGE],
        )
        self.telemetry.append(spans=[span, found]).result()
        return span

    def score(self, span: Span, **judged: Any) -> Score:
        """A score of a call, later than all before."""
        time = next(self._time)
        score = Score(
            **{
                "score_id": f"s{time}",
                "project": span.project,
                "target": Target(kind="span", id=span.span_id, trace_id=span.trace_id),
                "name": "helpful",
                "time_ns": time,
                **judged,
            }
        )
        self.telemetry.append(scores=[score]).result()
        return score

    def failed(self, question: Any, expected: Any = None, **metadata: Any) -> Span:
        """A call that was judged not helpful, with what would have been, if that was said."""
        span = self.call(question)
        if expected is not None:
            metadata["expected"] = expected
        self.score(span, passed=False, metadata=metadata)
        return span

    def curated(self, **curation: Any) -> Dataset:
        return curate(
            self.telemetry,
            self.datasets,
            SystemClock(),
            project="default",
            name="failures",
            curation=Curation(**{"score": "helpful", **curation}),
        )

    def rows(self, **curation: Any) -> list[Example]:
        return self.datasets.examples("default", self.curated(**curation).ref)

    def questions(self, **curation: Any) -> set[Any]:
        return {row.input for row in self.rows(**curation)}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    metadata = metadata_in(tmp_path)
    with closing(metadata), closing(telemetry_in(tmp_path)) as telemetry:
        yield Archive(telemetry, metadata)


class TestWhichCalls:
    def test_only_a_judgement_that_condemns_makes_an_example(self, archive: Archive) -> None:
        for question, judged in {
            "failed": {"passed": False},
            "passed": {"passed": True},
            "a low value is no failure by itself": {"value": 0.0},
            "a label is none": {"label": "bad"},
            "not scored": {"status": "unscored", "reason": "x"},
            "an error": {"status": "error", "reason": "x"},
            "another score": {"name": "fast", "passed": False},
        }.items():
            archive.score(archive.call(question), **judged)
        archive.call("never judged")
        assert archive.questions() == {"failed"}

    def test_below_a_bound_is_a_failure_and_at_it_is_not(self, archive: Archive) -> None:
        for question, judged in {
            "below": {"value": 0.49},
            "at": {"value": 0.5},
            "above": {"value": 0.9},
            "failed": {"passed": False},
            "passed": {"passed": True},
            "not scored": {"status": "unscored", "reason": "x"},
        }.items():
            archive.score(archive.call(question), **judged)
        assert archive.questions(below=0.5) == {"below", "failed"}

    def test_only_the_newest_scores_up_to_the_limit_are_looked_at(self, archive: Archive) -> None:
        for question in "abc":
            archive.failed(question)
        archive.score(archive.call("passed"), passed=True)
        assert archive.questions(limit=2) == {"c"}
        assert archive.questions(limit=4) == {"a", "b", "c"}

    def test_scores_before_a_moment_are_left_out(self, archive: Archive) -> None:
        archive.failed("old")
        later = archive.score(archive.call("new"), passed=False)
        assert archive.questions(since_ns=later.time_ns) == {"new"}

    def test_calls_of_experiments_are_left_out(self, archive: Archive) -> None:
        archive.score(archive.call("by its run", run="run-1"), passed=False)
        archive.score(archive.call("by its score"), passed=False, run="run-1")
        archive.failed("of a user")
        assert archive.questions() == {"of a user"}

    def test_calls_of_another_project_are_left_out(self, archive: Archive) -> None:
        archive.score(archive.call("theirs", project="other"), passed=False)
        archive.failed("ours")
        assert archive.questions() == {"ours"}

    def test_a_score_of_a_whole_trace_finds_its_call(self, archive: Archive) -> None:
        span = archive.call("by trace")
        archive.score(span, passed=False, target=Target(kind="trace", id=span.trace_id))
        assert archive.questions() == {"by trace"}

    @pytest.mark.parametrize("asked", ["  ", [], [{"role": "system", "content": "x"}]])
    def test_a_call_without_a_question_is_no_example(self, archive: Archive, asked: Any) -> None:
        archive.failed(asked)
        assert archive.rows() == []

    def test_a_score_whose_call_is_not_on_record_is_passed_over(self, archive: Archive) -> None:
        lost = Span(trace_id=ids.trace_id(), span_id="s", name="n", start_ns=1, end_ns=2)
        archive.score(lost, passed=False)
        child = Span(
            trace_id=ids.trace_id(), span_id="c", parent_id="p", name="n", start_ns=1, end_ns=2
        )
        archive.telemetry.append(spans=[child]).result()
        archive.score(child, passed=False)
        archive.failed("kept")
        assert archive.questions() == {"kept"}


class TestWhatBecomesOfThem:
    def test_an_example_leads_back_to_its_call_and_brings_what_was_known(
        self, archive: Archive
    ) -> None:
        span = archive.failed("Which port?", "8321", cluster="ports", reviewer="ann")
        (row,) = archive.rows()
        assert row == Example(
            example_id=span.trace_id,
            input="Which port?",
            expected="8321",
            context=("The port is 8321.",),
            metadata={"failed": "helpful", "release": "r1", "cluster": "ports", "reviewer": "ann"},
            tags=("curated",),
            cluster="ports",
            source_trace=span.trace_id,
            source_span=span.span_id,
        )

    def test_the_last_question_of_a_conversation_is_the_one(self, archive: Archive) -> None:
        archive.failed(
            [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "answer"},
                {"role": "user", "content": [{"type": "text", "text": "second"}]},
                {"role": "tool", "content": "7", "tool_call_id": "c"},
            ]
        )
        assert archive.questions() == {"second"}

    @pytest.mark.parametrize("cluster", [7, ["a"], None, {"a": 1}])
    def test_a_cluster_that_is_no_name_does_not_spoil_the_dataset(
        self, archive: Archive, cluster: Any
    ) -> None:
        archive.failed("q", cluster=cluster)
        (row,) = archive.rows()
        assert row.cluster is None
        assert row.metadata["cluster"] == cluster

    def test_any_json_may_be_what_was_expected(self, archive: Archive) -> None:
        expected = {"port": 8321, "hosts": ["a", None, 1.5]}
        archive.failed("q", expected)
        assert [row.expected for row in archive.rows()] == [expected]


class TestOneOfEach:
    def test_two_calls_with_one_question_are_one_example(self, archive: Archive) -> None:
        archive.failed("same")
        newest = archive.failed("same")
        archive.failed("other")
        assert {row.input: row.source_trace for row in archive.rows()}["same"] == newest.trace_id
        assert len(archive.rows()) == 2

    @pytest.mark.parametrize("corrected", ["first", "last"])
    def test_of_two_the_corrected_one_is_taken(self, archive: Archive, corrected: str) -> None:
        for which in ("first", "last"):
            archive.failed("same", "8321" if which == corrected else None)
        (row,) = archive.rows()
        assert row.expected == "8321"

    def test_of_two_corrections_the_newest_is_taken(self, archive: Archive) -> None:
        archive.failed("same", "old")
        archive.failed("same", "new")
        assert [row.expected for row in archive.rows()] == ["new"]

    def test_several_scores_of_one_call_make_one_example(self, archive: Archive) -> None:
        span = archive.failed("q")
        archive.score(span, passed=False, metadata={"expected": "8321"})
        archive.score(span, passed=False)
        (row,) = archive.rows()
        assert row.expected == "8321"

    def test_calls_whose_trace_ids_begin_alike_are_two_examples(self, archive: Archive) -> None:
        for number in (1, 2):
            trace_id = f"{number:032x}"  # as 64-bit ids of other tracers look
            archive.score(archive.call(f"q{number}", trace_id=trace_id), passed=False)
        assert archive.questions() == {"q1", "q2"}

    def test_only_corrected_calls_are_taken_on_request(self, archive: Archive) -> None:
        archive.failed("plain")
        archive.score(archive.call("null"), passed=False, metadata={"expected": None})
        archive.failed("corrected", "8321")
        assert archive.questions(corrected_only=True) == {"corrected"}


class TestAgain:
    def test_curating_again_adds_what_is_new_behind_what_is_there(self, archive: Archive) -> None:
        archive.failed("first")
        one = archive.curated()
        archive.failed("second")
        archive.failed("first", "a correction that comes late")
        two = archive.curated()
        assert (one.version, two.version) == (1, 2)
        rows = archive.datasets.examples("default", two.ref)
        assert [row.input for row in rows] == ["first", "second"]
        assert rows[:1] == archive.datasets.examples("default", one.ref)

    def test_nothing_new_is_the_same_version(self, archive: Archive) -> None:
        archive.failed("first")
        assert archive.curated() == archive.curated()

    def test_rows_of_any_origin_stay_and_are_not_added_again(self, archive: Archive) -> None:
        written = Example(example_id="mine", input=[{"role": "user", "content": "first"}])
        archive.datasets.add("default", "failures", [written], note="", created_ns=1)
        archive.failed("first")
        archive.failed("second")
        rows = archive.rows()
        assert rows[0] == written
        assert [row.input for row in rows[1:]] == ["second"]

    def test_a_row_whose_question_was_edited_is_not_taken_a_second_time(
        self, archive: Archive
    ) -> None:
        span = archive.failed("wich prot?")
        (row,) = archive.rows()
        edited = Example(example_id=row.example_id, input="Which port?", source_trace=span.trace_id)
        archive.datasets.add("default", "failures", [edited], note="", created_ns=2)
        assert archive.rows() == [edited]

    def test_no_failures_make_an_empty_dataset(self, archive: Archive) -> None:
        dataset = archive.curated()
        assert (dataset.size, dataset.version) == (0, 1)
        assert dataset.note == "curated from calls that failed helpful"
