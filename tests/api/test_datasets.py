"""Datasets over HTTP: versions of rows, and rows curated from calls that failed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from tests.api.problems import problem
from tests.serving import Served

from trimtab.errors import Conflict
from trimtab.records import Example

PATH = "/api/v1/datasets"
PORT = "Which port does the widget server listen on?"


def row(example_id: str, **fields: Any) -> dict[str, Any]:
    return {"example_id": example_id, "input": f"question {example_id}", **fields}


def add(server: Served, name: str, *rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    added: dict[str, Any] = server.client.post(PATH, {"name": name, "examples": rows, **fields})
    return added


def test_each_change_is_the_next_version_and_the_same_rows_are_not(widgets: Served) -> None:
    first = add(widgets, "steps", row("1"), row("2"), note="by hand")
    same = add(widgets, "steps", row("1"), row("2"))
    turned = add(widgets, "steps", row("2"), row("1"))
    assert [first["version"], same["version"], turned["version"]] == [1, 1, 2]
    assert (first["size"], first["note"]) == (2, "by hand")
    assert widgets.client.get(f"{PATH}/steps@1") == first
    assert widgets.client.get(f"{PATH}/steps") == turned
    ids = [example["example_id"] for example in widgets.client.examples("steps@1")]
    assert ids == ["1", "2"]


def test_a_row_is_read_back_with_everything_it_had(widgets: Served) -> None:
    full = {
        "example_id": "g 1/ü",
        "input": [{"role": "user", "content": "Hi\0 🙂"}],
        "expected": {"answer": ["a", 1, None, 2.5, True]},
        "context": ["one", ""],
        "metadata": {"kind": "answerable", "deep": {"er": []}},
        "tags": ["a"],
        "split": "golden",
        "cluster": "docs/cli.md",
        "source_trace": "ab" * 16,
        "source_span": "cd" * 8,
    }
    assert set(full) == set(Example.__struct_fields__), "the test covers every field"
    add(widgets, "full", full)
    assert widgets.client.examples("full") == [full]


def test_the_list_has_the_newest_version_of_each(widgets: Served) -> None:
    for size in (1, 2):
        add(widgets, "listed", *(row(str(n)) for n in range(size)))
    rows = [one for one in widgets.client.get(PATH)["data"] if one["name"] == "listed"]
    assert [(one["version"], one["size"]) for one in rows] == [(2, 2)]


def test_two_rows_with_one_id_are_a_conflict(widgets: Served) -> None:
    with pytest.raises(Conflict, match="'1' is used 2 times"):
        add(widgets, "doubled", row("1"), row("1", expected="x"))
    assert widgets.ask("GET", f"{PATH}/doubled").status == 404


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$"),
        ({"name": "d"}, "$"),
        ({"name": 1, "examples": []}, "$.name"),
        ({"name": "a/b", "examples": []}, "name"),
        ({"name": "..", "examples": []}, "name"),
        ({"name": "d", "examples": {}}, "$.examples"),
        ({"name": "d", "examples": [1]}, "$.examples[0]"),
        ({"name": "d", "examples": [row("1"), {"input": "x"}]}, "$.examples[1]"),
        ({"name": "d", "examples": [row("1"), {"example_id": "2"}]}, "$.examples[1]"),
        ({"name": "d", "examples": [row("1", expcted="x")]}, "$.examples[0]"),
        ({"name": "d", "examples": [row("1", tags="x")]}, "$.examples[0].tags"),
        ({"name": "d", "examples": [row("1", metadata=[])]}, "$.examples[0].metadata"),
        ({"name": "d", "examples": [row("")]}, "$.examples[0].example_id"),
        ({"name": "d", "examples": [row("x" * 201)]}, "$.examples[0].example_id"),
        ({"name": "d", "examples": [], "notes": "x"}, "$"),
        ({"name": "d", "examples": [], "note": "x" * 2001}, "$.note"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_and_the_place_is_named(
    widgets: Served, body: dict[str, Any], where: str
) -> None:
    problem(widgets.ask("POST", PATH, body), 400, where=where)


@pytest.mark.parametrize("path", ["nobody", "nobody@1", "nobody/examples"])
def test_an_unknown_dataset_is_not_found(widgets: Served, path: str) -> None:
    assert "'nobody'" in problem(widgets.ask("GET", f"{PATH}/{path}"), 404)["detail"]


def test_an_unknown_version_is_named_with_those_there_are(widgets: Served) -> None:
    add(widgets, "one version", row("1"))
    for version in ("0", "2", "latest"):
        reply = widgets.ask("GET", f"{PATH}/{quote('one version')}@{version}")
        assert "one version" in problem(reply, reply.status)["fix"]
        assert reply.status in (400, 404)


# -- curation ----------------------------------------------------------------------------------


def judged(server: Served, question: str, score: str, **judgement: Any) -> str:
    """Ask a question and judge the answer; the trace id."""
    trace_id: str = server.client.chat("widgets", question)["trace_id"]
    server.client.score(trace_id, score, **judgement)
    return trace_id


def curate(server: Served, name: str, **curation: Any) -> dict[str, Any]:
    dataset: dict[str, Any] = server.client.post(f"{PATH}/{name}/curate", curation)
    return dataset


def test_calls_that_failed_become_rows_that_lead_back_to_them(widgets: Served) -> None:
    correction = {"expected": "7711", "cluster": "ports.md"}
    failed = judged(widgets, PORT, "c1", passed=False, metadata=correction)
    judged(widgets, "What colour is a widget?", "c1", passed=True)
    dataset = curate(widgets, "failed", score="c1")
    (example,) = widgets.client.examples("failed")
    assert dataset["size"] == 1
    assert (example["input"], example["expected"]) == (PORT, "7711")
    assert (example["cluster"], example["source_trace"]) == ("ports.md", failed)
    assert any("7711" in passage for passage in example["context"])
    root = widgets.client.trace(failed)["spans"][0]
    assert example["source_span"] == root["span_id"]


def test_curating_again_adds_what_failed_since_and_keeps_the_rest(widgets: Served) -> None:
    judged(widgets, "first question about paint", "c2", passed=False)
    first = curate(widgets, "growing", score="c2")
    judged(widgets, "first question about paint", "c2", passed=False)
    unchanged = curate(widgets, "growing", score="c2")
    judged(widgets, "second question about paint", "c2", passed=False)
    second = curate(widgets, "growing", score="c2")
    assert unchanged == first, "one question is one example"
    assert (second["version"], second["size"]) == (2, 2)
    before, after = widgets.client.examples("growing@1"), widgets.client.examples("growing@2")
    assert after[:1] == before


def test_a_value_below_a_bound_is_a_failure_too(widgets: Served) -> None:
    judged(widgets, "a bad question", "stars", value=1)
    judged(widgets, "a good question", "stars", value=5)
    curate(widgets, "starless", score="stars", below=3)
    assert [example["input"] for example in widgets.client.examples("starless")] == [
        "a bad question"
    ]


def test_only_corrected_calls_are_taken_on_request(widgets: Served) -> None:
    judged(widgets, "an uncorrected question", "c3", passed=False)
    judged(widgets, "a corrected question", "c3", passed=False, metadata={"expected": "yes"})
    curate(widgets, "corrected", score="c3", corrected_only=True)
    assert [example["input"] for example in widgets.client.examples("corrected")] == [
        "a corrected question"
    ]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$"),
        ({"score": 1}, "$.score"),
        ({"score": ""}, "$.score"),
        ({"score": "c", "below": "3"}, "$.below"),
        ({"score": "c", "limit": 0}, "$.limit"),
        ({"score": "c", "limit": 10**30}, "$.limit"),
        ({"score": "c", "since_ns": -1}, "$.since_ns"),
        ({"score": "c", "since_ns": 10**30}, "$.since_ns"),
        ({"score": "c", "sice_ns": 1}, "$"),
    ],
)
def test_a_curation_that_cannot_be_meant_is_refused(
    widgets: Served, body: dict[str, Any], where: str
) -> None:
    problem(widgets.ask("POST", f"{PATH}/refused/curate", body), 400, where=where)


@pytest.mark.parametrize("name", ["a@1", "%00", "%20"])
def test_a_curated_dataset_needs_a_name_like_any_other(widgets: Served, name: str) -> None:
    judged(widgets, "a question for a name", "c4", passed=False)
    problem(widgets.ask("POST", f"{PATH}/{name}/curate", {"score": "c4"}), 400)


def test_the_audit_names_who_added_a_dataset_and_who_removed_it(widgets: Served) -> None:
    add(widgets, "audited", row("1"))
    widgets.client.delete(f"{PATH}/audited")
    entries = widgets.client.get("/api/v1/audit", {"object": "audited"})["data"]
    assert [(one["action"], one["principal"]) for one in entries] == [
        ("dataset.remove", "local"),
        ("dataset.add", "local"),
    ]
