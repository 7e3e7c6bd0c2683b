"""SIGHUP and `trimtab config reload`: a running server reads its file again, on all processes."""

from __future__ import annotations

import http.client
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.crew import crew
from tests.processes import ServeProcess, serving
from tests.waiting import until

from trimtab.kit import datadir

pytestmark = pytest.mark.slow

EVERY = range(3)
LEAST = "limits: {concurrency: 100}\n"


def routes(*names: str) -> str:
    listed = [f"{{name: {name}, targets: [{{model: trimtab/extract}}]}}" for name in names]
    return f"{LEAST}gateway:\n  routes: [{', '.join(listed)}]\n"


def reload(data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trimtab", "config", "reload", "--data", str(data), *more]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, cwd=data.parent
    )


def answers(server: ServeProcess, model: str) -> bool:
    return model in {one["id"] for one in server.client.get("/v1/models")["data"]}


def test_sighup_has_the_file_read_again_and_a_mistake_changes_nothing(tmp_path: Path) -> None:
    file, data = tmp_path / "trimtab.yaml", tmp_path / "data"
    file.write_text(routes("one"))
    with serving(data) as server:
        file.write_text(routes("two"))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: answers(server, "two"))
        assert not answers(server, "one")
        assert "configuration reloaded by SIGHUP" in server.log.read_text()
        file.write_text(routes("three").replace("targets", "tragets"))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "nothing has changed" in server.log.read_text())
        assert "trimtab.yaml:3" in server.log.read_text()
        assert answers(server, "two")
        file.write_text(f"port: 1\n{routes('four')}")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: answers(server, "four"))
        # The port came from the command line, which beats the file.
        assert "needs a restart" not in server.log.read_text()
        file.write_text(f"workers: 2\n{routes('four')}")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "needs a restart: workers" in server.log.read_text())
        assert server.stop() == 0


def test_the_command_says_what_changed_and_exits_2_when_it_cannot(tmp_path: Path) -> None:
    file, data = tmp_path / "trimtab.yaml", tmp_path / "data"
    file.write_text(routes("one"))
    with serving(data) as server:
        file.write_text(f"listener: uvicorn\n{routes('two')}")
        done = reload(data)
        assert (done.returncode, done.stdout) == (0, "reloaded; changed: gateway.routes\n")
        assert "needs a restart: listener" in done.stderr
        assert answers(server, "two")
        assert json.loads(reload(data, "--json").stdout)["needs_restart"] == ["listener"]
        file.write_text("limits: {concurrency: 0}\n")
        failed = reload(data, "--config", os.devnull)
        assert failed.returncode == 2
        assert "limits.concurrency" in failed.stderr
        assert "trimtab.yaml:1" in failed.stderr
        assert answers(server, "two")


def test_the_log_follows_the_file(tmp_path: Path) -> None:
    file, data = tmp_path / "trimtab.yaml", tmp_path / "data"
    file.write_text("log: {format: text}\n")
    with serving(data) as server:
        file.write_text("log: {format: json}\n")
        assert reload(data).returncode == 0
        last = server.log.read_text().splitlines()[-1]
        assert json.loads(last)["message"].endswith("changed: log.format")


class Load:
    """Requests to the server all the time; every status that was answered."""

    def __init__(self, url: str, body: Callable[[], dict[str, object]], count: int = 4) -> None:
        self.statuses: list[int] = []
        self._url = url
        self._body = body
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(count)
        self._count = count

    def __enter__(self) -> Load:
        self._asking = [self._pool.submit(self._run) for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for one in self._asking:
            one.result()

    def _run(self) -> None:
        while not self._stop.is_set():
            connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=30)
            with closing(connection):
                for _ in range(5):
                    connection.request("POST", "/v1/chat/completions", json.dumps(self._body()))
                    response = connection.getresponse()
                    response.read()
                    self.statuses.append(response.status)


def test_all_processes_answer_by_the_new_file_and_no_request_fails(tmp_path: Path) -> None:
    file, data = tmp_path / "trimtab.yaml", tmp_path / "data"
    file.write_text(routes("kept"))
    body = {"model": "kept", "messages": [{"role": "user", "content": "Which port?"}]}
    with crew(data, 3) as running:
        with Load(running.server.client.url, lambda: body) as load:
            for number in range(10):
                file.write_text(routes("kept", f"new-{number}"))
                running.server.client.post("/api/v1/config/reload")
            seen = len(load.statuses)
            until(lambda: len(load.statuses) > seen + 20)
        assert set(load.statuses) == {200}
        for number in EVERY:
            assert running.chat(number, "Which port?", model="new-9").status == 200
            assert running.chat(number, "Which port?", model="new-8").status == 404
        # One that is started later has the file's settings of then, and so has one that missed it.
        os.kill(running.pid(2), signal.SIGKILL)
        until(lambda: running.measured(2) is None)
        file.write_text(routes("kept", "later"))
        running.server.client.post("/api/v1/config/reload")
        running.wait()
        until(lambda: running.chat(2, "Which port?", model="later").status == 200)
        # A worker that is told to hang up goes on.
        os.kill(running.pid(1), signal.SIGHUP)
        assert running.chat(1, "Which port?", model="later").status == 200
        assert running.server.stop() == 0
    assert "Traceback" not in running.server.log.read_text()


def test_a_server_whose_terminal_is_closed_stops_in_order(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "trimtab", "serve", "--data", str(data), "--port", "0"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, command)
    until(lambda: datadir.running_server(data) is not None)
    os.close(terminal)
    until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)
    assert datadir.running_server(data) is None
