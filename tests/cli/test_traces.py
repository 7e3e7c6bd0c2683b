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
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from tests.api.recorded import S, call, fill, store, trace_id
from tests.processes import serving
from tests.serving import Served, configured, served

from trimtab.cli.shell import root
from trimtab.cli.traces.tree import drawn
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
            ready, _, _ = select.select([self.ours], [], [], 60)
            assert ready, self.text
            self.text += os.read(self.ours, 65536).decode()
        return self.text

    def read_all(self) -> str:
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(self.ours, 65536):
                self.text += chunk.decode()
        self.process.wait(60)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text).replace("\r\n", "\n")


@pytest.mark.parametrize(
    "line",
    [
        "traces list",
        "traces list --sort cost",
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


@pytest.mark.parametrize("name", ["week.xlsx", "week.json", "week.csv.gz"])
def test_an_ending_that_is_not_known_is_refused_with_those_that_are(
    shelf: Served, tmp_path: Path, name: str
) -> None:
    export = ["traces", "export", "-o", str(tmp_path / name), "--url", shelf.url]
    refused = CliRunner().invoke(root, export)
    assert refused.exit_code == 2
    assert ".jsonl, .csv, .parquet" in refused.stderr
    assert not list(tmp_path.iterdir())
    assert CliRunner().invoke(root, [*export, "--format", "csv"]).exit_code == 0


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
    (tmp_path / "trimtab.yaml").write_text("limits: {drain_s: 110}\n")
    with serving(tmp_path / "data") as server:
        stream = server.client.stream("/api/v1/traces/tail")
        assert next(stream) == b": following\n\n"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0, "long before limits.drain_s is over"
        assert list(stream) == []


# -- the tree ----------------------------------------------------------------------------------


def a_span(n: int, parent: int | None, **fields: Any) -> Span:
    given = {
        "trace_id": "a" * 32,
        "span_id": f"{n:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "name": f"span {n}",
        "start_ns": S + n,
        "end_ns": 2 * S,
    }
    return Span(**{**given, **fields})


def show(server: Served, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["traces", "show", *arguments, "--url", server.url])


def test_a_trace_is_drawn_as_a_tree() -> None:
    parents = {1: None, 2: 1, 3: 2, 4: 1, 5: 4, 6: 99, 7: 1}
    lines = [head + span.name for head, span in drawn([a_span(n, p) for n, p in parents.items()])]
    assert lines == [
        "span 1",
        "├─ span 2",
        "│  └─ span 3",
        "├─ span 4",
        "│  └─ span 5",
        "└─ span 7",
        "span 6",
    ]


@pytest.mark.parametrize("count", [2, 30, 5_000])
def test_a_deep_trace_is_drawn_within_a_bounded_width(count: int) -> None:
    chain = [a_span(n, n - 1 if n else None) for n in range(count)]
    heads = [head for head, _ in drawn(chain)]
    assert len(heads) == count
    assert max(map(len, heads)) < 90
    assert heads[-1].endswith("└─ " if count < 25 else f"… {count - 1} ")


@given(st.lists(st.integers(0, 12), max_size=12))
def test_every_span_is_drawn_once_whatever_the_parents_are(parents: list[int]) -> None:
    spans = [a_span(n, parent) for n, parent in enumerate(parents)]
    found = [span.span_id for _, span in drawn(spans)]
    assert sorted(found) == sorted(span.span_id for span in spans)


def test_the_tree_and_json_in_and_out_are_shown(server: Served) -> None:
    spans = [
        a_span(1, None, input={"order": 7, "lines": ["Öl", 2]}, output=[0.5, 0.25]),
        a_span(2, 1, output=[{"id": "d#1", "text": "A passage."}, {"id": "d#2", "text": "Next."}]),
        a_span(
            3,
            2,
            input=[{"role": "user", "content": "Which tool?"}],
            output={"role": "assistant", "content": None, "tool_calls": [{"id": "call-1"}]},
        ),
        a_span(4, 1, output={"answer": "yes", "sources": [3]}),
    ]
    store(server, spans)
    shown = show(server, "a" * 32).stdout
    assert [line[:13].rstrip() for line in shown.splitlines()[3:7]] == [
        "span 1",
        "├─ span 2",
        "│  └─ span 3",
        "└─ span 4",
    ]
    for line in (
        'input: {"order":7,"lines":["Öl",2]}',
        "output: [0.5,0.25]",
        "d#2: Next.",
        "user: Which tool?",
        'assistant: {"role":"assistant","content":null,"tool_calls":[{"id":"call-1"}]}',
        'output: {"answer":"yes","sources":[3]}',
    ):
        assert f"  {line}\n" in shown + "\n", line


def test_of_a_large_trace_the_tree_is_shown_and_what_was_said_on_demand(server: Served) -> None:
    spans = [a_span(n, 1 if n > 1 else None, input=f"question {n}!") for n in range(1, 301)]
    store(server, spans)
    brief = show(server, "a" * 32)
    assert len(brief.stdout.splitlines()) == 303
    assert "question" not in brief.stdout
    assert "300 spans" in brief.stderr
    assert "--span ID" in brief.stderr
    one = show(server, "a" * 32, "--span", brief.stdout.splitlines()[20].split()[-1])
    assert one.stdout == "span 18 (other)\n  input: question 18!\n"
    assert json.loads(show(server, "a" * 32, "--span", f"{18:016x}", "--json").stdout) == {
        **json.loads(show(server, "a" * 32, "--json").stdout)["spans"][17]
    }
    assert show(server, "a" * 32, "--all").stdout.count("question") == 300
    assert "spans begin with 00000000" in show(server, "a" * 32, "--span", "0" * 8).stderr
    unknown = show(server, "a" * 32, "--span", "f" * 16)
    assert (unknown.exit_code, "no span" in unknown.stderr) == (2, True)


# -- nothing found -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("traces list user:nobody", "no traces match"),
        ("sessions user:nobody", "no sessions match"),
        ("users user:nobody", "no users match"),
        ("metrics groups user:nobody", "no spans match"),
        ("metrics series user:nobody", "no spans match"),
        ("scores list --name nothing", "no scores match"),
        ("datasets list", "no datasets yet"),
        ("runs list", "no runs yet"),
        ("releases list", "no releases yet"),
    ],
)
def test_a_list_of_nothing_says_so(shelf: Served, line: str, said: str) -> None:
    result = CliRunner().invoke(root, [*line.split(), "--url", shelf.url])
    assert (result.exit_code, result.stderr.strip()) == (0, said)
    assert len(result.stdout.splitlines()) == 1
    as_json = CliRunner().invoke(root, [*line.split(), "--json", "--url", shelf.url])
    assert (json.loads(as_json.stdout), as_json.stderr) == ([], "")
