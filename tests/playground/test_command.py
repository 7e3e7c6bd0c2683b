"""`trimtab play` as a process, against a server in front of a scripted provider."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from tests.processes import ServeProcess

SYSTEM = "Answer in {{ language }}."


def ran(served: ServeProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}
    return subprocess.run(
        [sys.executable, "-m", "trimtab", "play", "--url", served.client.url, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


def test_columns_are_told_one_after_the_other_on_a_pipe(served: ServeProcess) -> None:
    done = ran(served, "--message", "Hi", "--model", "far/slow", "--model", "far/tools")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("== ")[1:]
    assert first.startswith("far/slow\nOne two three.\n-- finished · first token")
    assert 'add({"a": 1, "b": 2})' in second
    assert "20 tokens" in first
    assert "$0.00005" in first


def test_a_column_that_failed_says_why_and_ends_the_command_with_4(served: ServeProcess) -> None:
    done = ran(served, "--message", "Hi", "--model", "far/refuses", "--model", "far/plain")
    assert done.returncode == 4
    assert "error: the temperature is too high" in done.stdout
    assert "One two three." in done.stdout


def test_every_event_is_a_line_of_json(served: ServeProcess) -> None:
    done = ran(served, "--message", "Hi", "--model", "far/plain", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["event"] for one in events[:3]] == ["opened", "started", "first_token"]
    assert events[-1]["event"] == "done"


def test_words_of_a_file_are_filled_saved_and_run_over_a_dataset(
    served: ServeProcess, tmp_path: Path
) -> None:
    file = tmp_path / "system.txt"
    file.write_text(SYSTEM)
    words = ["--system", str(file), "--message", "Hi", "--var", "language=Latin"]
    done = ran(
        served, *words, "--model", "far/plain", "--param", "temperature=0.2", "--save", "latin"
    )
    assert done.returncode == 0, done.stderr
    assert "saved as latin@1" in done.stderr
    prompt = served.client.get("/api/v1/prompts/latin")
    assert [turn["content"] for turn in prompt["messages"]] == [SYSTEM, "Hi"]
    assert prompt["parameters"] == {"temperature": 0.2}
    rows = [{"example_id": "a", "input": {"language": "Greek"}, "expected": "Hi"}]
    served.client.post("/api/v1/datasets", {"name": "tongues", "examples": rows})
    over = ["latin", "--model", "far/plain", "--model", "far/thinker", "--dataset", "tongues"]
    done = ran(served, *over, "--scorer", "length")
    assert done.returncode == 0, done.stderr
    assert "prompt latin@1 with far/thinker" in done.stdout
    assert "trimtab compare" in done.stderr
    done = ran(served, "--model", "far/plain", "--dataset", "tongues", "--scorer", "length")
    assert (done.returncode, "1/1" in done.stdout) == (0, True), done.stderr
    done = ran(served, *over, "--message", "Hi")
    assert (done.returncode, "brings its own question" in done.stderr) == (2, True)


def test_the_words_of_a_prompt_are_edited_in_the_call_that_has_them(served: ServeProcess) -> None:
    greet = {"role": "user", "content": "Greet {{ name }}."}
    served.client.post("/api/v1/prompts", {"name": "hail", "messages": [greet]})
    done = ran(served, "hail", "--var", "name=Ada", "--model", "far/plain", "--json")
    trace_id = json.loads(done.stdout.splitlines()[1])["trace_id"]
    whole, call = sorted(served.client.trace(trace_id)["spans"], key=lambda one: one["kind"])
    for edit in (["--message", "Hi"], ["--system", __file__]):
        done = ran(served, "--span", f"{trace_id}/{whole['span_id']}", *edit)
        assert (done.returncode, "those of the prompt hail@1" in done.stderr) == (2, True)
    done = ran(served, "--span", f"{trace_id}/{call['span_id']}", "--message", "Hi", "--json")
    last = json.loads(done.stdout.splitlines()[-2])["figures"]["trace_id"]
    (again,) = served.client.trace(last)["spans"]
    assert [turn["content"] for turn in again["input"]] == ["Hi"]


def test_a_recorded_call_is_asked_again_with_edits(served: ServeProcess) -> None:
    answer = served.client.chat("far/plain", "Which way?", temperature=0.75)
    trace_id = answer["trace_id"]
    (span,) = served.client.trace(trace_id)["spans"]
    done = ran(
        served, "--span", f"{trace_id}/{span['span_id']}", "--message", "That way?", "--json"
    )
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-2])["figures"]["trace_id"]
    (again,) = served.client.trace(last)["spans"]
    assert [turn["content"] for turn in again["input"]] == ["That way?"]
    assert again["attributes"]["trimtab.request"] == {"temperature": 0.75}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--message", "Hi"], "no model is named"),
        (["--model", "far/plain"], "nothing to ask"),
        (["p", "--model", "far/plain", "--var", "x"], "write NAME=VALUE"),
        (["--span", "abc", "--model", "far/plain"], "TRACE/SPAN"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(
    served: ServeProcess, arguments: list[str], said: str
) -> None:
    done = ran(served, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_columns_stand_side_by_side_on_a_terminal(served: ServeProcess) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "trimtab", "play", "--url", served.client.url]
    command += ["--message", "Hi", "--model", "far/plain", "--model", "far/thinker"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(command, stdout=follower, stderr=follower, env=environment) as running:
        os.close(follower)
        shown = b""
        while piece := _read(leader):
            shown += piece
        assert running.wait(60) == 0
    lines = shown.decode(errors="replace").splitlines()
    assert any("One two three." in line and "[thinking] Let me see." in line for line in lines)


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:  # What a terminal says when its other end is closed.
        return b""


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_runs_that_failed_end_the_command_with_4_and_the_reason(
    served: ServeProcess, more: list[str]
) -> None:
    name = f"lacking{len(more)}"
    words = {"role": "user", "content": "Say {{ lacking }}."}
    served.client.post("/api/v1/prompts", {"name": name, "messages": [words]})
    rows = [{"example_id": "a", "input": {"other": "x"}, "expected": "Hi"}]
    served.client.post("/api/v1/datasets", {"name": name, "examples": rows})
    over = [name, "--model", "far/plain", "--dataset", name, "--scorer", "length", *more]
    done = ran(served, *over)
    assert done.returncode == 4
    assert "the prompt lacks variables: lacking" in done.stderr
