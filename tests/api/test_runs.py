"""Runs over HTTP: started, watched, compared; and the whole loop once around."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import BUNDLE, publish
from tests.api.problems import problem
from tests.serving import Served, configured, served

from trimtab.client import Client
from trimtab.errors import NotFound

PATH = "/api/v1/runs"
ROWS: list[dict[str, Any]] = [
    {
        "example_id": "port",
        "input": "Which port does the widget server listen on by default?",
        "expected": "It listens on port 7711.",
        "split": "golden",
    },
    {
        "example_id": "paint",
        "input": [{"role": "user", "content": "How long does green paint take to dry?"}],
        "expected": "Four hours.",
        "split": "golden",
    },
    {
        "example_id": "none",
        "input": "Who won the cup?",
        "metadata": {"answerable": False},
        "split": "spare",
    },
]


@pytest.fixture(scope="module")
def rows(widgets: Served) -> Served:
    widgets.client.post("/api/v1/datasets", {"name": "rows", "examples": ROWS})
    return widgets


def finished(client: Client, **request: Any) -> dict[str, Any]:
    body = {"release": "widgets@1", "dataset": "rows", **request}
    *_, run = client.watch(client.post(PATH, body)["run_id"], poll_s=0.02)
    return run


def test_a_run_is_accepted_at_once_and_ends_with_its_numbers(rows: Served) -> None:
    reply = rows.ask("POST", PATH, {"release": "widgets@1", "dataset": "rows"})
    assert reply.status == 202
    started = reply.json
    assert (started["status"], started["done"], started["total"]) == ("running", 0, 3)
    *_, run = rows.client.watch(started["run_id"])
    assert (run["status"], run["done"], run["error"]) == ("done", 3, None)
    assert (run["release"], run["dataset"]) == ("widgets@1", "rows@1")
    correct = run["metrics"]["answer_correct"]
    assert (correct["n"], correct["total"]) == (3, 3)
    assert correct["low"] < correct["value"] < correct["high"] or correct["value"] in (0, 1)
    assert set(run["metrics"]) <= {scorer["name"] for scorer in run["scorers"]}
    assert rows.client.get(PATH, {"limit": 1})["data"] == [run]


def test_every_answer_of_a_run_is_a_trace_and_every_judgement_a_score(rows: Served) -> None:
    run = finished(rows.client, scorers=["answer_correct", "latency"])
    traces = rows.client.traces(run=run["run_id"])
    scores = rows.client.get("/api/v1/scores", {"run": run["run_id"]})["data"]
    assert len(traces) == 3
    assert {row["route"] for row in traces} == {"widgets"}
    judged = sorted((score["name"], score["target"]["id"]) for score in scores)
    ids = sorted(row["example_id"] for row in ROWS)
    assert judged == [(name, one) for name in ("answer_correct", "latency") for one in ids]
    answers = {score["target"]["id"]: score["passed"] for score in scores if score["value"] is None}
    share = sum(answers.values()) / 3
    assert run["metrics"]["answer_correct"]["value"] == pytest.approx(share)


def test_a_run_can_be_over_one_split_and_named(rows: Served) -> None:
    run = finished(rows.client, split="golden", name="only golden", scorers=["latency"])
    assert (run["name"], run["split"], run["total"]) == ("only golden", "golden", 2)


@pytest.mark.parametrize(
    ("changes", "status", "where"),
    [
        ({"release": "nobody@1"}, 404, None),
        ({"dataset": "nobody"}, 404, None),
        ({"dataset": "rows@9"}, 404, None),
        ({"split": "nothing"}, 409, None),
        ({"scorers": ["latncy"]}, 400, "scorers"),
        ({"scorers": "latency"}, 400, "$.scorers"),
        ({"concurrency": 0}, 400, "$.concurrency"),
        ({"concurrency": 65}, 400, "$.concurrency"),
        ({"concurrency": "4"}, 400, "$.concurrency"),
        ({"name": "x" * 201}, 400, "$.name"),
        ({"relase": "x"}, 400, "$"),
    ],
)
def test_a_run_that_cannot_be_is_refused_and_leaves_no_record(
    rows: Served, changes: dict[str, Any], status: int, where: str | None
) -> None:
    before = rows.client.get(PATH)["data"]
    body = {"release": "widgets@1", "dataset": "rows", **changes}
    found = problem(rows.ask("POST", PATH, body), status, where=where)
    assert found["fix"]
    assert rows.client.get(PATH)["data"] == before


def test_a_misspelt_scorer_is_answered_with_the_one_that_was_meant(rows: Served) -> None:
    body = {"release": "widgets@1", "dataset": "rows", "scorers": ["latncy"]}
    assert "latency" in problem(rows.ask("POST", PATH, body), 400)["fix"]


@pytest.mark.parametrize("path", ["nobody", "%00", "a%20b", "x" * 3000])
def test_an_unknown_run_is_not_found(rows: Served, path: str) -> None:
    problem(rows.ask("GET", f"{PATH}/{path}"), 404)
    problem(rows.ask("POST", f"{PATH}/{path}/comparison", {"baseline": "x"}), 404)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x"])
def test_a_limit_out_of_range_is_refused(rows: Served, query: str) -> None:
    problem(rows.ask("GET", f"{PATH}?{query}"), 400, where="query parameter limit")


# -- comparing ---------------------------------------------------------------------------------


def test_a_comparison_is_stored_with_the_new_run_where_that_is_asked_for(rows: Served) -> None:
    base, new = (finished(rows.client, scorers=["answer_correct"]) for _ in range(2))
    path, body = f"{PATH}/{new['run_id']}/comparison", {"baseline": base["run_id"]}
    judged = rows.client.post(path, body)
    assert rows.client.get(f"{PATH}/{new['run_id']}")["verdict"] is None
    assert rows.client.post(path, {**body, "store": True}) == judged
    (comparison,) = judged["verdict"]["comparisons"]
    assert comparison["metric"] == "answer_correct"
    assert comparison["difference"]["value"] == 0
    assert judged["verdict"]["outcome"] == "inconclusive", "three pairs cannot prove anything"
    assert rows.client.get(f"{PATH}/{new['run_id']}") == judged
    assert rows.client.get(f"{PATH}/{base['run_id']}")["verdict"] is None


def test_runs_over_different_rows_cannot_be_compared(rows: Served) -> None:
    whole, part = finished(rows.client), finished(rows.client, split="golden")
    path = f"{PATH}/{whole['run_id']}/comparison"
    found = problem(rows.ask("POST", path, {"baseline": part["run_id"]}), 409)
    assert "different examples" in found["detail"]
    assert found["fix"]


@pytest.mark.parametrize(
    ("rules", "where"),
    [
        ([{}], "$.rules[0]"),
        ([{"metric": "latency", "margin": -1}], "$.rules[0]"),
        ([{"metric": "latency", "margin": "1"}], "$.rules[0].margin"),
        ([{"metric": "latency", "direction": "up"}], "$.rules[0].direction"),
        ([{"metric": "latency"}, {"metric": "latency", "margin": 1}], "rules"),
        ([{"metric": "latency", "magin": 1}], "$.rules[0]"),
        ("latency", "$.rules"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rows: Served, rules: Any, where: str) -> None:
    base, run = (finished(rows.client, scorers=["latency"]) for _ in range(2))
    path = f"{PATH}/{run['run_id']}/comparison"
    problem(rows.ask("POST", path, {"baseline": base["run_id"], "rules": rules}), 400, where=where)


def test_a_metric_that_was_not_measured_makes_the_verdict_inconclusive(rows: Served) -> None:
    base, run = (finished(rows.client, scorers=["latency"]) for _ in range(2))
    path = f"{PATH}/{run['run_id']}/comparison"
    rules = [{"metric": "answer_correct"}]
    verdict = rows.client.post(path, {"baseline": base["run_id"], "rules": rules})["verdict"]
    assert verdict["outcome"] == "inconclusive"
    assert "answer_correct: was not measured" in verdict["reasons"]


# -- the loop, and who may see it ----------------------------------------------------------------

SECRET = "tt-0123456789abcdef"


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Served]:
    """A server with two projects."""
    text = f"""
access:
  keys:
    - {{name: red, key: {SECRET}-red, project: red}}
    - {{name: blue, key: {SECRET}-blue, project: blue}}
    - {{name: bot, key: {SECRET}-bot, project: red, permissions: ["gateway:call", "runs:read"]}}
"""
    with served(configured(tmp_path / "data", text)) as running:
        yield running


def key(server: Served, name: str) -> Client:
    return Client(server.url, key=f"{SECRET}-{name}")


def test_the_loop_turns_once_in_a_project_of_its_own(shared: Served) -> None:
    with key(shared, "red") as red, key(shared, "blue") as blue:
        shared.client = red
        first = publish(shared, parameters={"abstain_below": 1.0})
        question = ROWS[0]["input"]
        for n in range(12):
            answer = red.chat("widgets", f"{question} ({n})")
            correction = {"expected": "port 7711", "answerable": True}
            red.score(answer["trace_id"], "thumb", passed=False, metadata=correction)
        failures = red.post("/api/v1/datasets/failures/curate", {"score": "thumb"})
        assert failures["size"] == 12
        second = red.post("/api/v1/releases", BUNDLE)
        base, new = (
            finished(red, release=release["release_id"], dataset="failures")
            for release in (first, second)
        )
        body = {"baseline": base["run_id"], "rules": [{"metric": "answer_correct"}]}
        body["store"] = True
        judged = red.post(f"{PATH}/{new['run_id']}/comparison", body)
        assert judged["verdict"]["outcome"] == "pass", judged["verdict"]["reasons"]
        promotion = {"run": new["run_id"]}
        live = red.post(f"/api/v1/releases/{second['release_id']}/promote", promotion)
        assert live["approvals"][-1]["principal"] == "red"
        assert "7711" in red.chat("widgets", question)["choices"][0]["message"]["content"]
        _is_empty(blue)
        for path in (
            "datasets/failures",
            "prompts/widgets",
            f"runs/{new['run_id']}",
            f"releases/{second['release_id']}",
            f"traces/{answer['trace_id']}",
        ):
            with pytest.raises(NotFound):
                blue.get(f"/api/v1/{path}")
        with pytest.raises(NotFound):
            blue.chat("widgets@2", question)


def _is_empty(client: Client) -> None:
    for noun in ("traces", "scores", "prompts", "datasets", "releases", "runs"):
        assert client.get(f"/api/v1/{noun}")["data"] == [], noun
    assert client.get("/api/v1/spans/count") == {"count": 0}
    assert client.get("/api/v1/metrics/overview")["traces"] == 0


def test_the_same_names_in_two_projects_are_two_things(shared: Served) -> None:
    for name, port in (("red", "1"), ("blue", "2")):
        with key(shared, name) as client:
            rows = [{"example_id": "a", "input": port}]
            added = client.post("/api/v1/datasets", {"name": "rows", "examples": rows})
            assert (added["version"], added["project"]) == (1, name)
            assert client.examples("rows")[0]["input"] == port


def test_a_key_of_the_project_with_fewer_permissions_is_held_to_them(shared: Served) -> None:
    with key(shared, "bot") as bot:
        bot.chat("trimtab/extract", "hello")
        assert bot.get(PATH) == {"data": []}
    headers = {"authorization": f"Bearer {SECRET}-bot"}
    for path, body in ((PATH, {}), ("/api/v1/scores", {}), ("/api/v1/releases/x/promote", {})):
        found = problem(shared.ask("POST", path, body, headers), 403)
        assert found["permission"] in found["fix"]
    problem(shared.ask("GET", "/api/v1/traces", headers=headers), 403)
