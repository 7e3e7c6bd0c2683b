"""Two commands on one data directory: the second uses the server of the first."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from tests.serving import configured

from trimtab.cli import connect, lending
from trimtab.cli.shell import root
from trimtab.config import Config
from trimtab.kit import datadir

pytestmark = pytest.mark.slow

TASK = """
import os, signal, time
from pathlib import Path
def slow(input):
    Path("first").touch()
    time.sleep(60)
def kills(input):
    os.kill(int(Path("first.pid").read_text()), signal.SIGKILL)
    time.sleep(0.2)
    return "a"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "task.py").write_text(TASK)
    return configured(tmp_path / "data")


def run(*args: str) -> Result:
    return CliRunner().invoke(root, [*args, "--data", "data"])


def suite(name: str, task: dict[str, str]) -> str:
    rows = [{"input": "a", "expected": "a"}]
    given = {"name": name, "data": {"rows": rows}, "task": task, "scorers": ["exact"]}
    Path(f"{name}.eval.yaml").write_text(json.dumps(given))
    return f"{name}.eval.yaml"


def test_a_second_evaluation_and_other_commands_use_the_server_of_the_first(
    config: Config,
) -> None:
    key = Path("data", lending.KEY_NAME)
    key.write_text('{"pid": 1, "url": "http://127.0.0.1:1", "key": "left by somebody"}')
    key.chmod(0o644)
    with connect._opened(config):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        evaluated = run("eval", suite("second", {"outputs": "input"}))
        listed = run("runs", "list", "--json", "--key", "of-another-server")
    assert evaluated.exit_code == 0, evaluated.output
    assert [one["suite"] for one in json.loads(listed.stdout)] == ["second"]
    assert not key.exists()


def test_a_command_waits_for_those_that_use_its_server(config: Config) -> None:
    begun, over = threading.Event(), threading.Event()

    hold = threading.Event()

    def opened() -> None:
        with connect._opened(config):
            begun.set()
            hold.wait(60)
        over.set()

    thread = threading.Thread(target=opened)
    thread.start()
    assert begun.wait(60)
    with click.Context(click.Command("other")), connect.connected({"data": "data"}) as client:
        hold.set()
        assert not over.wait(0.3), "the first is done, and still serves"
        assert client.get("/api/v1/runs")["data"] == []
    assert over.wait(60)
    thread.join()


def test_a_first_that_is_killed_is_a_failure_of_the_second_which_can_be_resumed(
    config: Config,
) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "trimtab", "eval", suite("one", {"python": "task.py:slow"})],
        env={**os.environ, "TRIMTAB_DATA": "data"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        Path("first.pid").write_text(str(first.pid))
        wait = threading.Event()
        while not Path("first").exists() and first.poll() is None:
            wait.wait(0.05)
        server = datadir.running_server(Path("data"))
        assert server is not None
        assert server.pid == first.pid
        second = run("eval", suite("two", {"python": "task.py:kills"}))
    finally:
        first.kill()
        first.wait()
    assert second.exit_code == 4, second.output
    assert f"process {first.pid}" in second.stderr
    assert "--resume" in second.stderr
    resumed = run("eval", "two.eval.yaml", "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert "resumed: 1 of 1 results were there" in resumed.stderr
