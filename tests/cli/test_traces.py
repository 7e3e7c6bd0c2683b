"""The commands over recorded calls, where a line of output is not enough to tell."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.api.recorded import S, call, fill, store, trace_id
from tests.processes import serving
from tests.serving import Served, configured, served

from trimtab.cli.shell import root
from trimtab.cli.traces.look import _depths
from trimtab.records import Span

COMMAND = [sys.executable, "-m", "trimtab"]
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("shelf") / "data")) as running:
        fill(running, 30)
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(configured(tmp_path / "data")) as running:
        yield running


class Terminal:
    """A command on a terminal of its own, 80 columns wide."""

    def __init__(self, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.ours = ours
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=ENVIRONMENT | {"TERM": "xterm"},
        )
        os.close(theirs)
        self.text = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def read_until(self, pattern: str) -> str:
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self.ours], [], [], 20)
            assert ready, self.text
            self.text += os.read(self.ours, 65536).decode()
        return self.text

    def read_all(self) -> str:
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(self.ours, 65536):
                self.text += chunk.decode()
        self.process.wait(20)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text).replace("\r\n", "\n")


@pytest.mark.parametrize(
    "line",
    [
        "traces list",
        "sessions",
        "users",
        "metrics groups",
        "metrics series --by model",
        "sql SELECT~name,~model,~status,~cost_usd,~input_tokens~FROM~spans~LIMIT~5",
    ],
)
def test_a_table_fits_into_80_columns(shelf: Served, line: str) -> None:
    words = [word.replace("~", " ") for word in line.split()]
    with Terminal(*words, "--url", shelf.url) as terminal:
        lines = terminal.read_all().splitlines()
    assert len(lines) >= 2
    assert max(map(len, lines)) <= 80
    assert not any("…" in one for one in lines[:1]), "no heading is cut"


def test_the_short_id_of_a_list_is_enough_to_show_a_trace(tmp_path: Path) -> None:
    with served(configured(tmp_path / "data")) as server:
        asked = server.client.chat("trimtab/extract", "Which port is it?")["trace_id"]
        listed = CliRunner().invoke(root, ["traces", "list", "--url", server.url])
        short = listed.stdout.splitlines()[1].split()[0]
        assert asked.startswith(short)
        shown = CliRunner().invoke(root, ["traces", "show", short, "--url", server.url])
    assert f"trace {asked}" in shown.stdout


def test_a_beginning_that_several_traces_have_is_refused_with_some_of_them(shelf: Served) -> None:
    result = CliRunner().invoke(root, ["traces", "show", "000000", "--url", shelf.url])
    assert result.exit_code == 2
    assert "30 traces begin with 000000" in result.stderr
    assert trace_id(30) in result.stderr


# -- erasing -----------------------------------------------------------------------------------


def test_on_a_terminal_an_erasure_asks_and_takes_no_for_an_answer(server: Served) -> None:
    fill(server, 3)
    for answer, code, left in (("n", 130, 3), ("y", 0, 2)):
        with Terminal("traces", "erase", "--user", "u1", "--url", server.url) as terminal:
            terminal.read_until(r"Erase 1 traces, 2 spans for good\? \[y/N\]")
            terminal.type(f"{answer}\n")
            terminal.read_all()
            assert terminal.process.returncode == code, terminal.text
        assert len(server.client.traces()) == left


def test_elsewhere_an_erasure_wants_to_be_told_yes(server: Served) -> None:
    fill(server, 3)
    erase = ["traces", "erase", "--user", "u1", "--url", server.url]
    refused = CliRunner().invoke(root, erase)
    assert (refused.exit_code, len(server.client.traces())) == (2, 3)
    done = CliRunner().invoke(root, [*erase, "--yes", "--json"])
    assert json.loads(done.stdout)["remaining"] == 0
    assert len(server.client.traces()) == 2


# -- exporting ---------------------------------------------------------------------------------


def test_an_export_on_standard_output_is_the_export_alone(shelf: Served) -> None:
    result = CliRunner().invoke(root, ["traces", "export", "kind:llm", "--url", shelf.url])
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 30
    assert result.stderr == ""


def test_an_export_that_fails_leaves_the_file_as_it_was(shelf: Served, tmp_path: Path) -> None:
    path = tmp_path / "spans.csv"
    path.write_text("precious")
    failed = CliRunner().invoke(
        root, ["traces", "export", "shoe:1", "-o", str(path), "--url", shelf.url]
    )
    assert failed.exit_code == 2
    assert path.read_text() == "precious"
    done = CliRunner().invoke(root, ["traces", "export", "-o", str(path), "--url", shelf.url])
    assert done.exit_code == 0
    assert path.read_text().startswith("trace_id,span_id,")
    assert [one.name for one in tmp_path.iterdir()] == ["spans.csv"]


def test_sql_is_read_from_standard_input(shelf: Served) -> None:
    asked = "SELECT count(*) AS n\nFROM spans -- all of them\n"
    result = CliRunner().invoke(root, ["sql", "-", "--json", "--url", shelf.url], input=asked)
    assert json.loads(result.stdout)["rows"] == [[60]]


def test_what_is_left_out_of_an_answer_in_sql_is_said(shelf: Served) -> None:
    result = CliRunner().invoke(
        root, ["sql", "SELECT name FROM spans", "--limit", "2", "--url", shelf.url]
    )
    assert len(result.stdout.splitlines()) == 3
    assert "only the first 2 rows" in result.stderr


# -- following ---------------------------------------------------------------------------------


def test_a_tail_shows_what_is_recorded_until_it_is_interrupted(server: Served) -> None:
    now_ns = server.app.clock.now_ns()
    with Terminal("traces", "tail", "-user:u1", "--url", server.url) as terminal:
        for n in range(1, 200):  # until it listens
            store(server, call(n * 3, now_ns + n * S))
            if select.select([terminal.ours], [], [], 0.2)[0]:
                break
        terminal.read_until(r"answer +ok .*question \d+")
        terminal.process.send_signal(signal.SIGINT)
        assert "interrupted" in terminal.read_all()
        assert terminal.process.returncode == 130


def test_a_tail_ends_after_so_many_and_writes_json_lines(server: Served) -> None:
    command = [*COMMAND, "traces", "tail", "--json", "--limit", "2", "--url", server.url]
    now_ns = server.app.clock.now_ns()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True) as process:
        assert process.stdout is not None
        for n in range(1, 200):
            store(server, call(n, now_ns + n * S))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
                break
        rows = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert len(rows) == 2
    assert rows[0]["spans"] == 2


@pytest.mark.slow
def test_a_server_that_stops_does_not_wait_for_who_follows_it(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        stream = server.client.stream("/api/v1/traces/tail")
        assert next(stream) == b": following\n\n"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(8) == 0, "long before limits.drain_s is over"
        assert list(stream) == []


# -- the tree ----------------------------------------------------------------------------------


def test_a_deep_trace_and_a_circle_of_parents_have_depths() -> None:
    def span(n: int, parent: int | None) -> Span:
        parent_id = None if parent is None else f"{parent:016x}"
        return Span(
            trace_id="a" * 32,
            span_id=f"{n:016x}",
            parent_id=parent_id,
            name="x",
            start_ns=0,
            end_ns=1,
        )

    chain = [span(n, n - 1 if n else None) for n in range(5_000)]
    assert _depths(chain)[f"{4_999:016x}"] == 4_999
    circle = [span(1, 2), span(2, 1), span(3, 9)]
    assert sorted(_depths(circle).values()) == [0, 0, 1]
