"""`trimtab eval` where a route's name comes to mean another model: nothing old is taken for new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.scripted import Scripted, scripted
from tests.serving import Served

from trimtab.cli.shell import root
from trimtab.evals.behind import Behind

pytestmark = pytest.mark.slow

CONFIGURATION = """
providers:
  - {{name: far, kind: openai_compatible, base_url: '{url}', api_key: test}}
prices:
  - {{model: one, price: {{input: 1000, output: 1000}}}}
  - {{model: two, price: {{input: 1000, output: 1000}}}}
  - {{model: judge, price: {{input: 1000, output: 1000}}}}
"""


class Model(Scripted):
    """Says its own name, which it notes in `names`, and judges everything to be fine."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names

    def said(self, body: dict[str, Any]) -> str:
        self.names.append(body["model"])
        judged = "response_format" in body
        return '{"choice": "yes", "reason": "so"}' if judged else str(body["model"])


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def server(tmp_path: Path, asked: list[str]) -> Iterator[Served]:
    with scripted(tmp_path / "data", CONFIGURATION, Model(asked)) as world:
        yield world.server


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def route(server: Served, name: str, model: str, **fields: Any) -> None:
    server.client.put(f"/api/v1/routes/{name}", {"targets": [{"model": model}], **fields})


def release(server: Served, route: str, model: str) -> str:
    made = server.client.post("/api/v1/releases", {"route": route, "targets": [{"model": model}]})
    ref = f"{made['route']}@{made['version']}"
    server.client.post(f"/api/v1/releases/{ref}/promote", {"force": True, "reason": "a test"})
    return ref


def suite(folder: Path, **fields: Any) -> None:
    rows = [{"example_id": f"e{n}", "input": f"q{n}", "expected": "one"} for n in range(3)]
    given = {"name": folder.name, "data": {"rows": rows}, "scorers": ["exact"], **fields}
    (folder / "a.eval.yaml").write_text(json.dumps(given))


def runs(server: Served, *args: str) -> list[dict[str, Any]]:
    command = ["eval", *args, "--url", server.url, "--json", "--allow-uncalibrated"]
    result = CliRunner().invoke(root, command)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["runs"]
    return found


def digest_of_judge(run: dict[str, Any]) -> str:
    [judge] = [each for each in run["scorers"] if each["tier"] == "judge"]
    return str(judge["digest"])


def test_a_route_to_another_model_is_asked_anew(
    server: Served, asked: list[str], folder: Path
) -> None:
    suite(folder, task={"models": ["cand"]})
    route(server, "cand", "far/one")
    [before] = runs(server)
    assert before["metrics"]["exact"]["value"] == 1.0
    assert runs(server, "--changed") == []
    runs(server)
    assert asked == ["one"] * 3, "while the route is the same, replies are kept"
    route(server, "cand", "far/two")
    [after] = runs(server, "--changed")
    assert (after["metrics"]["exact"]["value"], asked[3:]) == (0.0, ["two"] * 3)
    assert after["task_digest"] != before["task_digest"]


def test_a_judge_behind_another_route_is_another_judge(
    server: Served, asked: list[str], folder: Path
) -> None:
    suite(folder, task={"outputs": "expected"}, scorers=["closed_qa"], judge={"model": "court"})
    route(server, "court", "far/one")
    [before], [same] = runs(server), runs(server)
    assert digest_of_judge(before) == digest_of_judge(same)
    assert asked == ["one"] * 3
    route(server, "court", "far/judge")
    [after] = runs(server)
    assert digest_of_judge(after) != digest_of_judge(before), "so no card of the old one counts"
    assert asked[3:] == ["judge"] * 3


def test_everything_that_may_answer_is_behind_a_name(server: Served) -> None:
    seen: list[str] = []

    def new() -> bool:
        seen.append(Behind(server.client).of("cand"))
        return seen[-1] not in seen[:-1]

    route(server, "spare", "far/one")
    route(server, "cand", "far/one", fallbacks=["spare"], aliases=["also"])
    assert new()
    assert not new()
    route(server, "spare", "far/two")
    assert new(), "a fallback"
    release(server, "cand", "far/two")
    assert new(), "a release"
    release(server, "cand", "far/judge")
    assert new(), "another release"
    known = Behind(server.client)
    assert known.of("also") == known.of("cand")
    assert known.of("far/one") == ""
    assert known.of("cand@1") != known.of("cand@2")


def test_what_cannot_be_learnt_is_neither_kept_nor_found_again() -> None:
    one, two = Behind(None), Behind(None)
    assert one.of("cand") == one.of("cand") != two.of("cand")
    assert one.of("far/one") == two.of("far/one") == ""
    note = one.note(["far/one", "cand"])
    assert note is not None
    assert "replies of cand are not kept" in note
    assert one.note(["far/one"]) is None


def test_a_key_that_may_not_read_routes_keeps_no_replies_of_them(
    server: Served, asked: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite(folder, task={"models": ["cand"]})
    route(server, "cand", "far/one")

    def refused(self: Behind) -> None:
        self._fault = "the key may not read routes"

    monkeypatch.setattr(Behind, "learn", refused)
    result = CliRunner().invoke(root, ["eval", "--url", server.url])
    assert "replies of cand are not kept" in result.output
    assert len(runs(server, "--changed")) == 1
    assert asked == ["one"] * 6
