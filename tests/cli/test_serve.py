"""`trimtab serve` as an operator knows it: started, stopped, killed, starved, started twice."""

from __future__ import annotations

import http.client
import json
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.processes import ServeProcess, serving
from tests.waiting import until

from trimtab.client import Client
from trimtab.errors import TrimtabError

pytestmark = pytest.mark.slow


QUESTION = "Which port does the server listen on by default?"


def trimtab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trimtab", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_stopped_server_exits_cleanly_and_has_stored_everything(
    tmp_path: Path, how: signal.Signals
) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        asked = [server.client.chat("trimtab/extract", f"{QUESTION} {n}") for n in range(20)]
        assert server.stop(how) == 0
        assert "everything acknowledged is stored" in server.log.read_text()
        assert "nanobind" not in server.log.read_text()
    with serving(data) as server:
        stored = {row["trace_id"] for row in server.client.traces(limit=100)}
    assert {answer["trace_id"] for answer in asked} == stored


def test_a_stopping_server_finishes_the_answers_it_has_begun(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        with ThreadPoolExecutor(8) as pool:
            begun = [
                pool.submit(server.client.chat, "trimtab/extract", QUESTION) for _ in range(40)
            ]
            begun[4].result()
            server.process.send_signal(signal.SIGTERM)
            outcomes = [_outcome(call) for call in begun]
        assert server.process.wait(60) == 0
    assert set(outcomes) <= {"answered", "refused"}
    assert outcomes.count("answered") >= 5
    with serving(tmp_path / "data") as server:
        assert server.client.get("/api/v1/spans/count")["count"] >= outcomes.count("answered")


def _outcome(call: Future[dict[str, Any]]) -> str:
    """Answered whole, or refused at the door; a half answer would be another error."""
    error = call.exception()
    if error is None:
        return "answered"
    return "refused" if "no answer from" in str(error) else f"broken: {error}"


def test_kill_9_under_load_loses_no_answered_call_and_doubles_none(tmp_path: Path) -> None:
    data = tmp_path / "data"
    answered: set[str] = set()
    scored: set[str] = set()
    chance = random.Random(7)
    for _ in range(4):
        with serving(data) as server:
            enough = len(answered) + chance.randint(10, 90)
            with ThreadPoolExecutor(7) as pool:
                asking = [pool.submit(_until_killed, server, answered, scored) for _ in range(6)]
                pool.submit(_kill_after, server, answered, enough).result()
                for one in asking:
                    one.result()
    with serving(data) as server:
        traces = server.client.traces(limit=1000)
        stored = [row["trace_id"] for row in traces]
        kept = server.client.get("/api/v1/scores", {"name": "thumb", "limit": 10_000})["data"]
    assert answered <= set(stored)
    assert len(stored) == len(set(stored))
    assert scored <= {score["score_id"] for score in kept}
    assert all(row["spans"] == 1 for row in traces)


def _kill_after(server: ServeProcess, answered: set[str], enough: int) -> None:
    until(lambda: len(answered) >= enough, "the test did not get to send anything")
    server.kill()


def _until_killed(server: ServeProcess, answered: set[str], scored: set[str]) -> None:
    with Client(server.client.url) as client:
        for _ in range(100):
            try:
                trace_id = client.chat("trimtab/extract", QUESTION)["trace_id"]
                answered.add(trace_id)
                scored.add(client.score(trace_id, "thumb", passed=True)["score_id"])
            except TrimtabError:
                return


def test_a_second_process_is_told_who_has_the_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        second = trimtab("serve", "--data", str(data), "--port", "0")
        assert second.returncode == 2
        assert str(server.process.pid) in second.stderr
        assert server.client.url in second.stderr


def test_commands_talk_to_the_running_server_and_open_the_files_when_there_is_none(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        trace_id = server.client.chat("trimtab/extract", QUESTION)["trace_id"]
        running = trimtab("traces", "list", "--data", str(data), "--json")
        server.stop()
    stopped = trimtab("traces", "list", "--data", str(data), "--json")
    for listed in (running, stopped):
        assert listed.returncode == 0, listed.stderr
        assert [row["trace_id"] for row in json.loads(listed.stdout)] == [trace_id]
    shown = trimtab("traces", "show", trace_id, "--data", str(data))
    assert "trimtab/extract" in shown.stdout


def test_a_command_without_server_and_directory_says_what_to_do(tmp_path: Path) -> None:
    missing = trimtab("traces", "list", "--data", str(tmp_path / "none"))
    assert missing.returncode == 2
    assert "trimtab serve" in missing.stderr
    assert not (tmp_path / "none").exists(), "a command that reads makes no directory"


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        port = str(urlsplit(server.client.url).port)
        other = trimtab("serve", "--data", str(tmp_path / "other"), "--port", port)
    assert other.returncode == 2
    assert port in other.stderr
    assert "--port" in other.stderr


def test_a_full_disk_is_a_503_in_the_dialect_and_loses_no_answered_call(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        server.stop()
    answered, refused = [], []
    with serving(data, file_bytes=6_000_000) as server:
        connection = http.client.HTTPConnection(urlsplit(server.client.url).netloc, timeout=30)
        padding = "x" * 200_000
        for index in range(60):
            messages = [{"role": "user", "content": f"{index} {padding}"}]
            body = json.dumps({"model": "trimtab/extract", "messages": messages})
            connection.request("POST", "/v1/chat/completions", body)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status == 200:
                answered.append(response.headers["x-trimtab-trace-id"])
            else:
                refused.append((response.status, answer["error"]))
        connection.close()
        assert server.process.poll() is None, "a full disk does not end the server"
        server.kill()
    assert answered, "some calls fit"
    assert refused, "the disk was never full"
    for status, error in refused:
        assert status == 503
        assert "free space" in error["message"]
    with serving(data) as server:
        stored = {row["trace_id"] for row in server.client.traces(limit=1000)}
    assert set(answered) <= stored


def test_a_server_that_is_asked_for_its_first_answer_is_up_in_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    with serving(tmp_path / "data") as server:
        assert server.client.get("/readyz")["status"] == "ready"
    assert time.monotonic() - started < 60, "a bound against hanging, not a figure"
