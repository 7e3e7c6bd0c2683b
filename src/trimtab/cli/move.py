"""`trimtab admin move`: from the embedded stores into databases of their own."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.options import config_option, data_option, load_config
from trimtab.cli.output import Progress, emit, json_option, progress, table

if TYPE_CHECKING:
    from trimtab.app import Move


@click.command("move")
@config_option
@data_option
@click.option("--telemetry-url", metavar="URL", help="clickhouse://user@host:8123/database")
@click.option("--metadata-url", metavar="URL", help="postgresql://user@host:5432/database")
@json_option
def command(as_json: bool, **flags: Any) -> None:
    """Copy the data directory into the databases of the configuration, and compare them.

    The server must not be running. A move that was stopped is begun again with the same command and
    does not write again what has arrived. Nothing is deleted. When it is done, start the server
    with the same telemetry_url and metadata_url.
    """
    from trimtab.app import move
    from trimtab.kit import datadir

    config = load_config(flags).config
    if config.telemetry_url is None and config.metadata_url is None:
        raise click.UsageError("say where to: --telemetry-url URL, --metadata-url URL, or both")
    data = Path(config.data)
    if not data.is_dir():
        raise click.UsageError(f"there is no data directory {data}")
    with datadir.acquire(data, url=""), ExitStack() as stack:
        moved = move(config, progress=_Bars(stack))
    if moved.telemetry is None and moved.metadata is None:
        raise click.UsageError(f"there is nothing to move in {data}")
    emit(moved, as_json, text=lambda: _told(moved))


class _Bars:
    """One bar after the other."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._label = ""
        self._done = 0
        self._bar: Progress | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._bar is None or what != self._label:
            self._stack.close()
            self._bar = self._stack.enter_context(progress(what, total))
            self._label, self._done = what, 0
        self._bar.advance(done - self._done)
        self._done = done


def _told(moved: Move) -> str:
    parts = []
    if (telemetry := moved.telemetry) is not None:
        rows = [
            [one.project, one.spans, one.scores, one.hours, one.digest[:12]]
            for one in telemetry.projects
        ]
        said = (
            f"telemetry: {telemetry.spans} spans and {telemetry.scores} scores are the same in both"
            f" stores, by count and digest of {telemetry.hours} hours;"
            f" {telemetry.written} spans were copied now"
        )
        parts += [table(rows, ["project", "spans", "scores", "hours", "digest"]), said]
    if moved.metadata is not None:
        rows = [[one.table, one.rows, one.digest[:12]] for one in moved.metadata]
        parts += [
            table(rows, ["table", "rows", "digest"]),
            "metadata: all tables are the same in both databases, by count and digest",
        ]
    return "\n".join(parts)
