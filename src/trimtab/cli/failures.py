"""Errors as a person or a program reads them, and the exit code of each.

In: an exception that ended a command. Out: text (or one line of JSON) on standard error and an exit
code. Never shows a traceback unless TRIMTAB_DEBUG is set, and never the message of an exception
that is not Trimtab's own, which may hold anything.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import click

from trimtab.errors import TrimtabError

USAGE: Final = 2
INFRASTRUCTURE: Final = 4
INTERRUPTED: Final = 130
READER_GONE: Final = 141


def known(error: TrimtabError, *, as_json: bool) -> int:
    """Report one of Trimtab's own errors; the exit code is the error's."""
    _report(error.what, error.where, error.fix, error.code, error.fields, as_json=as_json)
    return error.exit_code


def usage(error: click.ClickException, *, as_json: bool) -> int:
    """Report a wrong command line."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "trimtab"
    what = error.format_message().strip().rstrip(".")
    what = what[:1].lower() + what[1:]
    _report(what, path, f"run: {path} --help", "usage", {}, as_json=as_json)
    return USAGE


def unexpected(error: Exception, *, as_json: bool) -> int:
    """Report an exception nobody foresaw: its type and place, not its message."""
    if os.environ.get("TRIMTAB_DEBUG"):
        import traceback

        traceback.print_exception(error)
    reason = error.strerror if isinstance(error, OSError) else None
    reason = error.name if isinstance(error, ImportError) else reason
    what = f"unexpected {type(error).__name__}" + (f": {reason}" if reason else "")
    fix = "run it again with TRIMTAB_DEBUG=1 for the traceback, and report it"
    _report(what, _raised_at(error), fix, "unexpected", {}, as_json=as_json)
    return INFRASTRUCTURE


def interrupted() -> int:
    with suppress(OSError):
        click.echo("interrupted", err=True)
    return INTERRUPTED


def reader_gone() -> int:
    """The reader of our output has closed it (`| head`): end quietly, and not as a success.

    A gate whose verdict nobody could read has not passed; 141 is what a shell reports for SIGPIPE.
    """
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_GONE


def unknown_command(name: str, commands: Sequence[str]) -> str:
    """The sentence for a command that does not exist.

    >>> unknown_command("sevre", ["serve", "status"])
    "no such command 'sevre'; did you mean serve?"
    """
    near = get_close_matches(name, commands, n=1)
    return f"no such command {name!r}" + (f"; did you mean {near[0]}?" if near else "")


def printable(text: str) -> str:
    """Text with control characters spelt out, so that data cannot steer the terminal.

    >>> printable("a" + chr(27) + "[2J b")
    'a\\\\x1b[2J b'
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )


def _raised_at(error: Exception) -> str | None:
    trace = error.__traceback__
    if trace is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _report(
    what: str,
    where: str | None,
    fix: str | None,
    code: str,
    fields: Mapping[str, Any],
    *,
    as_json: bool,
) -> None:
    if as_json:
        about = {"code": code, "what": what, "where": where, "fix": fix, **fields}
        click.echo(json.dumps({"error": about}, default=str), err=True)
        return
    label = "error:"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = click.style(label, fg="red", bold=True)
    lines = [f"{label} {printable(what)}"]
    if where:
        lines.append(f"  where: {printable(where)}")
    if pointer := fields.get("pointer"):
        lines += [f"    {line}" for line in printable(str(pointer)).split("\n")]
    if fix:
        lines.append(f"  fix: {printable(fix)}")
    click.echo("\n".join(lines), err=True)
