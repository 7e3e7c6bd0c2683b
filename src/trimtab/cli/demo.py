"""`trimtab demo`: the whole loop once around, on a server of its own."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from trimtab.cli.output import is_fancy, progress
from trimtab.cli.verdicts import verdict_text
from trimtab.records import Run


@click.command()
@click.option("--exit", "leave", is_flag=True, help="Stop when the last step is done.")
@click.option("--data", metavar="DIR", help="Keep the records here; must be empty.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8321,
    show_default=True,
    help="0 takes any free one.",
)
def command(leave: bool, data: str | None, port: int) -> None:
    """Run the whole loop: ask, record, score, curate, compare, gate, promote, ask again.

    Offline and free: the model is Trimtab's own. Stays up at the end so that you can look around;
    Ctrl-C ends it.
    """
    with tempfile.TemporaryDirectory(prefix="trimtab-demo-") as scratch:
        folder = Path(data) if data else Path(scratch) / "data"
        with _stopped_in_order(), _server(folder, port) as url:
            if not leave:
                click.echo(f"\nLook around: {url}")
                click.echo(f"It stays up until Ctrl-C; ask it with: trimtab status --url {url}")
                _wait()


@contextmanager
def _stopped_in_order() -> Iterator[None]:
    """SIGTERM and a closed terminal are like Ctrl-C: the demo stops its server before it goes."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _server(data: Path, port: int) -> Iterator[str]:
    """Play the scenario on a server; it runs until the context ends."""
    from trimtab.demo.process import ServerProcess
    from trimtab.demo.scenario import play

    with ServerProcess(data, port) as client:
        play(client, Screen())
        yield client.url


def _wait() -> None:
    """Sleep until Ctrl-C, which is how a demo ends and not a failure."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("stopping", err=True)


class Screen:
    """Where the demo shows what it does: standard output, with bars where there is a terminal."""

    def step(self, text: str) -> None:
        click.echo()
        click.secho(text, bold=is_fancy(sys.stdout))

    def say(self, text: str) -> None:
        click.echo(f"  {text}")

    def verdict(self, run: Run) -> None:
        for line in verdict_text(run).splitlines():
            self.say(line)

    @contextmanager
    def counting(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        seen = 0
        lock = threading.Lock()
        with progress(f"  {label}", total) as bar:

            def show(done: int) -> None:
                nonlocal seen
                with lock:
                    bar.advance(max(0, done - seen))
                    seen = max(seen, done)

            yield show
