"""The outermost command: help, exit codes, and how errors are said."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from trimtab.cli import output
from trimtab.cli.shell import COMMANDS, SECTIONS, LazyGroup, root
from trimtab.errors import Conflict, MissingExtra, NotFound, ProviderTimeout, TrimtabError
from trimtab.version import __version__

HEAVY = {
    "alembic", "asyncio", "duckdb", "importlib.metadata", "jinja2", "msgspec", "numpy", "rich",
    "sqlalchemy", "starlette", "uvicorn", "yaml",
}  # fmt: skip
PROBE = """
import sys
before = set(sys.modules)
from trimtab.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def trimtab(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trimtab", *args],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=clean(env or {}),
    )


def clean(extra: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    return kept | extra


def ending(error: BaseException | None = None, code: int = 0, says: str = "") -> LazyGroup:
    """The real group with one more command, which ends in a certain way."""

    @click.command()
    @output.json_option
    def end(as_json: bool) -> None:
        if says:
            click.echo(says)
        if error is not None:
            raise error
        click.get_current_context().exit(code)

    return LazyGroup(name="trimtab", commands={"end": end})


def invoke(group: LazyGroup, *args: str) -> Result:
    return CliRunner().invoke(group, list(args))


# -- help --------------------------------------------------------------------------------------


def test_help_names_every_command_and_imports_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "--help"],
        check=False,
        capture_output=True,
        text=True,
        env=clean({}),
    )
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert all(f"{title}:" in done.stdout for title in SECTIONS)
    loaded = set(done.stderr.split())
    assert not {name for name in loaded if name.split(".")[0] in HEAVY or name in HEAVY}
    assert {name for name in loaded if name.startswith("trimtab")} == {
        "trimtab", "trimtab.cli", "trimtab.cli.failures", "trimtab.cli.shell", "trimtab.errors",
        "trimtab.version",
    }  # fmt: skip
    assert len(loaded) <= 120


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_explains_itself(name):
    result = invoke(root, name, "--help")
    assert result.exit_code == 0, result.output
    assert f"Usage: trimtab {name}" in result.stdout


def test_the_installed_command_and_the_module_are_the_same():
    [script] = metadata.entry_points(group="console_scripts", name="trimtab")
    assert script.value == "trimtab.cli:main"
    assert trimtab("--version").stdout == f"trimtab {__version__}\n"


def test_without_arguments_the_help_is_shown_as_a_usage_error():
    result = invoke(root)
    assert result.exit_code == 2
    assert "Usage: trimtab" in result.stderr
    assert result.stdout == ""


# -- exit codes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TrimtabError("no"), 4),
        (NotFound("no run r1", where="run", fix="list them"), 2),
        (Conflict("the gate failed"), 2),
        (ProviderTimeout("no answer"), 4),
        (MissingExtra.named("postgres", needed_for="postgresql URLs"), 2),
        (click.UsageError("bad"), 2),
        (click.ClickException("bad"), 2),
        (click.FileError("x", "gone"), 2),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (BrokenPipeError(), 141),
        (ZeroDivisionError("bad"), 4),
        (RecursionError(), 4),
        (None, 0),
    ],
)
def test_each_kind_of_end_has_its_exit_code(error, code):
    assert invoke(ending(error), "end").exit_code == code


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_command_ends_with_the_code_it_chooses(code):
    result = invoke(ending(code=code, says="verdict"), "end")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "verdict\n", "")


def test_the_code_is_returned_instead_where_click_is_embedded():
    assert ending(code=3).main(["end"], standalone_mode=False) == 3


def test_a_reader_that_went_away_is_neither_a_success_nor_a_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "trimtab", "config", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean({}),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == 141


# -- errors ------------------------------------------------------------------------------------


def test_an_error_says_what_where_and_fix_on_standard_error():
    result = invoke(ending(NotFound("no run r1", where="run", fix="list them")), "end")
    assert result.stderr == "error: no run r1\n  where: run\n  fix: list them\n"
    assert result.stdout == ""


def test_with_json_an_error_is_one_line_of_json_with_its_fields():
    result = invoke(ending(NotFound("no run", where="run", fix="list", run="r1")), "end", "--json")
    assert json.loads(result.stderr) == {
        "error": {"code": "not_found", "what": "no run", "where": "run", "fix": "list", "run": "r1"}
    }
    assert result.stderr.count("\n") == 1


def test_what_comes_from_outside_cannot_steer_the_terminal():
    result = invoke(ending(NotFound("no \x1b]0;owned\x07 run\u202e")), "end")
    assert result.stderr == "error: no \\x1b]0;owned\\x07 run\\u202e\n"


def test_an_unexpected_error_shows_its_type_and_place_but_not_its_message():
    result = invoke(ending(ValueError("sk-topsecret")), "end")
    assert "unexpected ValueError" in result.stderr
    assert "where: test_cli.py:" in result.stderr
    assert "TRIMTAB_DEBUG=1" in result.stderr
    assert "topsecret" not in result.stderr
    full = invoke(ending(OSError(28, "No space left on device")), "end").stderr
    assert "No space left on device" in full


def test_the_traceback_is_shown_when_asked_for(monkeypatch):
    monkeypatch.setenv("TRIMTAB_DEBUG", "1")
    result = invoke(ending(ValueError("details")), "end")
    assert "Traceback" in result.stderr
    assert "ValueError: details" in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["sevre"], "did you mean serve?"),
        (["zzz"], "no such command 'zzz'"),
        (["version", "--jsno"], "--json"),
        (["config", "shwo"], "show"),
        (["--nope"], "no such option"),
        (["serve", "--port", "x"], "--port"),
    ],
)
def test_a_wrong_command_line_names_the_right_one(args, said):
    result = invoke(root, *args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "--help" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_offered(shell):
    done = trimtab(env={"_TRIMTAB_COMPLETE": f"{shell}_source"})
    assert done.returncode == 0
    assert "_TRIMTAB_COMPLETE" in done.stdout


# -- output ------------------------------------------------------------------------------------


def run_with(*args: str, action: Any) -> Result:
    """Run code inside a command of the real program."""

    @click.command()
    def act() -> None:
        action()

    root_options = LazyGroup(
        name="trimtab", commands={"act": act}, params=root.params, callback=root.callback
    )
    return invoke(root_options, *args, "act")


def test_progress_is_plain_lines_on_standard_error_away_from_a_terminal():
    def work() -> None:
        with output.progress("scoring", 40) as bar:
            for _ in range(40):
                bar.advance()

    result = run_with(action=work)
    lines = result.stderr.splitlines()
    assert result.stdout == ""
    assert lines[0] == "scoring 1/40"
    assert lines[-1] == "scoring 40/40"
    assert len(lines) == 11
    assert run_with("--quiet", action=work).output == ""


@pytest.mark.parametrize("total", [0, 1, 3])
def test_progress_over_few_things_says_each_of_them(total):
    def work() -> None:
        with output.progress("x", total) as bar:
            for _ in range(total):
                bar.advance()

    assert run_with(action=work).stderr.splitlines() == [f"x {n + 1}/{total}" for n in range(total)]


DRAWING = """
from trimtab.cli.output import progress, show_table
show_table([["[red]a[/red]", 1]], ["name", "calls"])
with progress("scoring [1]", 4) as bar:
    for _ in range(4):
        bar.advance()
"""


def on_a_terminal(code: str, env: dict[str, str]) -> str:
    """What a program writes when its output is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=clean(env)
    )
    os.close(theirs)
    written = b""
    # Linux reports the end of a terminal as EIO.
    with suppress(OSError):
        while chunk := os.read(ours, 65536):
            written += chunk
    os.close(ours)
    assert process.wait(60) == 0
    return written.decode()


def test_a_terminal_gets_a_bar_and_the_cells_as_they_are():
    written = on_a_terminal(DRAWING, {"TERM": "xterm-256color", "COLUMNS": "100", "NO_COLOR": ""})
    assert "\x1b[" in written
    assert "[red]a[/red]" in written
    assert "4/4" in written
    assert "scoring [1]" in written


def test_a_terminal_without_colour_gets_plain_lines():
    written = on_a_terminal(DRAWING, {"TERM": "xterm-256color", "NO_COLOR": "1"})
    assert "\x1b" not in written
    assert written.splitlines()[:2] == ["name          calls", "[red]a[/red]      1"]
    assert "scoring [1] 4/4" in written


def test_notes_are_silent_when_quiet():
    assert run_with(action=lambda: output.note("kept at x")).stderr == "kept at x\n"
    assert run_with("-q", action=lambda: output.note("kept at x")).stderr == ""


def test_a_table_keeps_its_columns_whatever_the_cells_hold():
    rows = [["日本語", 1], ["two\nlines\x1b[31m", None], ["e\u0301", 20]]
    lines = output.table(rows, ["name", "calls"]).splitlines()
    assert lines == [
        "name               calls",
        "日本語                 1",
        "two lines\\x1b[31m      -",
        "e\u0301                     20",
    ]


def test_records_are_emitted_as_one_line_of_json():
    result = run_with(action=lambda: output.emit({"a": [1]}, True, text=lambda: "text"))
    assert result.stdout == '{"a":[1]}\n'
    result = run_with(action=lambda: output.emit({"a": [1]}, False, text=lambda: "text"))
    assert result.stdout == "text\n"
