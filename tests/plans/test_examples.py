"""The worked example: what the page shows is the file, the file is a plan, and the plan runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.docs.pages import ROOT, blocks
from tests.plans.oracle import PROVIDERS, completion
from tests.serving import Served, configured, served
from tests.upstream import Answer, Request, upstream_in_thread

import trimtab
from trimtab.api.plan_files import declaration
from trimtab.cli.shell import root
from trimtab.experiments.suite import TaskRef
from trimtab.kit.clock import SystemClock
from trimtab.plans.declared import declared

FILE = ROOT / "examples" / "plans" / "answer-mail.yaml"
ROUTES = """
  routes:
  - {name: writer, targets: [{model: far/m}]}
  - {name: docs-assistant, targets: [{model: far/m}]}
"""


def answered(request: Request) -> Answer:
    """A model that finds two questions, thinks everything urgent, and repeats what it is told."""
    body = request.json
    text = str(body["messages"][-1]["content"])
    wanted = body.get("response_format", {}).get("json_schema", {}).get("name")
    said = {
        "questions": json.dumps({"questions": ["Which port?", "Who pays?"]}),
        "urgency": json.dumps({"urgency": "high"}),
    }
    return completion(body, said.get(wanted) or f"<{text.strip()}>")


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with upstream_in_thread(handler=answered) as upstream:
        text = PROVIDERS.format(url=upstream.base_url)
        text = text.replace("}}}", "}}").replace(
            "gateway: {defaults: {retries: {attempts: 0}}", "gateway:" + ROUTES
        )
        with served(configured(tmp_path / "data", text)) as running:
            yield running


def test_the_page_shows_the_file() -> None:
    block, *_ = blocks([ROOT / "docs" / "plans.md"], "yml")
    assert block.text == FILE.read_text()


def test_every_example_is_a_plan() -> None:
    files = sorted(FILE.parent.glob("*.yaml"))
    assert files
    for file in files:
        value = declaration(file.read_bytes(), file.name)
        declared(value, project="default", author=None, clock=SystemClock())


def trimtab_says(server: Served, *words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(root, [*words, "--url", server.url], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.stdout, result.stderr


def test_the_example_is_put_run_shown_and_replayed_from_the_command_line(
    server: Served, tmp_path: Path
) -> None:
    mail = tmp_path / "mail.txt"
    mail.write_text("Which port? Who pays?")
    assert trimtab_says(server, "plans", "put", str(FILE))[1] == "answer-mail@1\n"
    code, output, progress = trimtab_says(
        server, "plans", "run", "answer-mail", "--input", f"mail=@{mail}", "--input", "tone=formal"
    )
    assert code == 0
    assert "Write a formal reply" in output
    assert "Question: Who pays?\nAnswer: <Who pays?>" in output.replace("\n\n", "\n")
    assert "+ answers[1]" in progress
    (run,) = server.client.get("/api/v1/plan-runs")["data"]
    assert (run["status"], run["calls"]) == ("done", 8)
    _, shown, _ = trimtab_says(server, "plans", "show", run["plan_run_id"])
    assert "apology" in shown
    code, again, _ = trimtab_says(server, "plans", "replay", run["plan_run_id"])
    assert (code, again) == (0, output)
    code, rows, _ = trimtab_says(server, "plans", "runs", "answer-mail", "--json")
    assert [row["calls"] for row in json.loads(rows)] == [0, 8]
    code, _, progress = trimtab_says(
        server, "plans", "replay", run["plan_run_id"], "--from", "reply"
    )
    assert (code, server.client.get("/api/v1/plan-runs")["data"][0]["calls"]) == (0, 1)
    assert "answer-mail" in trimtab_says(server, "plans", "list")[1]
    named = tmp_path / "named.yaml"
    named.write_text("name: a-name-like-a-run\nsteps: [{name: one, inputs: {x: '1'}}]\n")
    assert trimtab_says(server, "plans", "put", str(named))[1] == "a-name-like-a-run@1\n"
    assert "step one" in trimtab_says(server, "plans", "show", "a-name-like-a-run")[1]


def test_a_failed_run_is_an_exit_code_and_a_wrong_file_an_error(
    server: Served, tmp_path: Path
) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("name: x\nsteps:\n- {name: a, ask: far/m, message: '{{ steps.b.output }}'}\n")
    result = CliRunner().invoke(root, ["plans", "check", str(file)], standalone_mode=False)
    assert (result.return_value, "steps[0].message" in result.stderr) == (2, True)
    schema = "{type: object, required: [x]}"
    file.write_text(
        f"name: x\nsteps:\n- {{name: a, ask: far/m, message: m, output_schema: {schema}}}\n"
    )
    trimtab_says(server, "plans", "put", str(file))
    code, output, _ = trimtab_says(server, "plans", "run", "x")
    assert (code, output.startswith("failed: step a: the answer")) == (1, True)
    (run,) = server.client.get("/api/v1/plan-runs")["data"]
    assert trimtab_says(server, "plans", "resume", run["plan_run_id"])[0] == 1
    begun = trimtab_says(server, "plans", "resume", run["plan_run_id"], "--background")
    assert begun == (0, run["plan_run_id"] + "\n", "")
    code, output, _ = trimtab_says(server, "plans", "run", "x", "--background", "--json")
    result = CliRunner().invoke(
        root,
        ["plans", "cancel", json.loads(output)["plan_run_id"], "--url", server.url],
        standalone_mode=False,
    )
    assert "interrupted" in result.stdout or "already" in result.stderr


@pytest.mark.parametrize("row", [str, lambda said: {"text": said}], ids=["texts", "mappings"])
def test_a_plan_answers_the_rows_of_a_suite(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = [
        {"name": "a", "ask": "writer", "message": "{{ inputs.text }}"},
        {"name": "b", "inputs": {"v": "{{ steps.a.output }}!"}},
    ]
    body = {"name": "twice", "inputs": {"text": "string"}, "steps": steps}
    server.client.post("/api/v1/plans", {**body, "output": "{{ steps.b.output.v }}"})
    evaluation = trimtab.evaluate(
        TaskRef(plan="twice"),
        [{"input": row("hi"), "expected": "<hi>!"}, {"input": row("yo"), "expected": "no"}],
        scorers=["exact"],
        url=server.url,
    )
    results = {result.example_id: result for result in evaluation.results}
    assert sorted(str(one.output) for one in results.values()) == ["<hi>!", "<yo>!"]
    assert sum(score.passed is True for one in results.values() for score in one.scores) == 1
    assert all(one.cost_usd and one.trace_id for one in results.values())
    assert len(server.client.get("/api/v1/plan-runs", {"plan": "twice"})["data"]) == 2
