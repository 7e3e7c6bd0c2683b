"""How far an evaluation is, on standard error: a line that changes, or some lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from trimtab.cli.failures import printable
from trimtab.cli.output import is_fancy, is_quiet, note

if TYPE_CHECKING:
    from trimtab.evals.perform import Watching

_FANCY_S = 0.2
_PLAIN_S = 1.0
_CLEAR = "\r\x1b[2K"
_STEPS = 10


@contextmanager
def watched(watching: Watching) -> Iterator[None]:
    """Show progress while the block runs; silent under `--quiet`."""
    if is_quiet():
        yield
        return
    fancy = is_fancy(sys.stderr)
    over = threading.Event()
    thread = threading.Thread(target=_show, args=(watching, over, fancy), daemon=True)
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


def _show(watching: Watching, over: threading.Event, fancy: bool) -> None:
    run_id, started, before, step = "", 0.0, 0, -1
    while not over.wait(_FANCY_S if fancy else _PLAIN_S):
        run, engine = watching.run, watching.engine
        if run is None or engine is None:
            continue
        tally = engine.tally
        if run.run_id != run_id:
            run_id, started, before, step = run.run_id, time.monotonic(), tally.done, -1
        rate = (tally.done - before) / max(time.monotonic() - started, 1e-3)
        line = f"{run.name} {tally.done}/{tally.total}"
        line += f", {tally.failed} failed" if tally.failed else ""
        line += f", {tally.cached} kept" if tally.cached else ""
        line += f", ${engine.spending.spent_usd:.4f}" if engine.spending.spent_usd else ""
        line += f", {rate:.1f}/s"
        if engine.pace.refusals:
            line += f", {int(engine.pace.limit)} at once after {engine.pace.refusals} refusals"
        now = tally.done * _STEPS // max(tally.total, 1)
        if fancy:
            click.echo(_CLEAR + printable(line), err=True, nl=False)
        elif now != step:
            step = now
            click.echo(printable(line), err=True)
