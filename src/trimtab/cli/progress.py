"""How far a long command is, on standard error: a line that changes, or some lines in a log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import click

from trimtab.cli.failures import printable
from trimtab.cli.output import is_fancy, is_quiet, note

_FANCY_S = 0.2
_PLAIN_S = 1.0
_CLEAR = "\r\x1b[2K"


class Sight(NamedTuple):
    """What there is to see at a moment.

    Attributes:
        step: a log gets the line when this changes; None leaves it out there.
    """

    line: str
    step: Hashable


@contextmanager
def progress(show: Callable[[], Sight | None]) -> Iterator[None]:
    """Show progress while the block runs; silent under `--quiet`.

    Args:
        show: asked now and then in a thread of its own; None while there is nothing to see.
    """
    if is_quiet():
        yield
        return
    fancy = is_fancy(sys.stderr)
    over = threading.Event()
    thread = threading.Thread(target=_follow, args=(show, over, fancy), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        if fancy:
            click.echo(_CLEAR, err=True, nl=False)


def say(text: str) -> None:
    """Lines for people, in the place of the line that changes, which comes again below them."""
    if is_fancy(sys.stderr) and not is_quiet():
        click.echo(_CLEAR, err=True, nl=False)
    note(text)


def _follow(show: Callable[[], Sight | None], over: threading.Event, fancy: bool) -> None:
    step: Hashable = None
    while not over.wait(_FANCY_S if fancy else _PLAIN_S):
        sight = show()
        if sight is None:
            continue
        if fancy:
            click.echo(_CLEAR + printable(sight.line), err=True, nl=False)
        elif sight.step is not None and sight.step != step:
            step = sight.step
            click.echo(printable(sight.line), err=True)
