"""What commands print: JSON or aligned text on standard output, progress on standard error."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import click

from trimtab.cli.failures import printable
from trimtab.kit import jsonx

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

Rows = Sequence[Sequence[object]]
_PLAIN_STEPS = 10


class Branch(NamedTuple):
    """A cell of a tree: the lines drawn before it, which keep their spaces, and its text."""

    lines: str
    text: str


def emit(value: Any, as_json: bool, *, text: Callable[[], str] | None = None) -> None:
    """Print a record or plain value on standard output.

    Args:
        value: anything msgspec can encode.
        as_json: print it as one line of JSON.
        text: makes the text for people; without it, `str(value)`.
    """
    if as_json:
        click.echo(jsonx.encode(value))
    else:
        click.echo(text() if text else str(value))


def table(rows: Rows, columns: Sequence[str], *, right: Collection[str] = ()) -> str:
    """Rows as aligned text under a line of headings.

    None is shown as `-`; a column of numbers, or one named in `right`, is aligned to the right.
    Line breaks become spaces and control characters are spelt out.

    >>> print(table([["serve", 3], ["eval", None]], ["name", "calls"]))
    name   calls
    serve      3
    eval       -
    """
    cells = [[_cell(value) for value in row] for row in [columns, *rows]]
    widths = [max(_width(row[index]) for row in cells) for index in range(len(columns))]
    to_right = _right_aligned(rows, columns, right)
    return "\n".join(
        "  ".join(
            _padded(cell, width, to_right=flag)
            for cell, width, flag in zip(row, widths, to_right, strict=True)
        ).rstrip()
        for row in cells
    )


def show_table(
    rows: Rows, columns: Sequence[str], *, right: Collection[str] = (), empty: str = ""
) -> None:
    """Print a table: fitted to the window on a terminal, the text of `table` elsewhere.

    `empty` is said on standard error when there is no row.
    """
    if not rows and empty:
        note(empty)
    if not is_fancy(sys.stdout):
        click.echo(table(rows, columns, right=right))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for title, flag in zip(columns, _right_aligned(rows, columns, right), strict=True):
        grid.add_column(Text(title), justify="right" if flag else "left", no_wrap=True)
    for row in rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    Console().print(grid)


def is_quiet() -> bool:
    """Whether the command line says `--quiet`."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("quiet"))


def note(text: str) -> None:
    """A line for people on standard error; silent under `--quiet`."""
    if not is_quiet():
        click.echo(printable(text), err=True)


class Progress(Protocol):
    def advance(self, n: int = 1) -> None:
        """Say that `n` more are done."""
        ...


@contextmanager
def progress(label: str, total: int) -> Iterator[Progress]:
    """Show how far a long piece of work is: a bar on a terminal, some plain lines elsewhere.

    Silent under `--quiet`. `total` is the number of things to do.
    """
    if is_quiet():
        yield _Steps(label, total, lambda _: None)
    elif is_fancy(sys.stderr):
        with _bar(label, total) as bar:
            yield bar
    else:
        yield _Steps(label, total, lambda line: click.echo(line, err=True))


def is_fancy(stream: Any) -> bool:
    """Whether a stream is a terminal that may be drawn on (https://no-color.org respected)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return bool(stream.isatty()) and not plain


class _Steps:
    """Progress as lines: the first, about every tenth, and the last."""

    def __init__(self, label: str, total: int, write: Callable[[str], None]) -> None:
        self._label = label
        self._total = total
        self._write = write
        self._done = 0
        self._step = -1

    def advance(self, n: int = 1) -> None:
        self._done += n
        step = self._done * _PLAIN_STEPS // max(self._total, 1)
        if step != self._step:
            self._step = step
            self._write(f"{self._label} {self._done}/{self._total}")


@contextmanager
def _bar(label: str, total: int) -> Iterator[Progress]:
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as live:
        yield _Bar(live.advance, live.add_task(label, total=total))


class _Bar:
    def __init__(self, advance: Callable[[Any, float], None], task: Any) -> None:
        self._advance = advance
        self._task = task

    def advance(self, n: int = 1) -> None:
        self._advance(self._task, n)


def _right_aligned(rows: Rows, columns: Sequence[str], right: Collection[str]) -> list[bool]:
    return [
        title in right or _all_numbers([row[index] for row in rows])
        for index, title in enumerate(columns)
    ]


def _all_numbers(values: Sequence[object]) -> bool:
    given = [value for value in values if value is not None]
    return bool(given) and all(isinstance(value, int | float | Decimal) for value in given)


def _cell(value: object) -> str:
    if isinstance(value, Branch):
        return value.lines + _cell(value.text)
    return "-" if value is None else printable(" ".join(str(value).split()))


def _width(text: str) -> int:
    """Columns a text takes on a terminal (Unicode Standard Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _padded(text: str, width: int, *, to_right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if to_right else text + space
