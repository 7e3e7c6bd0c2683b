"""`trimtab demo`: the whole loop on a server of its own, with nothing canned and nothing left."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from trimtab.cli.shell import root
from trimtab.client import Client
from trimtab.demo import questions
from trimtab.kit import datadir

pytestmark = pytest.mark.slow


QUESTIONS = questions.folder()


def subset(folder: Path, *, golden: int, traffic: int, skip: int = 0) -> Path:
    """The question sets with only some of their rows."""
    folder.mkdir()
    for name, count in (("golden.jsonl", golden), ("traffic.jsonl", traffic)):
        lines = (QUESTIONS / name).read_text("utf-8").splitlines()
        if name == "golden.jsonl":
            lines = [line for line in lines if '"split": "golden"' in line]
        (folder / name).write_text("\n".join(lines[skip : skip + count]), "utf-8")
    return folder


def played(folder: Path, monkeypatch: pytest.MonkeyPatch, *args: str) -> Result:
    """The demo over other questions, to its end."""
    monkeypatch.setattr(questions, "folder", lambda: folder)
    return CliRunner().invoke(root, ["demo", "--exit", "--port", "0", *args])


def figures(result: Result) -> tuple[str, ...]:
    """What a demo found, without latencies."""
    rows = [
        line for line in result.stdout.splitlines() if re.match(r"  (answer_c|abst|token)", line)
    ]
    return (*rows, *re.findall(r"\d+ of \d+ users satisfied", result.stdout))


@pytest.mark.slow
def test_other_questions_make_other_numbers_and_the_same_ones_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = subset(tmp_path / "first", golden=30, traffic=40)
    fewer = subset(tmp_path / "fewer", golden=29, traffic=39, skip=1)
    once, twice, other = (
        played(folder, monkeypatch, "--data", str(tmp_path / name))
        for name, folder in (("a", first), ("b", first), ("c", fewer))
    )
    for result in (once, twice, other):
        assert result.exit_code == 0, result.output
        assert "\x1b" not in result.stdout + result.stderr
    assert figures(once)
    assert figures(once) == figures(twice)
    assert figures(once) != figures(other)
    assert "30/30" in once.stdout
    assert "29/29" in other.stdout
    assert "of 40 users satisfied" in once.stdout
    assert "of 39 users satisfied" in other.stdout
    assert "Look around" not in once.stdout, "with --exit there is nobody left to look at"
    for name in ("a", "b", "c"):
        assert datadir.running_server(tmp_path / name) is None


def test_where_the_gate_does_not_pass_nothing_is_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = played(subset(tmp_path / "few", golden=3, traffic=10), monkeypatch)
    assert result.exit_code == 0, result.output
    assert "Nothing is promoted" in result.stdout
    assert "docs-assistant@2 is live" not in result.stdout


@pytest.mark.parametrize("kind", ["not empty", "a file"])
def test_a_place_that_is_taken_is_refused(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    if kind == "a file":
        data.touch()
    else:
        data.mkdir()
        (data / "mine.txt").touch()
    result = CliRunner().invoke(root, ["demo", "--exit", "--data", str(data)])
    assert result.exit_code == 2
    assert str(data) in result.stderr
    assert "name another directory" in result.stderr


def test_a_taken_port_is_exit_code_4_and_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        args = ["demo", "--exit", "--port", port, "--data", str(tmp_path / "data")]
        result = CliRunner().invoke(root, args)
    assert result.exit_code == 4
    assert port in result.stderr


def test_missing_questions_are_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = played(tmp_path / "nowhere", monkeypatch, "--data", str(tmp_path / "data"))
    assert result.exit_code == 4
    assert "traffic.jsonl" in result.stderr
    assert datadir.running_server(tmp_path / "data") is None


# -- as a process --------------------------------------------------------------------------------


class Demo:
    """A demo as its own process on a directory; what it wrote to its terminal or file so far."""

    def __init__(self, process: subprocess.Popen[bytes], data: Path) -> None:
        self.process = process
        self.data = data
        self.written = ""
        self._grown = threading.Condition()

    def read(self, descriptor: int) -> None:
        # Linux reports the end of a terminal as EIO.
        with contextlib.suppress(OSError):
            while chunk := os.read(descriptor, 65536):
                with self._grown:
                    self.written += chunk.decode(errors="replace")
                    self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()

    def until(self, text: str) -> None:
        with self._grown:
            found = self._grown.wait_for(lambda: text in self.written, 60)
        assert found, f"{text!r} was not written; this was: {self.written}"

    def server(self) -> psutil.Process:
        info = datadir.running_server(self.data)
        assert info is not None
        return psutil.Process(info.pid)


@contextlib.contextmanager
def demo(data: Path, *args: str, terminal: bool = False) -> Iterator[Demo]:
    ours, theirs = pty.openpty() if terminal else os.pipe()
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("TRIMTAB_", "NO_COLOR"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "trimtab", "demo", "--port", "0", "--data", str(data), *args],
        stdout=theirs,
        stderr=theirs,
        cwd=data.parent,
        env=environment | {"TERM": "xterm-256color", "COLUMNS": "120", "PYTHONUNBUFFERED": "1"},
    )
    os.close(theirs)
    running = Demo(process, data)
    reader = threading.Thread(target=running.read, args=(ours,))
    reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        server = datadir.running_server(data)
        if server is not None:
            psutil.Process(server.pid).kill()
        reader.join(60)
        os.close(ours)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_stopped_in_the_middle_leaves_no_server(
    tmp_path: Path, how: signal.Signals
) -> None:
    with demo(tmp_path / "data") as running:
        running.until("questions ")
        server = running.server()
        running.process.send_signal(how)
        assert running.process.wait(60) == 130
        assert not server.is_running()
    assert "Traceback" not in running.written
    assert "interrupted" in running.written


@pytest.mark.slow
def test_on_a_terminal_progress_is_drawn_and_ctrl_c_is_heeded(tmp_path: Path) -> None:
    with demo(tmp_path / "data", terminal=True) as running:
        running.until("260")
        server = running.server()
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 130
        assert not server.is_running()
    assert "\x1b[" in running.written
    assert "━" in running.written, "a bar"


@pytest.mark.slow
def test_the_demo_shows_the_loop_stays_up_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    with demo(tmp_path / "data") as running:
        running.until("Look around: http://127.0.0.1:")
        server = running.server()
        with Client(re.findall(r"Look around: (\S+)", running.written)[0]) as client:
            releases = client.get("/api/v1/releases")["data"]
            runs = client.get("/api/v1/runs")["data"]
            datasets = {row["name"]: row["size"] for row in client.get("/api/v1/datasets")["data"]}
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 0, "Ctrl-C is how a demo ends"
        assert not server.is_running()
    text = running.written
    assert "\x1b" not in text
    assert "\r" not in text
    assert [line[0] for line in re.findall(r"^\d\. .*", text, re.MULTILINE)] == list("1234567")
    assert re.search(r"(gate|verdict): pass", text)
    assistants = [one for one in releases if one["route"] == "docs-assistant"]
    assert [release["state"] for release in assistants] == ["live", "retired"]
    assert "docs-assistant@2 is live" in text
    assert [run["verdict"]["outcome"] for run in runs if run["verdict"]] == ["pass"]
    assert datasets["docs-golden"] == 200
    before, after = (int(n) for n in re.findall(r"(\d+) of 260 users satisfied", text))
    assert after > before + 30, "the improvement is no accident"
    assert datasets["docs-failures"] == 260 - before
