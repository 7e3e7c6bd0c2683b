"""`trimtab eval` over suites: files, matrices, judges, faults, money, and carrying on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from tests.scripted import Scripted, World, scripted
from tests.serving import Served, configured, served
from tests.upstream import Answer, error_json, rate_limited, respond
from tests.waiting import until

from trimtab.cli.shell import root
from trimtab.experiments.journal import read

pytestmark = pytest.mark.slow

PROVIDER = """
providers:
  - {{name: far, kind: openai_compatible, base_url: '{url}', api_key: test}}
  - {{name: dear, kind: openai_compatible, base_url: '{url}', api_key: test,
     models: [{{id: m, price: {{input: 1000, output: 1000}}}}]}}
prices:
  - {{model: one, price: {{input: 1000, output: 1000}}}}
  - {{model: two, price: {{input: 1000, output: 1000}}}}
  - {{model: judge, price: {{input: 1000, output: 1000}}}}
"""


class Model(Scripted):
    """`says` makes the text of an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.says: Callable[[dict[str, Any]], str | Answer] = lambda body: "yes"

    def said(self, body: dict[str, Any]) -> str | Answer:
        return self.says(body)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with scripted(tmp_path_factory.mktemp("suites") / "data", PROVIDER) as world:
        yield world


@pytest.fixture
def model(world: World) -> Model:
    model = Model()
    world.upstream.handler = model
    return model


@pytest.fixture
def server(world: World) -> Served:
    return world.server


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def suite(folder: Path, **fields: Any) -> dict[str, Any]:
    """Write a suite, which is JSON and so YAML; its name is that of the folder."""
    rows = [{"example_id": f"e{n}", "input": f"q{n}", "expected": "yes"} for n in range(4)]
    given = {
        "name": folder.name,
        "data": {"rows": rows},
        "task": {"models": ["far/one"]},
        "scorers": ["exact"],
        **fields,
    }
    (folder / "a.eval.yaml").write_text(json.dumps(given))
    return given


def trimtab(server: Served, *args: str) -> Result:
    return CliRunner().invoke(root, ["eval", *args, "--url", server.url])


def runs(server: Served, *args: str, code: int = 0) -> list[dict[str, Any]]:
    result = trimtab(server, *args, "--json")
    assert result.exit_code == code, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["runs"]
    return found


def test_a_suite_is_run_and_its_results_are_on_the_server(
    server: Served, model: Model, folder: Path
) -> None:
    suite(folder)
    [run] = runs(server)
    assert (run["status"], run["done"], run["total"]) == ("done", 4, 4)
    assert run["metrics"]["exact"]["value"] == 1.0
    assert float(run["cost_usd"]) > 0
    assert (run["suite"], run["task"]) == (folder.name, "far/one")
    results = sorted(server.client.results(run["run_id"]), key=lambda row: row["example_id"])
    assert [(r["example_id"], r["output"], r["model"]) for r in results] == [
        (f"e{n}", "yes", "far/one") for n in range(4)
    ]
    assert all(float(result["cost_usd"]) > 0 for result in results)
    assert list((folder / ".trimtab/evals/runs").iterdir()) == [], "the server has everything"
    shown = CliRunner().invoke(root, ["runs", "results", run["run_id"], "--url", server.url])
    assert "exact pass" in shown.stdout


def test_a_matrix_is_a_run_for_each_cell(server: Served, model: Model, folder: Path) -> None:
    model.says = lambda body: "yes" if body["model"] == "one" else "no"
    task = {"models": ["far/one", "far/two"], "parameters": {"temperature": [0, 1], "top_p": 0.5}}
    suite(folder, task=task)
    found = runs(server)
    cells = [(run["variant"], run["metrics"]["exact"]["value"]) for run in found]
    assert cells == [
        ({"model": "far/one", "temperature": "0"}, 1.0),
        ({"model": "far/one", "temperature": "1"}, 1.0),
        ({"model": "far/two", "temperature": "0"}, 0.0),
        ({"model": "far/two", "temperature": "1"}, 0.0),
    ]
    assert {body["top_p"] for body in model.asked} == {0.5}


def test_a_prompt_is_filled_with_the_row(server: Served, model: Model, folder: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "{{ word }}?"},
    ]
    server.client.post("/api/v1/prompts", {"name": "ask", "messages": messages})
    rows = [{"input": {"word": "sun"}, "expected": "yes"}]
    suite(folder, data={"rows": rows}, task={"prompt": "ask", "models": ["far/one"]})
    [run] = runs(server)
    assert run["task"] == "prompt ask@1 with far/one"
    assert [turn["content"] for turn in model.asked[0]["messages"]] == ["Be brief.", "sun?"]


def test_a_prompt_brings_what_it_takes_in_and_its_examples(
    server: Served, model: Model, folder: Path
) -> None:
    style = [{"role": "system", "content": "Be {{ tone }}."}]
    server.client.post("/api/v1/prompts", {"name": "style", "messages": style})
    taking = [
        {"role": "system", "content": '{% include "style" %}'},
        {"role": "user", "content": "{{ question }}"},
    ]
    shots = {"examples": [{"variables": {"question": "moon?"}, "answer": "no"}]}
    body = {"name": "taking", "messages": taking, "shots": shots, "labels": ["tried"]}
    server.client.post("/api/v1/prompts", body)
    rows = [{"input": {"question": "sun?", "tone": "kind"}, "expected": "yes"}]
    suite(folder, data={"rows": rows}, task={"prompt": "taking@tried", "models": ["far/one"]})
    [run] = runs(server)
    assert run["task"] == "prompt taking@1 with far/one"
    asked = [turn["content"] for turn in model.asked[0]["messages"]]
    assert asked == ["Be kind.", "moon?", "no", "sun?"]


def test_nothing_is_asked_twice_and_a_kept_reply_costs_nothing(
    server: Served, model: Model, folder: Path
) -> None:
    suite(folder, repeat=2, seed=1)
    [first] = runs(server)
    assert len(model.asked) == 8
    [second] = runs(server)
    assert len(model.asked) == 8
    assert (first["metrics"], second["cost_usd"]) == (second["metrics"], "0")
    assert all(result["cached"] for result in server.client.results(second["run_id"]))
    runs(server, "--cache", "off")
    assert len(model.asked) == 16


def test_the_code_tier_asks_no_model(server: Served, model: Model, folder: Path) -> None:
    suite(folder)
    result = trimtab(server, "--tier", "code")
    assert result.exit_code == 4
    assert "only kept ones may be used" in result.stderr
    runs(server)
    asked = len(model.asked)
    [run] = runs(server, "--tier", "code")
    assert run["metrics"]["exact"]["value"] == 1.0
    assert len(model.asked) == asked


def test_changed_runs_only_what_no_run_has_done(server: Served, model: Model, folder: Path) -> None:
    given = suite(folder)
    assert len(runs(server, "--changed")) == 1
    assert runs(server, "--changed") == []
    for change in ({"scorers": ["exact", "latency"]}, {"task": {"models": ["far/two"]}}):
        suite(folder, **{**given, **change})
        assert len(runs(server, "--changed")) == 1
        assert runs(server, "--changed") == []


def test_last_is_the_newest_run_of_the_suite(server: Served, model: Model, folder: Path) -> None:
    rows = [{"example_id": f"e{n}", "input": f"q{n}", "expected": "yes"} for n in range(40)]
    suite(folder, data={"rows": rows}, baseline="last")
    [first] = runs(server)
    assert first["verdict"] is None
    model.says = lambda body: "no"
    [second] = runs(server, "--cache", "off", code=1)
    assert second["verdict"]["baseline_run"] == first["run_id"]
    assert second["verdict"]["outcome"] == "fail"


def test_a_run_that_failed_is_not_what_later_ones_are_compared_with(
    server: Served, model: Model, folder: Path
) -> None:
    rows = [{"example_id": f"e{n}", "input": f"q{n}", "expected": "yes"} for n in range(200)]
    suite(folder, data={"rows": rows}, baseline="last")
    [first] = runs(server)
    model.says = lambda body: "no"
    [second] = runs(server, "--cache", "off", code=1)
    result = trimtab(server, "--cache", "off", "--json")
    assert result.exit_code == 1, "running again turns nothing green"
    [third] = json.loads(result.stdout)["runs"]
    assert third["verdict"]["baseline_run"] == first["run_id"]
    said = f"compared with run {first['run_id']}, the newest that stands; passed over run"
    assert f"{said} {second['run_id']} (fail)" in result.stderr
    [named] = runs(server, "--cache", "off", "--baseline", second["run_id"])
    assert named["verdict"]["outcome"] == "pass", "what is named by its id is taken"
    [fifth] = runs(server, "--cache", "off")
    assert fifth["verdict"]["baseline_run"] == named["run_id"]


def test_where_no_run_stands_nothing_is_compared_and_it_is_said(
    server: Served, model: Model, folder: Path
) -> None:
    suite(folder, baseline="last", gate={"cases": [{"metric": "exact"}]})
    model.says = lambda body: "no"
    [first] = runs(server, code=1)
    result = trimtab(server)
    assert result.exit_code == 1
    said = "no earlier run to compare with; this one is the first; passed over run"
    assert f"{said} {first['run_id']} (fail); to compare with one, name its id" in result.stderr


def test_resuming_what_came_to_its_end_shows_it_and_asks_nothing(
    server: Served, model: Model, folder: Path
) -> None:
    given = suite(folder, gate={"cases": [{"metric": "exact"}]})
    result = trimtab(server, "--cache", "off", "--resume", "--json")
    assert "there is no run to carry on with; one is begun" in result.stderr
    [first] = json.loads(result.stdout)["runs"]
    assert len(model.asked) == 4
    result = trimtab(server, "--cache", "off", "--resume", "--json")
    assert (result.exit_code, len(model.asked)) == (0, 4), result.output
    assert [run["run_id"] for run in json.loads(result.stdout)["runs"]] == [first["run_id"]]
    said = f"unchanged since run {first['run_id']}: nothing is left to carry on with"
    assert f"{said}, and nothing is asked" in result.stderr
    suite(folder, **{**given, "seed": 1})
    model.says = lambda body: error_json(500, "it broke") if "q2" in str(body) else "yes"
    [broken] = runs(server, "--cache", "off", "--resume", code=3)
    asked = len(model.asked)
    [again] = runs(server, "--cache", "off", "--resume", code=3)
    assert (again["run_id"], len(model.asked)) == (broken["run_id"], asked)


def test_changed_says_again_what_failed_and_runs_again_what_was_not_enough(
    server: Served, model: Model, folder: Path
) -> None:
    given = suite(folder, gate={"cases": [{"metric": "exact"}]})
    model.says = lambda body: "no"
    [first] = runs(server, "--changed", code=1)
    asked = len(model.asked)
    [again] = runs(server, "--changed", code=1)
    assert (again["run_id"], again["verdict"]["outcome"]) == (first["run_id"], "fail")
    said = trimtab(server, "--changed").stderr
    assert f"unchanged since run {first['run_id']}, which failed" in said
    assert len(model.asked) == asked
    suite(folder, **{**given, "gate": {}, "seed": 7})
    model.says = lambda body: error_json(500, "it broke") if "q2" in str(body) else "yes"
    [first] = runs(server, "--changed", code=3)
    model.says = lambda body: "yes"
    [again] = runs(server, "--changed")
    assert again["run_id"] != first["run_id"]
    assert runs(server, "--changed") == []


def test_cases_done_again_are_compared_with_the_run_before(
    server: Served, model: Model, folder: Path
) -> None:
    rows = [{"example_id": f"e{n}", "input": f"q{n}", "expected": "yes"} for n in range(40)]
    suite(folder, data={"rows": rows}, baseline="last")
    [base] = runs(server)
    model.says = lambda body: error_json(500, "it broke") if "q2" in str(body) else "no"
    [worse] = runs(server, "--cache", "off", code=3)
    model.says = lambda body: "no"
    [again] = runs(server, "--rerun-failed", code=1)
    assert again["run_id"] == worse["run_id"]
    assert again["verdict"]["baseline_run"] == base["run_id"]
    result = trimtab(server, "--rerun-failed", "--baseline", worse["run_id"])
    assert result.exit_code != 0
    assert "cannot be compared with itself" in result.output


def test_floors_and_cases_gate_without_a_baseline(
    server: Served, model: Model, folder: Path
) -> None:
    rules = [{"metric": "exact", "floor": 0.3}]
    suite(folder, repeat=3, gate={"rules": rules, "cases": [{"metric": "exact", "at_least": 2}]})
    [run] = runs(server)
    assert run["verdict"]["outcome"] == "pass"
    model.says = lambda body: "no" if body["messages"][-1]["content"] == "q1" else "yes"
    [run] = runs(server, "--cache", "off", code=1)
    assert "1 of 4 cases do not pass 2 repeats: e1" in " ".join(run["verdict"]["reasons"])


JUDGED = """
from trimtab import Judgement, Unscored, scorer
from trimtab.ports import Question

SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}

@scorer(tier="judge")
async def fine(output: str, judge):
    messages = [{"role": "user", "content": "judge: " + output}]
    answer = await judge.ask(
        Question(name="fine", messages=messages, schema=SCHEMA, read=lambda value: value["ok"])
    )
    if answer.error is not None:
        return Unscored(answer.error)
    return Judgement(passed=answer.value, cost_usd=answer.cost_usd)
"""


def judging(folder: Path, **fields: Any) -> None:
    (folder / "judging.py").write_text(JUDGED)
    judge = {"model": "far/judge", "timeout_s": 1.0}
    suite(folder, scorers=["exact", "judging.py:fine"], judge=judge, **fields)


def is_judge(body: dict[str, Any]) -> bool:
    return bool(body["model"] == "judge")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: "nonsense", "not JSON"),
        (lambda: '{"fine": 1}', "breaks its schema"),
        (lambda: "", "empty"),
        (lambda: error_json(500, "it broke"), "it broke"),
        (lambda: error_json(400, "no such thing"), "no such thing"),
        (lambda: rate_limited(3600), "Rate limit"),
        (lambda: [lambda peer: peer.reader.read()], "did not answer in 1 s"),
    ],
    ids=["garbage", "schema", "empty", "500", "400", "429", "hangs"],
)
def test_a_judge_that_fails_leaves_its_cases_unscored_and_the_run_inconclusive(
    server: Served, model: Model, folder: Path, answer: Callable[[], Any], reason: str
) -> None:
    model.says = lambda body: answer() if is_judge(body) else "yes"
    judging(folder)
    [run] = runs(server, "--allow-uncalibrated", code=3)
    assert run["status"] == "done"
    assert run["metrics"]["exact"]["value"] == 1.0
    assert (run["metrics"]["fine"]["value"], run["metrics"]["fine"]["n"]) == (None, 0)
    assert "only 0 of 4 examples" in " ".join(run["verdict"]["reasons"])
    scores = [s for r in server.client.results(run["run_id"]) for s in r["scores"]]
    said = [score for score in scores if score["name"] == "fine"]
    assert {score["status"] for score in said} == {"unscored"}
    assert all(reason in score["reason"] for score in said), said


def test_a_judge_that_is_told_to_wait_is_asked_again(
    server: Served, model: Model, folder: Path
) -> None:
    refusals = iter([1])
    model.says = lambda body: (
        "yes" if not is_judge(body) else rate_limited(1) if next(refusals, 0) else '{"ok": true}'
    )
    judging(folder)
    [run] = runs(server, "--allow-uncalibrated")
    assert (run["metrics"]["fine"]["value"], run["metrics"]["fine"]["n"]) == (1.0, 4)


def test_a_judge_nobody_measured_does_not_gate(server: Served, model: Model, folder: Path) -> None:
    model.says = lambda body: '{"ok": true}' if is_judge(body) else "yes"
    judging(folder, gate={"rules": [{"metric": "fine", "floor": 0.1}]})
    result = trimtab(server)
    assert result.exit_code == 3
    assert "fine: does not gate: its judge has no calibration card" in result.stdout
    [run] = runs(server, "--allow-uncalibrated")
    assert run["verdict"]["outcome"] == "pass"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: error_json(500, "it broke"), "it broke"),
        (lambda: rate_limited(3600), "Rate limit"),
        (lambda: respond(200, b"<html>"), ""),
    ],
    ids=["500", "429", "garbage"],
)
def test_cases_that_the_task_fails_on_are_unscored_and_can_be_done_again(
    server: Served, model: Model, folder: Path, answer: Callable[[], Answer], reason: str
) -> None:
    def says(body: dict[str, Any]) -> str | Answer:
        return answer() if body["messages"][-1]["content"] == "q2" else "yes"

    model.says = says
    suite(folder)
    [run] = runs(server, code=3)
    exact = run["metrics"]["exact"]
    assert (run["status"], exact["n"], exact["total"]) == ("done", 3, 4)
    [failed] = [r for r in server.client.results(run["run_id"]) if r.get("error")]
    assert failed["example_id"] == "e2"
    assert reason in failed["error"]
    model.says = lambda body: "yes"
    asked = len(model.asked)
    [again] = runs(server, "--rerun-failed")
    assert again["run_id"] == run["run_id"]
    assert again["metrics"]["exact"]["n"] == 4
    assert len(model.asked) == asked + 1


def test_a_run_ends_before_it_costs_more_and_can_be_carried_on(
    server: Served, model: Model, folder: Path
) -> None:
    suite(folder)
    [whole] = runs(server, "--cache", "off")
    most = float(whole["cost_usd"]) * 0.6
    asked = len(model.asked)
    result = trimtab(server, "--cache", "off", "--max-cost", str(most))
    assert result.exit_code == 4
    assert "stopped by its budget" in result.stderr
    assert "--resume carries on" in result.stderr
    assert len(model.asked) == asked + 2
    [run] = runs(server, "--cache", "off", "--resume")
    assert (run["status"], run["done"]) == ("done", 4)
    assert len(model.asked) == asked + 4


def test_cases_done_again_add_to_what_a_run_cost(
    server: Served, model: Model, folder: Path
) -> None:
    def says(body: dict[str, Any]) -> str:
        if "response_format" not in body:
            return str(body["messages"][-1]["content"])
        if readable or "q2" not in body["messages"][1]["content"]:
            return '{"criteria": [{"criterion": 1, "verdict": "yes", "reason": "so"}]}'
        return "<<"

    def usd(run: dict[str, Any]) -> Decimal:
        return Decimal(run["cost_usd"])

    def left(run: dict[str, Any]) -> Decimal:
        found = list(server.client.results(run["run_id"]))
        scores = [score for result in found for score in result["scores"]]
        return sum((Decimal(part["cost_usd"]) for part in [*found, *scores]), Decimal(0))

    readable = False
    model.says = says
    suite(folder, scorers=[{"rubric": {"criteria": ["fine"]}}], judge={"model": "far/judge"})
    [first] = runs(server, code=3)
    assert usd(first) == left(first)
    [again] = runs(server, "--rerun-failed", code=3)
    asked_in_vain = usd(again) - usd(first)
    assert again["run_id"] == first["run_id"]
    assert asked_in_vain > 0
    assert usd(again) == left(again) + asked_in_vain
    readable = True
    [whole] = runs(server, "--rerun-failed")
    assert usd(whole) > usd(again)
    assert usd(whole) == left(whole) + 2 * asked_in_vain


def test_what_a_run_cost_before_counts_for_its_limit(
    server: Served, model: Model, folder: Path
) -> None:
    model.says = lambda body: error_json(500, "it broke") if "q2" in str(body) else "yes"
    suite(folder)
    [first] = runs(server, "--cache", "off", code=3)
    model.says = lambda body: "yes"
    asked = len(model.asked)
    result = trimtab(server, "--rerun-failed", "--max-cost", first["cost_usd"])
    assert (result.exit_code, len(model.asked)) == (4, asked), result.output
    assert "stopped by its budget" in result.stderr
    [whole] = runs(server, "--resume", "--max-cost", str(Decimal(first["cost_usd"]) * 3))
    assert (whole["status"], whole["done"], len(model.asked)) == ("done", 4, asked + 1)


def test_a_floor_without_a_baseline_shows_no_table_of_comparisons(
    server: Served, model: Model, folder: Path
) -> None:
    suite(folder, gate={"rules": [{"metric": "exact", "floor": 0.01}]})
    result = trimtab(server)
    assert "gate: " in result.stdout
    assert "the floor 0.01" in result.stdout
    assert "baseline [95 %]" not in result.stdout


def test_a_dry_run_asks_nobody_and_says_what_it_would_cost(
    server: Served, model: Model, folder: Path
) -> None:
    suite(folder)
    first = trimtab(server, "--dry-run")
    assert re.search(r"cost: +unknown, for ", first.stdout)
    assert "detectable" in first.stdout
    assert model.asked == []
    runs(server)
    later = trimtab(server, "--dry-run")
    assert re.search(r"cost: +\$[0-9.]+, if cases cost what they did in ", later.stdout)


def test_a_forecast_goes_by_prices_of_ones_own(folder: Path) -> None:
    config = {
        "data": "own",
        "providers": [
            {
                "name": "acme",
                "kind": "openai",
                "base_url": "http://127.0.0.1:9/v1",
                "api_key": "test",
                "models": [
                    {"id": "small", "price": {"input": 1000, "output": 2000}},
                    {"id": "gpt-4o-mini"},
                ],
            }
        ],
        "prices": [{"model": "gpt-4o-mini", "price": {"input": 1000, "output": 2000}}],
    }
    (folder / "trimtab.yaml").write_text(json.dumps(config))
    for name in ("acme/small", "acme/gpt-4o-mini"):
        suite(folder, task={"models": [name], "parameters": {"max_tokens": 100}})
        result = CliRunner().invoke(root, ["eval", "a.eval.yaml", "--dry-run"])
        # 4 x (2 characters / 4 at $1000 + 100 tokens at $2000) / 10^6
        assert "cost:        $0.80, at most" in result.stdout, result.output


@pytest.mark.parametrize("over", [{}, {"max_tokens": 50}])
def test_the_forecast_of_a_release_knows_the_longest_answer_of_its_prompt(
    server: Served, folder: Path, over: dict[str, int]
) -> None:
    name = f"brief{len(over)}"
    message = {"role": "system", "content": "Be brief."}
    server.client.post(
        "/api/v1/prompts", {"name": name, "messages": [message], "parameters": {"max_tokens": 20}}
    )
    bundle = {"route": name, "targets": [{"model": "dear/m"}], "prompt": f"{name}@1"}
    server.client.post("/api/v1/releases", bundle | {"parameters": over})
    suite(folder, task={"release": f"{name}@1"})
    said = trimtab(server, "--dry-run").stdout
    assert f"with answers of {over.get('max_tokens', 20)} tokens" in said, said


def test_an_endpoint_and_recorded_answers_and_functions_are_tasks(
    server: Served, model: Model, folder: Path
) -> None:
    (folder / "app.py").write_text("async def answer(input):\n    return 'yes'\n")
    endpoint = {
        "url": f"{server.url}/v1/chat/completions",
        "body": {"model": "far/one", "messages": [{"role": "user", "content": "{{ input }}"}]},
        "output": "choices.0.message.content",
    }
    for task in ({"endpoint": endpoint}, {"outputs": "expected"}, {"python": "app.py:answer"}):
        suite(folder, task=task)
        [run] = runs(server)
        assert run["metrics"]["exact"]["value"] == 1.0, task


def test_suites_of_python_and_of_trimtab_yaml_are_found(
    server: Served, model: Model, folder: Path
) -> None:
    (folder / "evals").mkdir()
    (folder / "evals" / "eval_mine.py").write_text(
        "import trimtab\n"
        "from trimtab.experiments.suite import DataRef, TaskRef\n"
        "async def task(input):\n    return input\n"
        "rows = [{'input': 'a', 'expected': 'a'}]\n"
        "first = trimtab.Suite(name='py', data=DataRef(rows=rows), task=TaskRef(python=task),\n"
        "                      scorers=['exact'])\n"
    )
    (folder / "trimtab.yaml").write_text(
        "suites:\n- name: inline\n  data: {rows: [{input: a, expected: a}]}\n"
        "  task: {outputs: input}\n  scorers: [exact]\n"
    )
    assert sorted(run["suite"] for run in runs(server)) == ["inline", "py"]


def test_a_server_that_goes_away_loses_nothing(model: Model, folder: Path, tmp_path: Path) -> None:
    (folder / "app.py").write_text("def answer(input):\n    return 'yes'\n")
    suite(folder, task={"python": "app.py:answer"})
    result = CliRunner().invoke(root, ["eval", "--url", "http://127.0.0.1:1", "--json"])
    assert "the server does not have this run" in result.stderr
    assert "--resume sends it" in result.stderr
    with served(configured(tmp_path / "late" / "data")) as server:
        [run] = runs(server, "--resume")
        assert len(list(server.client.results(run["run_id"]))) == 4
    assert list((folder / ".trimtab/evals/runs").iterdir()) == []


def test_reports_are_written_where_they_are_wanted(
    server: Served, model: Model, folder: Path
) -> None:
    suite(folder, task={"models": ["far/one", "far/two"]})
    files = ("--junit", "out/junit.xml", "--report", "out/report.md")
    assert len(runs(server, *files)) == 2
    runs(server, "--report", "out/report.html")
    suites = ElementTree.parse(folder / "out/junit.xml").getroot().iter("testsuite")
    assert len(list(suites)) >= 2
    for name in ("report.md", "report.html"):
        text = (folder / "out" / name).read_text()
        assert "far/one" in text
        assert "far/two" in text
    result = trimtab(server, "--report", "report.doc")
    assert result.exit_code == 2
    assert "call it NAME.md or NAME.html" in result.stderr


SLOW = """
import asyncio, pathlib

async def answer(input):
    with pathlib.Path("asked.log").open("a") as log:
        log.write(input + "\\n")
    while int(input[1:]) >= 12 and not pathlib.Path("go").exists():
        await asyncio.sleep(0.05)
    return "yes"
"""


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["interrupted", "killed"]
)
def test_a_run_that_is_cut_short_is_carried_on_and_repeats_nothing(
    folder: Path, how: signal.Signals, code: int
) -> None:
    (folder / "app.py").write_text(SLOW)
    rows = [{"example_id": f"e{n}", "input": f"q{n}", "expected": "yes"} for n in range(60)]
    suite(folder, data={"rows": rows}, task={"python": "app.py:answer"}, concurrency=2)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}
    command = [sys.executable, "-m", "trimtab", "eval", "--json"]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    asked = folder / "asked.log"
    until(lambda: process.poll() is not None or (asked.exists() and "q13\n" in asked.read_text()))
    process.send_signal(how)
    out, said = process.communicate(timeout=60)
    assert process.returncode == code, said.decode()
    if how is signal.SIGINT:
        [run] = json.loads(out)["runs"]
        assert (run["status"], run["error"]) == ("interrupted", "interrupted")
        assert b"--resume carries on" in said
    [journal] = (folder / ".trimtab/evals/runs").glob("*.journal")
    kept = set(read(journal).results)
    assert len(kept) >= 8
    before = asked.read_text().splitlines()
    (folder / "go").touch()
    done = subprocess.run(
        [*command, "--resume"], env=environment, capture_output=True, check=True, timeout=120
    )
    [run] = json.loads(done.stdout)["runs"]
    assert (run["status"], run["done"], run["metrics"]["exact"]["n"]) == ("done", 60, 60)
    later = asked.read_text().splitlines()[len(before) :]
    assert {f"e{question[1:]}" for question in later}.isdisjoint({key[0] for key in kept})
    assert len(later) == 60 - len(kept)
