"""`trimtab eval --changed`: whatever changes, exactly the suites that depend on it are run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from tests.scripted import Scripted, scripted
from tests.serving import Served

from trimtab.cli.shell import root

pytestmark = pytest.mark.slow

PROVIDER = """
providers:
  - {{name: far, kind: openai_compatible, base_url: '{url}', api_key: test}}
"""
SUITES: dict[str, dict[str, Any]] = {
    "of-release": {"task": {"release": "docs"}, "data": {"dataset": "golden"}},
    "of-prompt": {
        "task": {"prompt": "hello", "models": ["far/one"]},
        "data": {"rows": [{"example_id": "a", "input": "q", "expected": "yes"}]},
    },
    "of-route": {
        "task": {"models": ["fast"]},
        "data": {"rows": [{"example_id": "a", "input": "q", "expected": "yes"}]},
    },
    "of-model": {
        "task": {"models": ["far/two"]},
        "data": {"dataset": "golden"},
        "scorers": ["own.py:mine"],
    },
}
OWN = "def mine(output):\n    return len(output) > {least}\n"


class World(NamedTuple):
    server: Served
    corpus: Path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name, fields in SUITES.items():
        given = {"name": name, "scorers": ["exact"], **fields}
        (work / f"{name}.eval.yaml").write_text(json.dumps(given))
    (work / "own.py").write_text(OWN.format(least=1))
    data = tmp_path / "data"
    with scripted(data, PROVIDER, Scripted()) as there:
        server = there.server
        client = server.client
        golden(server, "yes")
        say(server, "grounded", "Answer from {{ passages }}")
        say(server, "hello", "Hello")
        client.put("/api/v1/routes/fast", {"targets": [{"model": "far/one"}]})
        release(server)
        yield World(server, data.parent / f"{data.name}-widgets")


def golden(server: Served, expected: str) -> None:
    rows = [{"example_id": "g", "input": "Which port?", "expected": expected}]
    server.client.post("/api/v1/datasets", {"name": "golden", "examples": rows})


def say(server: Served, name: str, text: str) -> None:
    message = {"role": "system", "content": text}
    server.client.post("/api/v1/prompts", {"name": name, "messages": [message]})


def release(server: Served, **fields: Any) -> None:
    bundle = {
        "route": "docs",
        "prompt": "grounded@1",
        "targets": [{"model": "far/one"}],
        "retrieval": {"corpus": "widgets", "k": 2},
        **fields,
    }
    made = server.client.post("/api/v1/releases", bundle)
    path = f"/api/v1/releases/{made['release_id']}/promote"
    server.client.post(path, {"force": True, "reason": "set up by a test"})


TOUCHES: list[tuple[str, Callable[[World], object], set[str]]] = [
    ("nothing", lambda world: None, set()),
    ("a prompt of a suite", lambda world: say(world.server, "hello", "Hi"), {"of-prompt"}),
    ("a prompt that nobody has released", lambda world: say(world.server, "grounded", "x"), set()),
    (
        "a setting of retrieval",
        lambda world: release(world.server, retrieval={"corpus": "widgets", "k": 3}),
        {"of-release"},
    ),
    (
        "a document of the corpus",
        lambda world: (world.corpus / "ports.md").write_text("# Ports\n\nPort 9 it is.\n"),
        {"of-release"},
    ),
    (
        "a model of a route",
        lambda world: world.server.client.put(
            "/api/v1/routes/fast", {"targets": [{"model": "far/two"}]}
        ),
        {"of-route"},
    ),
    ("a dataset", lambda world: golden(world.server, "no"), {"of-release", "of-model"}),
    (
        "a scorer",
        lambda world: Path("own.py").write_text(OWN.format(least=2)),
        {"of-model"},
    ),
    (
        "the policy of guards of everything",
        lambda world: world.server.client.put(
            "/api/v1/guards/policies/default", {"extends": "internal", "mode": "enforce"}
        ),
        set(SUITES),
    ),
]


def changed(world: World) -> set[str]:
    result = CliRunner().invoke(
        root, ["eval", "--changed", "--json", "--url", world.server.url, "--cache", "off"]
    )
    assert result.exit_code in (0, 1), result.output
    return {run["suite"] for run in json.loads(result.stdout)["runs"]}


def test_each_change_runs_what_depends_on_it_and_nothing_else(world: World) -> None:
    assert changed(world) == set(SUITES)
    for what, touch, suites in TOUCHES:
        touch(world)
        assert changed(world) == suites, what
