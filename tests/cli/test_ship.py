"""`trimtab ship`: a declared release, from its evaluation to live, over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.scripted import Scripted, World, scripted
from tests.serving import Reply, Served
from tests.upstream import Answer, error_json

from trimtab.cli.shell import root

pytestmark = pytest.mark.slow

PROVIDER = """
providers:
  - {{name: far, kind: openai_compatible, base_url: '{url}', api_key: test}}
prices:
  - {{model: one, price: {{input: 1000, output: 1000}}}}
"""
ROWS = [
    {"example_id": f"e{n}", "input": f"{n} of {n * 37 % 101}", "expected": f"{n}"}
    for n in range(40)
]


class Model(Scripted):
    """What it says depends on the temperature that it is asked with."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: Callable[[dict[str, Any]], bool] = lambda body: False
        self.fails: Callable[[dict[str, Any]], bool] = lambda body: False

    def said(self, body: dict[str, Any]) -> str | Answer:
        if self.fails(body):
            return error_json(500, "it broke")
        text = str(body["messages"][-1]["content"])
        return "no" if self.wrong(body) else text.partition(" ")[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with scripted(tmp_path_factory.mktemp("ship") / "data", PROVIDER) as world:
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
    for name in ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def route(folder: Path) -> str:
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return folder.name.replace("_", "-")


def declare(folder: Path, route: str, temperature: float, **fields: Any) -> None:
    given = {
        "route": route,
        "targets": ["far/one"],
        "parameters": {"temperature": temperature},
        "dataset": "rows.jsonl",
        "scorers": ["exact"],
        "rules": [{"metric": "exact", "margin": 0.15}],
        **fields,
    }
    (folder / "a.release.yaml").write_text(json.dumps(given))


def ship(server: Served, *args: str) -> Result:
    return CliRunner().invoke(root, ["ship", *args, "--url", server.url])


def shipped(server: Served, *args: str, code: int = 0, yes: bool = True) -> dict[str, Any]:
    result = ship(server, *args, "--json", *(["--yes"] if yes else []))
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def states(server: Served, route: str) -> dict[int, str]:
    rows = server.client.get("/api/v1/releases", {"route": route})["data"]
    return {row["version"]: row["state"] for row in rows}


def stages(shipment: dict[str, Any]) -> dict[str, str]:
    return {stage["name"]: stage["status"] for stage in shipment["stages"]}


def test_the_first_release_of_a_route_goes_live_and_the_same_again_does_nothing(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    first = shipped(server)
    assert (first["outcome"], first["release"]) == ("shipped", f"{route}@1")
    assert states(server, route) == {1: "live"}
    asked = len(model.asked)
    again = shipped(server)
    assert (again["outcome"], again["stages"]) == ("nothing to do", [])
    assert len(model.asked) == asked
    assert states(server, route) == {1: "live"}


def test_a_release_that_is_as_good_replaces_the_live_one_on_a_run(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    declare(folder, route, 0.5)
    second = shipped(server)
    assert second["over"] == f"{route}@1"
    assert stages(second) == dict.fromkeys(["eval", "gate", "candidate", "promote"], "done")
    assert states(server, route) == {1: "retired", 2: "live"}
    release = server.client.get(f"/api/v1/releases/{route}@2")
    [promotion] = [one for one in release["approvals"] if one["action"] == "promote"]
    assert promotion["run"] == second["evidence"] == second["runs"][0]["run_id"]
    declare(folder, route, 0.7)
    assert shipped(server)["release"] == f"{route}@3"


def test_a_release_that_is_worse_goes_no_further_and_is_not_asked_twice(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    model.wrong = lambda body: body["temperature"] > 0
    declare(folder, route, 0.5)
    report = folder / "report.md"
    failed = shipped(server, "--report", str(report), code=1)
    assert failed["outcome"] == "failed"
    assert stages(failed)["gate"] == "failed"
    assert states(server, route) == {1: "live", 2: "candidate"}
    said = report.read_text()
    assert f"## Ship {route}@2" in said
    assert "| gate | failed |" in said
    asked = len(model.asked)
    again = shipped(server, code=1)
    assert again["runs"][0]["run_id"] == failed["runs"][0]["run_id"]
    assert len(model.asked) == asked


def test_each_stage_can_be_the_last_and_the_next_attempt_goes_on(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    declare(folder, route, 0.5, canary={"share": "25%", "for": "0s", "calls": 0})
    asked, runs = 0, set()
    for number, last in enumerate(["eval", "gate", "candidate", "canary"], start=1):
        found = shipped(server, "--stop-after", last)
        assert found["outcome"] == "stopped"
        assert len(found["stages"]) == number
        asked = asked or len(model.asked)
        runs |= {run["run_id"] for run in found["runs"]}
    assert states(server, route)[2] == "canary"
    assert shipped(server)["outcome"] == "shipped"
    assert len(model.asked) == asked, "nothing is asked twice"
    assert len(runs) == 1
    assert states(server, route) == {1: "retired", 2: "live"}


def call(server: Served, route: str, count: int) -> None:
    for number in range(count):
        server.client.chat(route, "1 of 1", user=f"u{number}")


def test_a_canary_must_have_answered_before_it_is_promoted(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    declare(folder, route, 0.5, canary={"share": "50%", "for": "1s", "calls": 3})
    waits = shipped(server, code=3)
    assert (waits["outcome"], stages(waits)["canary"]) == ("inconclusive", "waits")
    assert states(server, route) == {1: "live", 2: "canary"}
    call(server, route, 40)
    found = shipped(server)
    assert found["outcome"] == "shipped"
    facts = next(stage["facts"] for stage in found["stages"] if stage["name"] == "canary")
    assert 3 <= facts["calls"] < 40
    assert facts["failed"] == 0


def test_who_ships_beside_the_canary_of_another_waits(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    canary = {"share": "50%", "for": "0s", "calls": 0}
    declare(folder, route, 0.0)
    shipped(server)
    declare(folder, route, 0.5, canary=canary)
    shipped(server, "--stop-after", "canary")
    declare(folder, route, 0.7, canary=canary)
    waits = shipped(server, code=3)
    assert (waits["outcome"], stages(waits)["canary"]) == ("inconclusive", "waits")
    assert f"{route}@2 is the canary" in waits["sentence"]
    assert states(server, route) == {1: "live", 2: "canary", 3: "candidate"}


def test_a_canary_that_is_taken_back_is_no_success_and_not_tried_again(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    declare(folder, route, 0.5, canary={"share": "50%", "for": "0s", "calls": 0})
    shipped(server, "--stop-after", "canary")
    server.client.delete(f"/api/v1/releases/{route}@2/canary", {"reason": "too curt"})
    back = shipped(server, code=1)
    assert back["outcome"] == "taken back"
    assert "too curt" in back["sentence"]
    assert states(server, route) == {1: "live", 2: "candidate"}
    assert shipped(server, "--again")["outcome"] == "shipped"


def test_content_that_was_rolled_back_is_not_shipped_by_the_next_job(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    declare(folder, route, 0.5)
    shipped(server)
    path = f"/api/v1/releases/{route}@2/rollback"
    server.client.post(path, {"reason": "wrong links"})
    back = shipped(server, code=1)
    assert "wrong links" in back["sentence"]
    assert states(server, route)[1] == "live"


def test_without_a_yes_nothing_that_answers_is_changed(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    found = shipped(server, code=3, yes=False)
    assert stages(found) == {
        "eval": "done",
        "gate": "done",
        "candidate": "done",
        "promote": "waits",
    }
    assert states(server, route) == {1: "candidate"}


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0, canary={"share": "10%"})
    result = ship(server, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "a new release" in result.stdout
    assert states(server, route) == {}
    assert model.asked == []


def test_a_prompt_of_a_file_becomes_a_version_and_the_same_file_none(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    (folder / f"{route}.prompt.md").write_text("## system\n\nSay the number.\n")
    declare(folder, route, 0.0, prompt=f"{route}.prompt.md")
    shipped(server)
    shipped(server)
    assert server.client.get(f"/api/v1/prompts/{route}")["version"] == 1
    (folder / f"{route}.prompt.md").write_text("## system\n\nSay the first number.\n")
    found = shipped(server)
    assert found["release"] == f"{route}@2"
    release = server.client.get(f"/api/v1/releases/{route}@2")
    assert release["prompt"] == f"{route}@2"


MISTAKES = [
    ({"canary": {"shar": "10%"}}, "a.release.yaml:1:", "share"),
    ({"canary": {"share": "110%"}}, "canary", "no share"),
    ({"canary": {"share": 0.1, "for": "soon"}}, "canary", "length of time"),
    ({"canary": {"share": "80%"}}, "canary", "at most 0.5"),
    ({"canary": {"share": 0.1, "watch": {"figures": [{"figure": "slow"}]}}}, "canary", "`limit`"),
    ({"targets": []}, "a.release.yaml", "targets"),
    ({"suites": ["evals"]}, "a.release.yaml", "not both"),
    ({"dataset": None}, "a.release.yaml", "nothing says"),
    ({"prompt": "gone.prompt.md"}, "a.release.yaml, prompt", "cannot be read"),
]


@pytest.mark.parametrize(("fields", "where", "said"), MISTAKES)
def test_a_mistake_in_a_declaration_is_told_with_its_place(
    server: Served,
    model: Model,
    folder: Path,
    route: str,
    fields: dict[str, Any],
    where: str,
    said: str,
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    declare(folder, route, 0.5, **fields)
    result = ship(server, "--yes")
    assert result.exit_code == 2, result.output
    assert where in result.stderr
    assert said in result.stderr


# -- rules of the server ---------------------------------------------------------------------------

RULED = """
releases:
  environments:
    - {{name: staging, gate: false}}
    - {{name: production, approvals: 1}}
access:
  keys:
    - {{name: robot, key: robot-key-0123456789}}
    - {{name: ann, key: ann-key-0123456789abc}}
"""


@pytest.fixture
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Model]]:
    model = Model()
    with scripted(tmp_path_factory.mktemp("ruled") / "data", PROVIDER + RULED, model) as world:
        yield world.server, model


def by(server: Served, who: str, method: str, path: str, body: Any = None) -> Any:
    key = {"robot": "robot-key-0123456789", "ann": "ann-key-0123456789abc"}[who]
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    reply = server.ask(method, path, body, headers)
    assert reply.status < 300, reply.body
    return reply.json


def test_a_missing_approval_is_told_and_the_next_attempt_promotes(
    ruled: tuple[Served, Model], folder: Path, route: str
) -> None:
    server, model = ruled
    key = ["--key", "robot-key-0123456789"]
    declare(folder, route, 0.0)
    placed = shipped(server, *key, "--environment", "staging")
    assert "--environment staging --reason" in placed["stages"][-1]["next"][0]
    declare(folder, route, 0.0, environment="production")
    waits = shipped(server, *key, code=3)
    assert waits["stages"][-1]["name"] == "promote"
    assert waits["stages"][-1]["status"] == "waits"
    assert "releases approve" in waits["sentence"]
    asked = len(model.asked)
    path = f"/api/v1/releases/{route}@1/approve"
    by(server, "ann", "POST", path, {"reason": "looked at it", "environment": "production"})
    assert shipped(server, *key)["outcome"] == "shipped"
    release = by(server, "ann", "GET", f"/api/v1/releases/{route}@1")
    assert sorted(release["live_in"]) == ["production", "staging"]
    assert len(model.asked) == asked
    assert shipped(server, *key)["outcome"] == "nothing to do"


def test_a_canary_is_watched_as_declared_and_the_watch_takes_it_back(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    canary = {"share": "50%", "for": "6s", "calls": 1}
    declare(folder, route, 0.5, canary=canary)
    shipped(server, "--stop-after", "candidate")
    model.fails = lambda body: body["temperature"] > 0
    over = threading.Event()
    calling = threading.Thread(target=keep_calling, args=(server, route, over))
    calling.start()
    try:
        found = shipped(server, "--watch", "error,margin=0.05", code=1)
    finally:
        over.set()
        calling.join()
    assert found["outcome"] == "taken back"
    assert "trimtab:watch" in found["sentence"]
    assert states(server, route) == {1: "live", 2: "candidate"}


def test_what_happened_since_the_last_look_of_the_watch_counts_as_well(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    watch = {"figures": [{"figure": "error", "margin": 0.05}], "every_s": 3600}
    canary = {"share": "50%", "for": "1s", "watch": watch}
    declare(folder, route, 0.5, canary={**canary, "calls": 1000})
    assert shipped(server, code=3)["stages"][-1]["status"] == "waits"
    model.fails = lambda body: body["temperature"] > 0
    failed = sum(one.status >= 500 for one in map(server_call(server, route), range(32)))
    declare(folder, route, 0.5, canary={**canary, "calls": 1})
    found = shipped(server, code=1)
    assert found["outcome"] == "taken back"
    assert "is proved worse" in found["sentence"]
    assert (found["stages"][-1]["name"], found["stages"][-1]["facts"]["failed"]) == (
        "canary",
        failed,
    )
    assert states(server, route) == {1: "live", 2: "candidate"}


def server_call(server: Served, route: str) -> Callable[[int], Reply]:
    """One call of a route by a user of its own."""
    body = {"model": route, "messages": [{"role": "user", "content": "1 of 1"}]}
    headers = {"content-type": "application/json"}

    def call(number: int) -> Reply:
        whose = {**headers, "x-trimtab-user": f"u{number}"}
        return server.ask("POST", "/v1/chat/completions", body, whose)

    return call


def keep_calling(server: Served, route: str, over: threading.Event) -> None:
    number, call = 0, server_call(server, route)
    while not over.is_set():
        number += 1
        call(number)


SHIP = """
import sys
from trimtab.cli.shell import main
main(["ship", "--yes", "--json", "--concurrency", "1", "--url", sys.argv[1]])
"""


def test_what_was_paid_for_before_a_crash_is_not_paid_for_again(
    server: Served, model: Model, folder: Path, route: str
) -> None:
    declare(folder, route, 0.0)
    shipped(server)
    declare(folder, route, 0.5)
    before, enough = len(model.asked), threading.Event()

    def slowly(body: dict[str, Any]) -> bool:
        if len(model.asked) - before >= 20:
            enough.set()
            time.sleep(0.2)
        return False

    model.wrong = slowly
    process = subprocess.Popen([sys.executable, "-c", SHIP, server.url], stdout=subprocess.DEVNULL)
    assert enough.wait(60)
    process.kill()
    process.wait(30)
    model.wrong = lambda body: False
    at_crash = len(model.asked) - before
    found = shipped(server)
    assert found["outcome"] == "shipped"
    assert len(found["runs"]) == 1
    again = len(model.asked) - before - len(ROWS)
    assert at_crash < len(ROWS)
    assert again <= 2, "only what was under way is asked again"
