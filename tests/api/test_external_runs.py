"""Runs that are executed elsewhere: opened, filled and ended over HTTP, and there for everybody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.api.problems import problem
from tests.serving import Served

import trimtab

PATH = "/api/v1/runs"


def opening(run_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "name": "mine",
        "dataset": "rows.jsonl",
        "dataset_digest": "dd",
        "task_digest": "td",
        "suite": "s",
        "scorers": [{"name": "exact", "digest": "x"}],
        "started_ns": 5,
        "total": 3,
        **fields,
    }


def result(number: int, *, output: str = "yes", **score: Any) -> dict[str, Any]:
    target = {"kind": "example", "id": f"e{number}"}
    given = {
        "score_id": f"{number}" * 8,
        "target": target,
        "name": "exact",
        "passed": True,
        "time_ns": 7,
    }
    return {"example_id": f"e{number}", "output": output, "scores": [given | score], "time_ns": 7}


def test_a_run_is_opened_filled_and_ended(widgets: Served) -> None:
    client = widgets.client
    run = client.post(f"{PATH}/external", opening("ext-1"))
    assert (run["status"], run["source"], run["project"]) == ("running", "eval", "default")
    path = f"{PATH}/ext-1"
    taken = client.post(f"{path}/results", {"results": [result(0), result(1)]})
    assert taken == {"stored": 2}
    client.post(f"{path}/results", {"results": [result(1, output="later"), result(2)]})
    estimate = {"value": 1.0, "low": 0.4, "high": 1.0, "n": 3, "total": 3}
    end = {"status": "done", "done": 3, "metrics": {"exact": estimate}, "cost_usd": "0.25"}
    ended = client.post(f"{path}/end", end)
    assert (ended["status"], ended["cost_usd"]) == ("done", "0.25")
    assert ended["metrics"]["exact"]["value"] == 1.0
    assert client.get(path) == ended
    assert [(r["example_id"], r["output"]) for r in client.results("ext-1")] == [
        ("e0", "yes"),
        ("e1", "later"),
        ("e2", "yes"),
    ]


def test_results_are_read_page_by_page(widgets: Served) -> None:
    client = widgets.client
    client.post(f"{PATH}/external", opening("ext-2", total=7))
    client.post(f"{PATH}/ext-2/results", {"results": [result(n) for n in range(7)]})
    pages, query = [], {"limit": 3}
    while True:
        page = client.get(f"{PATH}/ext-2/results", query)
        pages.append([row["example_id"] for row in page["data"]])
        if page["next"] is None:
            break
        query = {"limit": 3, "page": page["next"]}
    assert pages == [["e0", "e1", "e2"], ["e3", "e4", "e5"], ["e6"]]


def test_scores_are_the_runs_own_and_known_to_the_telemetry(widgets: Served) -> None:
    client = widgets.client
    client.post(f"{PATH}/external", opening("ext-3"))
    client.post(f"{PATH}/ext-3/results", {"results": [result(0, project="secret")]})
    [kept] = client.results("ext-3")
    assert {score["run"] for score in kept["scores"]} == {"ext-3"}
    scores = client.get("/api/v1/scores", {"run": "ext-3"})["data"]
    assert [(score["name"], score["project"]) for score in scores] == [("exact", "default")]


def test_opening_a_run_again_goes_on_with_it(widgets: Served) -> None:
    client = widgets.client
    first = client.post(f"{PATH}/external", opening("ext-4"))
    client.post(f"{PATH}/ext-4/end", {"status": "interrupted", "done": 1, "error": "stopped"})
    again = client.post(f"{PATH}/external", opening("ext-4", started_ns=99))
    assert again.pop("heard_ns") >= first.pop("heard_ns")
    assert again == first | {"done": 1}


@pytest.mark.parametrize("other", [{"task_digest": "other"}, {"dataset_digest": "other"}])
def test_another_run_with_the_same_id_is_refused(widgets: Served, other: dict[str, str]) -> None:
    widgets.client.post(f"{PATH}/external", opening("ext-5"))
    reply = widgets.ask("POST", f"{PATH}/external", opening("ext-5", **other))
    assert problem(reply, 409)["detail"] == "run ext-5 is over other examples, or of another task"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("ext-none/results", {"results": []}, 404),
        ("ext-none/end", {"status": "done", "done": 0}, 404),
        ("external", {"run_id": "a b"}, 400),
        ("external", opening("ok", source="Not One"), 400),
        ("ext-none/results", {"results": [{"output": 1}]}, 400),
    ],
)
def test_what_cannot_be_is_refused(widgets: Served, path: str, body: Any, status: int) -> None:
    problem(widgets.ask("POST", f"{PATH}/{path}", body), status)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"repeat": -5}, "results[1].repeat"),
        ({"cost_usd": "NaN"}, "results[1].cost_usd"),
        ({"cost_usd": "-1e400"}, "results[1].cost_usd"),
        ({"latency_ms": -1.0}, "results[1].latency_ms"),
        ({"first_token_ms": -1.0}, "results[1].first_token_ms"),
        ({"scores": {"cost_usd": "Infinity"}}, "results[1].scores[0].cost_usd"),
        ({"scores": {"run": "another"}}, "results[1].scores[0].run"),
        (
            {"scores": {"target": {"kind": "example", "id": "e9"}}},
            "results[1].scores[0].target",
        ),
    ],
)
def test_results_that_cannot_be_are_refused_and_none_of_them_is_kept(
    widgets: Served, wrong: dict[str, Any], place: str
) -> None:
    client = widgets.client
    client.post(f"{PATH}/external", opening("ext-9"))
    bad = result(1, **wrong["scores"]) if "scores" in wrong else result(1) | wrong
    reply = widgets.ask("POST", f"{PATH}/ext-9/results", {"results": [result(0), bad]})
    assert place in json.dumps(problem(reply, 400))
    assert list(client.results("ext-9")) == []


def test_results_after_the_end_are_refused_until_the_run_is_opened_again(widgets: Served) -> None:
    client = widgets.client
    client.post(f"{PATH}/external", opening("ext-10"))
    client.post(f"{PATH}/ext-10/results", {"results": [result(0)]})
    client.post(f"{PATH}/ext-10/end", {"status": "done", "done": 1})
    for sent in ([result(1)], []):
        late = widgets.ask("POST", f"{PATH}/ext-10/results", {"results": sent})
        assert "has ended" in problem(late, 409)["detail"]
    client.post(f"{PATH}/external", opening("ext-10"))
    assert client.post(f"{PATH}/ext-10/results", {"results": [result(1)]}) == {"stored": 1}
    assert [row["example_id"] for row in client.results("ext-10")] == ["e0", "e1"]


def test_a_run_of_the_server_itself_is_not_written_by_others(widgets: Served) -> None:
    client = widgets.client
    client.post(
        "/api/v1/datasets", {"name": "own", "examples": [{"example_id": "a", "input": "x"}]}
    )
    body = {"release": "widgets@1", "dataset": "own", "scorers": ["exact"]}
    *_, run = client.watch(client.post(PATH, body)["run_id"], poll_s=0.02)
    for path, sent in (
        ("results", {"results": [result(0)]}),
        ("end", {"status": "done", "done": 0}),
    ):
        reply = widgets.ask("POST", f"{PATH}/{run['run_id']}/{path}", sent)
        assert "is executed by this server" in problem(reply, 409)["detail"]
    [answered] = client.results(run["run_id"])
    assert answered["output"]
    assert [score["name"] for score in answered["scores"]] == ["exact"]


def test_a_run_is_heard_of_while_it_has_no_results(
    widgets: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("silence", "upload"):
        package = "experiments" if module == "silence" else "evals"
        monkeypatch.setattr(f"trimtab.{package}.{module}.BEAT_S", 0.05)
    heard = []

    async def slow(input: str) -> str:
        for _ in range(100):
            await asyncio.sleep(0.1)
            found = await asyncio.to_thread(widgets.client.get, PATH, {"name": "beating"})
            heard.append(found["data"][0]["heard_ns"])
            if len(set(heard)) > 2:
                break
        return input

    rows = [{"input": "a", "expected": "a"}]
    ended = trimtab.evaluate(slow, rows, scorers=["exact"], name="beating", url=widgets.url)
    assert ended.passed
    assert len(set(heard)) > 2


def test_runs_are_listed_by_suite_and_by_name(widgets: Served) -> None:
    client = widgets.client
    client.post(f"{PATH}/external", opening("ext-6", suite="left", name="l"))
    client.post(f"{PATH}/external", opening("ext-7", suite="right", name="r"))
    assert [run["run_id"] for run in client.get(PATH, {"suite": "left"})["data"]] == ["ext-6"]
    assert [run["run_id"] for run in client.get(PATH, {"name": "r"})["data"]] == ["ext-7"]


def test_a_call_says_what_it_cost_and_which_run_it_is_for(widgets: Served) -> None:
    body = {"model": "widgets@1", "messages": [{"role": "user", "content": "Which port?"}]}
    reply = widgets.ask("POST", "/v1/chat/completions", body, {"x-trimtab-run": "ext-8"})
    assert reply.headers["x-trimtab-cost-usd"] == "0.000000000"
    traces = widgets.client.traces(run="ext-8")
    assert [trace["trace_id"] for trace in traces] == [reply.headers["x-trimtab-trace-id"]]
