"""Versions of datasets: sent in pieces, compared, checked, split, exported, made of calls."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.problems import problem
from tests.api.test_datasets import PATH, PORT, add, judged, row
from tests.serving import Served

from trimtab.app.tables import TABLES
from trimtab.client import Client
from trimtab.datasets.files import read_examples
from trimtab.errors import Conflict, Forbidden, InvalidRequest, NotFound
from trimtab.kit import jsonx

DRAFTS = "/api/v1/dataset-drafts"


def begin(server: Served, name: str, **fields: Any) -> str:
    return f"{DRAFTS}/{server.client.post(DRAFTS, {'name': name, **fields})['draft']}"


# -- drafts and pages ----------------------------------------------------------------------------


def test_a_dataset_comes_in_pieces_and_is_read_in_pages(widgets: Served) -> None:
    rows = [row(f"{n}", expected=f"answer {n}") for n in range(12_500)]
    sent: list[int] = []
    dataset = widgets.client.add_dataset("long", iter(rows), note="n", tags=["t"], sent=sent.append)
    assert (dataset["version"], dataset["size"], dataset["tags"]) == (1, 12_500, ["t"])
    assert sent == [5000, 5000, 2500]
    found = [one["example_id"] for one in widgets.client.rows("long")]
    assert found == [one["example_id"] for one in rows]
    some = widgets.client.rows("long", after=12_498, limit=7)
    assert [one["example_id"] for one in some] == ["12498", "12499"]
    page = widgets.client.get(f"{PATH}/long/examples")
    assert (len(page["data"]), page["next"]) == (1000, 1000)
    last = widgets.client.get(f"{PATH}/long/examples", {"after": 12_000, "limit": 500})
    assert (len(last["data"]), last["next"]) == (500, None)
    assert widgets.client.get(f"{PATH}/long/examples", {"after": 99_999})["data"] == []


def test_pages_are_of_the_version_that_was_the_newest_at_first(widgets: Served) -> None:
    add(widgets, "paged", *(row(f"{n}") for n in range(6000)))
    reading = widgets.client.rows("paged")
    first = next(reading)
    add(widgets, "paged", row("other"))
    assert [first, *reading] == list(widgets.client.rows("paged@1"))


def test_a_page_of_large_rows_has_fewer_of_them(widgets: Served) -> None:
    rows = [row(f"{n}") | {"input": f"{n}" * (9 << 20)} for n in range(3)]
    widgets.client.add_dataset("large", rows)
    page = widgets.client.get(f"{PATH}/large/examples")
    assert (len(page["data"]), page["next"], page["ref"]) == (2, 2, "large@1")
    assert [one["example_id"] for one in widgets.client.rows("large")] == ["0", "1", "2"]


def test_a_piece_that_was_taken_is_not_taken_again(widgets: Served) -> None:
    draft = begin(widgets, "pieces")
    piece = {"examples": [row("1")], "after": 0}
    assert widgets.client.post(f"{draft}/examples", piece)["rows"] == 1
    said = problem(widgets.ask("POST", f"{draft}/examples", piece), 409, where="after")
    assert said["rows"] == 1
    widgets.client.post(f"{draft}/examples", {"examples": [row("2")], "after": 1})
    assert widgets.client.post(f"{draft}/commit")["size"] == 2
    problem(widgets.ask("POST", f"{draft}/commit", {}), 404)


def test_an_upload_that_fails_leaves_nothing(widgets: Served) -> None:
    with pytest.raises(Conflict, match="'1' is used 2 times, in the rows 1, 2"):
        widgets.client.add_dataset("failing", [row("1"), row("1")])
    with pytest.raises(ZeroDivisionError):
        widgets.client.add_dataset("failing", (row(str(1 // n)) for n in (1, 0)))
    assert widgets.ask("GET", f"{PATH}/failing").status == 404


def test_a_schema_is_kept_and_a_row_that_breaks_it_is_named(widgets: Served) -> None:
    schema = {"properties": {"input": {"type": "string", "maxLength": 20}}}
    first = widgets.client.add_dataset("typed", [row("1")], schema=schema)
    assert first["schema"] == schema
    with pytest.raises(InvalidRequest, match=r"row 2 \('2'\) .*input: 7 is not") as caught:
        widgets.client.add_dataset("typed", [row("1"), row("2") | {"input": 7}])
    assert caught.value.fields["field"] == "input"
    body = {"name": "typed", "examples": [row("1")], "schema": {"type": "none"}}
    problem(widgets.ask("POST", PATH, body), 400, where="schema")


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        (DRAFTS, {}, "$"),
        (DRAFTS, {"name": "a/b"}, "name"),
        (DRAFTS, {"name": "x", "schema": []}, "$.schema"),
        (f"{DRAFTS}/x/examples", {"examples": []}, "$"),
        (f"{DRAFTS}/x/examples", {"examples": [{}], "after": 0}, "$.examples[0]"),
        (f"{DRAFTS}/x/examples", {"examples": [], "after": -1}, "$.after"),
        (f"{DRAFTS}/x/commit", {"tags": ["", "b"]}, "$.tags[0]"),
        (f"{PATH}/golden/split", {"ratio": {"a": 0.5}}, "ratio"),
        (f"{PATH}/golden/split", {"ratio": {"a": "x"}}, "$.ratio[...]"),
        (f"{PATH}/golden/dedupe", {"near": 2}, "$.near"),
        (f"{PATH}/golden/calls", {}, "$"),
        (f"{PATH}/golden/calls", {"filter": "a", "sql": "b"}, "$"),
        (f"{PATH}/golden/calls", {"filter": "status:", "expected": "none"}, None),
        (f"{PATH}/golden/calls", {"filter": "", "expected": "scores"}, "expected"),
    ],
)
def test_a_body_that_cannot_be_meant_is_refused(
    widgets: Served, path: str, body: dict[str, Any], where: str | None
) -> None:
    reply = problem(widgets.ask("POST", path, body), 400)
    assert where is None or reply["where"] == where


# -- compared and checked ------------------------------------------------------------------------


def test_versions_are_compared_with_the_one_before_or_another(widgets: Served) -> None:
    add(widgets, "moving", row("1"), row("2"))
    add(widgets, "moving", row("1", expected="x"), row("3"))
    found = widgets.client.diff_dataset("moving")
    assert (found["base"], found["new"]) == ("moving@1", "moving@2")
    assert [found[kind] for kind in ("added", "removed", "changed")] == [1, 1, 1]
    assert found["changed_rows"] == [{"example_id": "1", "fields": {"expected": [None, "x"]}}]
    back = widgets.client.diff_dataset("moving@1", "moving@2")
    assert back["changed_rows"][0]["fields"] == {"expected": ["x", None]}
    reply = widgets.ask("GET", f"{PATH}/moving@1/diff")
    assert "no version before" in problem(reply, 400, where="query parameter against")["detail"]
    versions = widgets.client.get(f"{PATH}/moving/versions")["data"]
    assert [one["version"] for one in versions] == [2, 1]


def test_what_repeats_and_what_another_set_knows_is_found_and_left_out(widgets: Served) -> None:
    twin = row("2") | {"input": "QUESTION  1"}
    add(widgets, "train", row("t") | {"input": "question 3"})
    added = add(widgets, "checked", row("1"), twin, row("3"))
    assert added["duplicates"] == 1
    found = widgets.client.check_dataset("checked", "train")
    assert (found["repetition"]["exact"], found["contamination"]["exact"]) == (1, 1)
    assert found["contamination"]["share"] == pytest.approx(1 / 3)
    assert widgets.client.check_dataset("checked")["contamination"] is None
    deduped = widgets.client.post(f"{PATH}/checked/dedupe")
    assert (deduped["version"], deduped["size"], deduped["duplicates"]) == (2, 2, 0)
    reply = widgets.ask("GET", f"{PATH}/checked/check?near=x")
    problem(reply, 400, where="query parameter near")


def test_a_split_is_a_version_that_counts_its_splits(widgets: Served) -> None:
    add(widgets, "whole", *(row(f"{n}", cluster=f"c{n // 2}") for n in range(40)))
    dataset = widgets.client.split_dataset("whole", {"train": 0.5, "test": 0.5})
    assert sum(dataset["splits"].values()) == 40
    assert all(count % 2 == 0 and count for count in dataset["splits"].values())
    assert dataset["note"] == "split into train 0.5, test 0.5"
    assert widgets.client.split_dataset("whole", {"train": 0.5, "test": 0.5}) == dataset


def test_a_removed_dataset_is_gone(widgets: Served) -> None:
    add(widgets, "going", row("1"))
    add(widgets, "going", row("2"))
    problem(widgets.ask("DELETE", f"{PATH}/going@1"), 400)
    assert widgets.client.remove_dataset("going") == 2
    with pytest.raises(NotFound, match="going"):
        widgets.client.examples("going")
    problem(widgets.ask("DELETE", f"{PATH}/going"), 404)


# -- files ---------------------------------------------------------------------------------------

FULL = {
    "example_id": "g 1",
    "input": 'Which "port", then?\nSay.',
    "expected": "8321",
    "context": ["one", "two"],
    "metadata": {"lang": "pt"},
    "tags": ["a", "b"],
    "split": "test",
    "cluster": "ports",
    "source_trace": "ab" * 16,
    "source_span": "cd" * 8,
}


@pytest.mark.parametrize("shape", ["jsonl", "csv", "parquet"])
def test_what_is_exported_is_read_again_as_it_was(
    widgets: Served, tmp_path: Path, shape: str
) -> None:
    add(widgets, "out", FULL, row("2"))
    path = tmp_path / f"out.{shape}"
    stream = widgets.client.stream(f"{PATH}/out/export", {"format": shape})
    path.write_bytes(b"".join(stream))
    rows = [json.loads(jsonx.encode(one)) for one in read_examples(path, tables=TABLES)]
    assert rows == widgets.client.examples("out")


def test_values_that_are_no_text_are_json_in_a_table(widgets: Served) -> None:
    add(widgets, "nested", row("1") | {"input": [{"role": "user", "content": "Hi"}]})
    text = b"".join(widgets.client.stream(f"{PATH}/nested/export", {"format": "csv"})).decode()
    (found,) = csv.DictReader(io.StringIO(text))
    assert json.loads(found["input"]) == [{"role": "user", "content": "Hi"}]
    problem(widgets.ask("GET", f"{PATH}/nested/export?format=xml"), 400)


# -- recorded calls ------------------------------------------------------------------------------


def of_calls(server: Served, name: str, **body: Any) -> list[dict[str, Any]]:
    server.client.post(f"{PATH}/{name}/calls", body)
    return list(server.client.rows(name))


def test_calls_of_a_filter_become_rows_that_lead_back(widgets: Served) -> None:
    question = "Which port does the widget server listen on, I ask?"
    reply = widgets.client.chat("widgets", question, session="s-of-calls")
    (found,) = of_calls(widgets, "asked", filter="session:s-of-calls", expected="output")
    assert (found["input"], found["cluster"]) == (question, "s-of-calls")
    assert found["expected"] == reply["choices"][0]["message"]["content"]
    assert any("7711" in passage for passage in found["context"])
    (source,) = widgets.client.get(f"{PATH}/asked/lineage")["data"]
    root = widgets.client.trace(reply["trace_id"])["spans"][0]
    assert source == {
        "example_id": found["example_id"],
        "source_trace": reply["trace_id"],
        "source_span": root["span_id"],
    }
    assert widgets.client.get(f"{PATH}/asked")["linked"] == 1
    (bare,) = of_calls(widgets, "bare", filter="session:s-of-calls")
    assert bare["expected"] is None


def test_calls_are_appended_once_to_the_rows_there_are(widgets: Served) -> None:
    for n in range(3):
        widgets.client.chat("widgets", f"Is widget number {n} green?", session=f"s-append-{n}")
    first, second, third = (f"session:s-append-{n}" for n in range(3))
    of_calls(widgets, "growing", filter=first, append=True)
    changed = of_calls(widgets, "growing", filter=f"{first} OR {second}", append=True)
    assert [row["cluster"] for row in changed] == ["s-append-0", "s-append-1"]
    assert widgets.client.get(f"{PATH}/growing")["version"] == 2
    (alone,) = of_calls(widgets, "growing", filter=third)
    assert alone["cluster"] == "s-append-2"


def test_what_a_score_says_is_expected_and_calls_without_are_left_out(widgets: Served) -> None:
    corrected = judged(widgets, PORT, "review", passed=False, metadata={"expected": "7711"})
    judged(widgets, "Why are widgets green?", "review", passed=False)
    rows = of_calls(widgets, "reviewed", filter="", expected="score:review")
    assert [(one["source_trace"], one["expected"]) for one in rows] == [(corrected, "7711")]


def test_the_newest_calls_are_taken_up_to_the_limit(widgets: Served) -> None:
    for number in range(3):
        widgets.client.chat("widgets", f"limited question {number}?", user="u-limited")
    rows = of_calls(widgets, "limited", filter="user:u-limited", limit=2)
    assert [one["input"] for one in rows] == ["limited question 2?", "limited question 1?"]


def test_the_answer_to_a_select_becomes_rows(widgets: Served) -> None:
    trace_id = widgets.client.chat("widgets", PORT, user="u-sql")["trace_id"]
    sql = (
        "SELECT trace_id, span_id, 'Which port?' AS question, \"user\" AS who FROM spans"
        f" WHERE trace_id = '{trace_id}' AND parent_id IS NULL"
    )
    (found,) = of_calls(widgets, "selected", sql=sql, columns={"metadata.who": "who"})
    assert (found["input"], found["source_trace"]) == ("Which port?", trace_id)
    assert found["source_span"]
    reply = widgets.ask("POST", f"{PATH}/selected/calls", {"sql": "SELECT name FROM spans"})
    assert "no column is the input" in problem(reply, 400)["detail"]
    problem(widgets.ask("POST", f"{PATH}/selected/calls", {"sql": "DROP TABLE spans"}), 400)


@pytest.mark.parametrize(
    ("body", "needed"), [({"filter": ""}, "traces:read"), ({"sql": "SELECT 1"}, "sql:call")]
)
def test_calls_are_taken_by_those_who_may_read_them(
    widgets: Served, body: dict[str, Any], needed: str
) -> None:
    issued = widgets.client.post(
        "/api/v1/keys", {"name": f"writer of {needed}", "permissions": ["datasets:write"]}
    )
    with (
        Client(widgets.url, key=issued["secret"]) as client,
        pytest.raises(Forbidden, match=needed),
    ):
        client.post(f"{PATH}/secret/calls", body)
