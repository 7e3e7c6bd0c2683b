"""The rows of a run are on the server with it, so that whoever compares it knows its clusters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.serving import Served, configured, served

import trimtab
from trimtab.cli.shell import root
from trimtab.client import Client
from trimtab.evals.storing import rows_name
from trimtab.evals.upload import Upload
from trimtab.records import Example, Run
from trimtab.records.example import examples_digest

SECRET = "s" * 40
ROWS = [
    {
        "example_id": f"e{n:03}",
        "input": f"q{n}",
        "expected": f"q{n}",
        "cluster": f"document {n // 6}",
        "split": "test" if n >= 60 else "train",
        "metadata": {"tier": "free", "weight": 0.1 + n},
    }
    for n in range(120)
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    text = f"""
access:
  keys:
    - {{name: admin, key: {SECRET}}}
    - {{name: ci, key: {SECRET}-ci, permissions: ["runs:*"]}}
    - {{name: writer, key: {SECRET}-writer, permissions: ["runs:*", "datasets:write"]}}
"""
    with served(configured(tmp_path_factory.mktemp("storing") / "data", text)) as running:
        running.client = Client(running.url, key=SECRET)
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def right(input: str) -> str:
    return input


def clustered(input: str) -> str:
    """Wrong on all six cases of every fifth document."""
    return "no" if (int(input[1:]) // 6) % 5 == 0 else input


def evaluate(server: Served, task: Any, data: Any = "rows.jsonl", **settings: Any) -> Any:
    key = settings.pop("key", SECRET)
    settings = {"scorers": ["exact"], "name": "clustered", "url": server.url, **settings}
    return trimtab.evaluate(task, data, key=key, **settings)


def compare(server: Served, base: str, new: str) -> dict[str, Any]:
    path = f"/api/v1/runs/{new}/comparison"
    verdict: dict[str, Any] = server.client.post(path, {"baseline": base})["verdict"]
    return verdict


@pytest.mark.parametrize("data", ["rows.jsonl", ROWS], ids=["file", "in place"])
def test_compare_says_what_the_evaluation_said(server: Served, data: Any) -> None:
    base = evaluate(server, clustered, data)
    new = evaluate(server, right, data, baseline=base)
    assert new.run.dataset == "clustered rows@1"
    assert new.verdict.comparisons[0].difference.method.endswith("over 20 clusters")
    stored = compare(server, base.run.run_id, new.run.run_id)
    own = new.verdict.comparisons[0].difference
    found = stored["comparisons"][0]["difference"]
    assert (found["low"], found["high"]) == (own.low, own.high)
    assert stored["notes"] == []
    query = {"by": "metadata.tier", "baseline": base.run.run_id}
    [slices] = server.client.get(f"/api/v1/runs/{new.run.run_id}/slices", query)["data"]
    assert [group["key"] for group in slices["groups"]] == ["free"]


def test_rows_are_stored_once_by_their_content_and_exactly_those_that_were_run(
    server: Served,
) -> None:
    from trimtab.experiments.suite import DataRef

    parts = [
        DataRef(file="rows.jsonl"),
        DataRef(file="rows.jsonl", sample=30),
        DataRef(file="rows.jsonl", split="test"),
        DataRef(file="rows.jsonl"),
        DataRef(file="rows.jsonl", sample=30),
    ]
    runs = [evaluate(server, right, part, name="parts").run for part in parts]
    assert [run.dataset for run in runs] == [f"parts rows@{n}" for n in (1, 2, 3, 1, 2)]
    for run in runs:
        dataset = server.client.get(f"/api/v1/datasets/{run.dataset.replace(' ', '%20')}")
        assert (dataset["digest"], dataset["size"]) == (run.dataset_digest, run.total)
        assert dataset["note"] == "rows of a run over rows.jsonl"
        assert server.client.get(f"/api/v1/runs/{run.run_id}")["dataset"] == run.dataset


def test_rows_of_a_dataset_of_the_server_are_not_stored_again(server: Served) -> None:
    server.client.add_dataset("golden", ROWS)
    run = evaluate(server, right, "golden", name="of golden").run
    assert run.dataset == "golden@1"
    names = {each["name"] for each in server.client.get("/api/v1/datasets")["data"]}
    assert "of golden rows" not in names


def test_a_key_that_may_not_store_rows_has_its_run_and_compare_says_so(server: Served) -> None:
    base, new = (
        evaluate(server, task, name="kept out", key=f"{SECRET}-ci") for task in (clustered, right)
    )
    assert any("does not know their clusters: " in note for note in new.notes)
    assert new.run.dataset == "rows.jsonl"
    verdict = compare(server, base.run.run_id, new.run.run_id)
    assert "so their clusters are not known" in verdict["notes"][0]
    assert "clusters" not in verdict["comparisons"][0]["difference"]["method"]


def test_a_key_that_may_only_write_datasets_stores_them(server: Served) -> None:
    for _ in range(2):
        run = evaluate(server, right, name="blind", key=f"{SECRET}-writer").run
        assert run.dataset == "blind rows@1"


def test_a_run_whose_rows_come_later_is_found_with_them(server: Served, folder: Path) -> None:
    rows = [Example(example_id=f"e{n}", input=n, cluster="a") for n in range(3)]
    run = Run(
        run_id="later",
        name="later",
        dataset="later.jsonl",
        dataset_digest=examples_digest(rows),
        scorers=(),
        started_ns=1,
    )
    for key in (f"{SECRET}-ci", SECRET):
        upload = Upload(Client(server.url, key=key), run, rows)
        upload._open()
        assert (upload.unstored is None) == (key == SECRET)
    assert server.client.get("/api/v1/runs/later")["dataset"] == "later rows@1"


@pytest.mark.parametrize("suite", ["docs/smoke", "a@1", "x" * 500, "nightly\n", "/", "Größe 1"])
def test_every_suite_has_a_name_for_its_rows(server: Served, suite: str) -> None:
    name = rows_name(suite)
    made = server.client.add_dataset(name, ROWS[:1])
    assert made["name"] == name
    assert re.search(r"[^@/] rows$", name)


def test_the_command_line_compares_runs_over_a_file_by_its_clusters(
    server: Served, folder: Path
) -> None:
    suite = {
        "name": "files",
        "data": {"file": "rows.jsonl"},
        "task": {"outputs": "input"},
        "scorers": ["exact"],
    }
    (folder / "a.eval.yaml").write_text(json.dumps(suite))
    flags = ["--url", server.url, "--key", SECRET]
    for _ in range(2):
        ran = CliRunner().invoke(root, ["eval", *flags])
        assert ran.exit_code == 0, ran.output
    done = CliRunner().invoke(root, ["compare", "files", "last", "--json", *flags])
    verdict = json.loads(done.stdout)["verdict"]
    assert verdict["notes"] == []
    assert verdict["comparisons"][0]["difference"]["method"].endswith("over 20 clusters")


@pytest.mark.slow
def test_a_very_large_file_is_stored_in_batches(server: Served) -> None:
    rows = [
        Example(example_id=f"e{n}", input=f"question number {n}", cluster=f"c{n // 9}")
        for n in range(250_000)
    ]
    run = Run(
        run_id="large",
        name="large",
        dataset="large.jsonl",
        dataset_digest=examples_digest(rows),
        scorers=(),
        started_ns=1,
    )
    upload = Upload(server.client, run, rows)
    upload._open()
    assert upload.unstored is None
    dataset = server.client.get("/api/v1/datasets/large%20rows")
    assert (dataset["size"], dataset["digest"]) == (250_000, run.dataset_digest)
